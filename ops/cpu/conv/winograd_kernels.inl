// Internal: included by one file per instruction set. The transforms of Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks", 2016: F(2, 3) at 0, 1, -1 and infinity, F(4, 3) at
// 0, 1, -1, 2, -2 and infinity. A tile's values stay in registers from loading to storing.
#include <voxgrad/ops/cpu/conv/winograd_filters.inl>

namespace voxgrad::ops::cpu {
namespace {

// One axis each; `d`, `m`, `g` and the results are kStep apart.

template <int kStep, typename V>
[[gnu::always_inline]] inline void input2(V* d) {
  const V d1 = d[kStep], d2 = d[2 * kStep];
  d[0] -= d2;
  d[kStep] = d1 + d2;
  d[2 * kStep] = d2 - d1;
  d[3 * kStep] = d1 - d[3 * kStep];
}

template <typename V>
[[gnu::always_inline]] inline void input4(V* d) {
  const V even = d[4] - 4 * d[2], odd = d[3] - 4 * d[1];
  const V far_even = d[4] - d[2], far_odd = 2 * (d[3] - d[1]);
  d[0] = 4 * d[0] - 5 * d[2] + d[4];
  d[5] = 4 * d[1] - 5 * d[3] + d[5];
  d[1] = even + odd;
  d[2] = even - odd;
  d[3] = far_even + far_odd;
  d[4] = far_even - far_odd;
}

template <int kStep, typename V>
[[gnu::always_inline]] inline void output2(V* m) {
  const V sum = m[kStep] + m[2 * kStep], difference = m[kStep] - m[2 * kStep];
  m[0] += sum;
  m[kStep] = difference - m[3 * kStep];
}

template <typename V>
[[gnu::always_inline]] inline void output4(V* m) {
  const V near_sum = m[1] + m[2], near_difference = m[1] - m[2];
  const V far_sum = m[3] + m[4], far_difference = m[3] - m[4];
  m[0] += near_sum + far_sum;
  m[1] = near_difference + 2 * far_difference;
  m[2] = near_sum + 4 * far_sum;
  m[3] = near_difference + 8 * far_difference + m[5];
}

template <int kStep, typename V>
[[gnu::always_inline]] inline void cotangent2(V* e) {
  const V e0 = e[0], e1 = e[kStep];
  e[kStep] = e0 + e1;
  e[2 * kStep] = e0 - e1;
  e[3 * kStep] = -e1;
}

template <typename V>
[[gnu::always_inline]] inline void cotangent4(V* e) {
  const V even = e[0] + e[2], odd = e[1] + e[3];
  const V far_even = e[0] + 4 * e[2], far_odd = 2 * e[1] + 8 * e[3];
  e[5] = e[3];
  e[1] = even + odd;
  e[2] = even - odd;
  e[3] = far_even + far_odd;
  e[4] = far_even - far_odd;
}

// ---- tiles

/// Which of a tile's values exist: all; some positions, with all lanes; anything.
enum class Reach { whole, some_positions, anything };

constexpr float kZeros[16] = {};

template <Reach kReach, typename V>
[[gnu::always_inline]] inline void read_value(V& to, const float* from, bool exists,
                                              int64_t lanes) {
  if constexpr (kReach == Reach::whole) {
    load(to, from);
  } else if constexpr (kReach == Reach::some_positions) {
    load(to, exists ? from : kZeros);  // a choice of addresses: no branch
  } else {
    to = V{};
    if (exists) load_some(to, from, lanes);
  }
}

// The first `kCount` values of a line from position `at` on: first + factor * second.
template <int kCount, Reach kReach, typename V>
[[gnu::always_inline]] inline void read_line(const TileSource& source, int line, int64_t channel,
                                             int64_t at, V* d) {
  constexpr int64_t kLanes = sizeof(V) / sizeof(float);
  const int64_t left = source.channels - channel, lanes = left < kLanes ? left : kLanes;
  const int64_t offset = at * source.step + channel;
  const auto exists = [&](int i) { return 0 <= at + i && at + i < source.size; };
#pragma GCC unroll 8
  for (int i = 0; i < kCount; ++i) d[i] = V{};
  if (const float* first = source.first[line]) {
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) {
      read_value<kReach>(d[i], first + offset + i * source.step, exists(i), lanes);
    }
  }
  if (const float* second = source.second[line]) {
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) {
      V value;
      read_value<kReach>(value, second + offset + i * source.step, exists(i), lanes);
      d[i] += source.factor * value;
    }
  }
}

template <Reach kReach, int kLanes>
void read_input_tile(const TileSource& source, int64_t channel, int64_t at, float* to) {
  typename Vector<kLanes>::Type d[kReadLines][kReadColumns];
#pragma GCC unroll 4
  for (int line = 0; line < kReadLines; ++line) {
    read_line<kReadColumns, kReach>(source, line, channel, at, d[line]);
  }
#pragma GCC unroll 6
  for (int i = 0; i < kReadColumns; ++i) input2<kReadColumns>(&d[0][i]);
#pragma GCC unroll 4
  for (int line = 0; line < kReadLines; ++line) {
    input4(d[line]);
#pragma GCC unroll 6
    for (int i = 0; i < kReadColumns; ++i) {
      store(to + (line * kReadColumns + i) * source.position_stride, d[line][i]);
    }
  }
}

template <Reach kReach, int kLanes>
void read_cotangent_tile(const TileSource& source, int64_t channel, int64_t at, float* to) {
  typename Vector<kLanes>::Type e[kReadLines][kReadColumns];
#pragma GCC unroll 2
  for (int line = 0; line < kTileLines; ++line) {
    read_line<kTileColumns, kReach>(source, line, channel, at, e[line]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < kTileColumns; ++i) cotangent2<kReadColumns>(&e[0][i]);
#pragma GCC unroll 4
  for (int line = 0; line < kReadLines; ++line) {
    cotangent4(e[line]);
#pragma GCC unroll 6
    for (int i = 0; i < kReadColumns; ++i) {
      store(to + (line * kReadColumns + i) * source.position_stride, e[line][i]);
    }
  }
}

// All tiles of a row; channels innermost, as they lie in memory.
template <int kColumns, int kLanes, auto kWhole, auto kSomePositions, auto kAnything>
void read_tiles(const TileSource& source) {
  float* to = source.to;
  int64_t at = source.begin;
  for (int64_t tile = 0; tile < source.tiles; ++tile) {
    const bool inside = 0 <= at && at + kColumns <= source.size;
    int64_t channel = 0;
    for (; channel + kLanes <= source.channels; channel += kLanes) {
      if (inside) kWhole(source, channel, at, to + channel);
      else kSomePositions(source, channel, at, to + channel);
    }
    if (channel < source.channels) kAnything(source, channel, at, to + channel);
    to += source.tile_stride;
    at += kTileColumns;
  }
}

template <int kLanes>
void read_input(const TileSource& source) {
  read_tiles<kReadColumns, kLanes, read_input_tile<Reach::whole, kLanes>,
             read_input_tile<Reach::some_positions, kLanes>,
             read_input_tile<Reach::anything, kLanes>>(source);
}

template <int kLanes>
void read_cotangent(const TileSource& source) {
  read_tiles<kTileColumns, kLanes, read_cotangent_tile<Reach::whole, kLanes>,
             read_cotangent_tile<Reach::some_positions, kLanes>,
             read_cotangent_tile<Reach::anything, kLanes>>(source);
}

// One tile's results of one plane. `kWhole`: all lanes of all positions exist.
template <bool kWhole, typename V>
[[gnu::always_inline]] inline void write_plane(const TileTarget& target,
                                               const TileTarget::Plane& plane, int64_t column,
                                               int64_t first, const V* results) {
  constexpr int64_t kLanes = sizeof(V) / sizeof(float);
  const int64_t left = target.columns - column, lanes = kWhole || left > kLanes ? kLanes : left;
  V bias{};
  if (plane.is_first && target.bias != nullptr) load_some(bias, target.bias + column, lanes);
#pragma GCC unroll 2
  for (int line = 0; line < kTileLines; ++line) {
    if (plane.lines[line] == nullptr) continue;
    float* to = plane.lines[line] + first * target.step + column;
#pragma GCC unroll 4
    for (int i = 0; i < kTileColumns; ++i, to += target.step) {
      const V result = plane.factor * results[line * kReadColumns + i];
      if constexpr (kWhole) {
        V old = bias;
        if (!plane.is_first) load(old, to);
        store(to, V(old + result));
      } else if (first + i < target.size) {
        V old = bias;
        if (!plane.is_first) load_some(old, to, lanes);
        store_some(to, V(old + result), lanes);
      }
    }
  }
}

template <bool kWhole, int kLanes>
void write_output_tile(const TileTarget& target, const float* from, int64_t column, int64_t first) {
  typename Vector<kLanes>::Type m[kReadLines][kReadColumns];
#pragma GCC unroll 4
  for (int line = 0; line < kReadLines; ++line) {
#pragma GCC unroll 6
    for (int i = 0; i < kReadColumns; ++i) {
      load(m[line][i], from + (line * kReadColumns + i) * target.position_stride);
    }
    output4(m[line]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < kTileColumns; ++i) output2<kReadColumns>(&m[0][i]);
#pragma GCC unroll 2
  for (const TileTarget::Plane& plane : target.planes) {
    if (plane.factor != 0) write_plane<kWhole>(target, plane, column, first, m[0]);
  }
}

template <int kLanes>
void write_output(const TileTarget& target) {
  const float* from = target.from;
  for (int64_t tile = 0; tile < target.tiles; ++tile, from += target.tile_stride) {
    const int64_t first = tile * kTileColumns;
    for (int64_t column = 0; column < target.columns; column += kLanes) {
      const bool whole = column + kLanes <= target.columns && first + kTileColumns <= target.size;
      (whole ? write_output_tile<true, kLanes>
             : write_output_tile<false, kLanes>)(target, from + column, column, first);
    }
  }
}

template <int kLanes>
constexpr WinogradKernels winograd_kernels() {
  return {.lanes = kLanes,
          .read_input = read_input<kLanes>,
          .read_cotangent = read_cotangent<kLanes>,
          .write_output = write_output<kLanes>,
          .transform_filter = transform_filter<kLanes>,
          .transform_filter_back = transform_filter_back<kLanes>,
          .gather_taps = gather_taps<kLanes>,
          .scatter_taps = scatter_taps<kLanes>};
}

}  // namespace
}  // namespace voxgrad::ops::cpu
