#include <voxgrad/ops/cpu/conv/gather.h>

#include <algorithm>
#include <cstring>

namespace voxgrad::ops::cpu {
namespace {

// Least r with r * step >= bound; step > 0.
Index first_multiple(Index bound, Index step) {
  return bound <= 0 ? -(-bound / step) : (bound - 1) / step + 1;
}

// Short runs are common (one channel, three taps), and a call to memcpy costs more than they do.
template <typename T>
void copy_run(T* to, const T* from, Index count) {
  if (count >= 16) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(T));
    return;
  }
  const auto piece = [&]<Index size>(std::integral_constant<Index, size>) {
    if ((count & size) == 0) return;
    std::memcpy(to, from, size * sizeof(T));
    to += size;
    from += size;
  };
  piece(std::integral_constant<Index, 8>());
  piece(std::integral_constant<Index, 4>());
  piece(std::integral_constant<Index, 2>());
  piece(std::integral_constant<Index, 1>());
}

template <typename T>
void zero_run(T* to, Index count) {
  std::fill(to, to + count, T{0});
}

// One line of source positions along the last axis: rows [rows.begin, rows.end) of it, taps of one
// (axis 0, axis 1) pair.
template <typename T>
struct Line {
  const GatherAxis& axis;
  const T* source;  // position 0
  Index stride;     // between positions
  Index channels, channel_stride;
  Range rows, taps;
  T* columns;   // of the first row
  Index width;  // elements from row to row of the columns

  void copy_channels(T* to, const T* from, Index count) const {
    if (channel_stride == 1) return copy_run(to, from, count);
    for (Index c = 0; c < count; ++c) to[c] = from[c * channel_stride];
  }

  // Rows near the ends: each tap may fall outside.
  void edge(Index begin, Index end) const {
    for (Index row = begin; row < end; ++row) {
      T* out = columns + (row - rows.begin) * width;
      for (Index tap = taps.begin; tap < taps.end; ++tap, out += channels) {
        const Index at = axis.at(row, tap);
        if (0 <= at && at < axis.size) copy_channels(out, source + at * stride, channels);
        else zero_run(out, channels);
      }
    }
  }

  // Rows whose taps are all inside: no test, and one run where the taps lie side by side.
  void interior(Index begin, Index end) const {
    const bool one_run =
        taps.length() == 1 || (channel_stride == 1 && axis.tap_step * stride == channels);
    const Index runs = one_run ? 1 : taps.length();
    const Index run = one_run ? taps.length() * channels : channels;
    const T* from = source + axis.at(begin, taps.begin) * stride;
    T* to = columns + (begin - rows.begin) * width;
    for (Index row = begin; row < end; ++row) {
      for (Index i = 0; i < runs; ++i) {
        copy_channels(to + i * run, from + i * axis.tap_step * stride, run);
      }
      from += axis.row_step * stride;
      to += width;
    }
  }

  void copy() const {
    const Index first = axis.at(0, taps.begin);
    const Index last = axis.at(0, taps.end - 1);
    const Index inside = std::clamp(first_multiple(-first, axis.row_step), rows.begin, rows.end);
    const Index outside =
        std::clamp(first_multiple(axis.size - last, axis.row_step), inside, rows.end);
    edge(rows.begin, inside);
    if (inside < outside) interior(inside, outside);
    edge(outside, rows.end);
  }

  void zero() const {
    for (Index row = 0; row < rows.length(); ++row) {
      zero_run(columns + row * width, taps.length() * channels);
    }
  }
};

// The rows of one line (batch, row0, row1), all taps asked for.
template <typename T>
void gather_line(const Gather& map, const Volumes<const T>& source, Index channels,
                 const Index (&at)[3], Range rows, Range taps, T* columns) {
  const auto& [a, b, c] = map.axis;
  const Index width = taps.length() * channels;
  for (Index tap = taps.begin; tap < taps.end;) {
    const Index pair = tap / c.taps, first = tap % c.taps;
    const Range run{first, std::min(c.taps, first + taps.end - tap)};
    const Index i = a.at(at[1], pair / b.taps), j = b.at(at[2], pair % b.taps);
    const bool exists = 0 <= i && i < a.size && 0 <= j && j < b.size;
    const T* origin = source.data + at[0] * source.batch_stride +
                      (exists ? i * source.stride[0] + j * source.stride[1] : 0);
    const Line<T> line{c,
                       origin,
                       source.stride[2],
                       channels,
                       source.channel_stride,
                       rows,
                       run,
                       columns + (tap - taps.begin) * channels,
                       width};
    if (exists) line.copy();
    else line.zero();
    tap += run.length();
  }
}

}  // namespace

template <typename T>
void gather(const Gather& map, const Volumes<const T>& source, Index channels, Range rows,
            Range taps, T* columns) {
  const Index length = map.axis[2].rows;
  for (Index row = rows.begin; row < rows.end;) {
    const Index line = row / length, first = row % length;
    const Range run{first, std::min(length, first + rows.end - row)};
    const Index plane = line / map.axis[1].rows;
    const Index at[3] = {plane / map.axis[0].rows, plane % map.axis[0].rows,
                         line % map.axis[1].rows};
    gather_line(map, source, channels, at, run, taps,
                columns + (row - rows.begin) * taps.length() * channels);
    row += run.length();
  }
}

template void gather<float>(const Gather&, const Volumes<const float>&, Index, Range, Range,
                            float*);
template void gather<double>(const Gather&, const Volumes<const double>&, Index, Range, Range,
                             double*);

}  // namespace voxgrad::ops::cpu
