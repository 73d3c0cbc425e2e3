#include <voxgrad/ops/cuda/conv/columns.h>

#include <algorithm>

namespace voxgrad::ops::cuda {
namespace {

// About an H100's second-level cache, from which the product reads much of what was just written.
// Less would leave the product of a few dozen channels too few tiles for all multiprocessors.
constexpr Index kColumnBytes = Index{64} << 20;
constexpr Index kRowMultiple = 128;  // of cuBLAS's tiles

// A part runs over the taps of one row and channel, so that it divides once.
template <typename T>
struct GatherColumns {
  Rows rows;
  Volumes<const T> source;
  Divisor channels, group_channels;
  Index first;
  Range taps;
  T* columns;

  __device__ void operator()(Index i) const {
    const Divided row = channels(i);
    const Divided group = group_channels(row.rest);
    const Index width = group_channels.number();
    const RowPlace place = rows(first + row.quotient);
    const T* from = source.data + row.rest * source.channel_stride;
    T* to = columns + (row.quotient * channels.number() + group.quotient * width) * taps.length() +
            group.rest;
    TapCounter tap(rows.map, taps.begin);
    for (Index t = taps.begin; t < taps.end; ++t, tap.next(), to += width) {
      const Index at = tap.meets(place, source);
      *to = at < 0 ? T(0) : from[at];
    }
  }
};

}  // namespace

ColumnChunks::ColumnChunks(const Gather& map, Index channels, DType dtype) : rows(map.rows()) {
  const Index most = kColumnBytes / static_cast<Index>(size_of(dtype));
  const Index taps = std::max<Index>(map.taps(), 1);
  block_taps = std::clamp<Index>(most / (kRowMultiple * channels), 1, taps);
  chunk_rows = std::max<Index>(most / (block_taps * channels), 1);
  if (chunk_rows > kRowMultiple) chunk_rows -= chunk_rows % kRowMultiple;
  // With one tap many lines are not cut: a batch may write those of an upsampling in place.
  // (Whoever else calls loses less than a line.)
  const Index line = std::max<Index>(map.axis[2].rows, 1);
  if (taps == 1 && chunk_rows >= 16 * line) chunk_rows -= chunk_rows % line;
  chunk_rows = std::min(chunk_rows, rows);
  size = chunk_rows * block_taps * channels;
}

template <typename T>
Matrix Columns<T>::operator()(Range rows, Range taps) const {
  const Index all = groups * channels;
  if (const auto distance = row_distance(map, source, all)) {
    return {.data = source.data + rows.begin * *distance, .row = *distance, .batch = channels};
  }
  launch("conv", rows.length() * all,
         GatherColumns<T>{Rows(map), source, Divisor(all), Divisor(channels), rows.begin, taps,
                          memory});
  return {.data = memory, .row = taps.length() * all, .batch = taps.length() * channels};
}

template struct Columns<float>;
template struct Columns<double>;

}  // namespace voxgrad::ops::cuda
