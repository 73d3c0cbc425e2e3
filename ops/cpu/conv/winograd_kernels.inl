// Internal: included by one file per instruction set. A tile's values stay in registers, as far as
// there are enough, from loading to storing.
#include <voxgrad/ops/cpu/conv/winograd_filters.inl>

namespace voxgrad::ops::cpu {
namespace {

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

template <Reach kReach, int kTileLines, int kLanes>
void read_input_tile(const TileSource& source, int64_t channel, int64_t at, float* to) {
  constexpr int kReadLines = read_lines(kTileLines);
  typename Vector<kLanes>::Type d[kReadLines][kReadColumns];
#pragma GCC unroll 6
  for (int line = 0; line < kReadLines; ++line) {
    read_line<kReadColumns, kReach>(source, line, channel, at, d[line]);
  }
#pragma GCC unroll 6
  for (int i = 0; i < kReadColumns; ++i) transform_input<kTileLines, kReadColumns>(&d[0][i]);
#pragma GCC unroll 6
  for (int line = 0; line < kReadLines; ++line) {
    transform_input<kTileColumns, 1>(d[line]);
#pragma GCC unroll 6
    for (int i = 0; i < kReadColumns; ++i) {
      store(to + (line * kReadColumns + i) * source.position_stride, d[line][i]);
    }
  }
}

template <Reach kReach, int kTileLines, int kLanes>
void read_cotangent_tile(const TileSource& source, int64_t channel, int64_t at, float* to) {
  constexpr int kReadLines = read_lines(kTileLines);
  typename Vector<kLanes>::Type e[kReadLines][kReadColumns];
#pragma GCC unroll 4
  for (int line = 0; line < kTileLines; ++line) {
    read_line<kTileColumns, kReach>(source, line, channel, at, e[line]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < kTileColumns; ++i) transform_cotangent<kTileLines, kReadColumns>(&e[0][i]);
#pragma GCC unroll 6
  for (int line = 0; line < kReadLines; ++line) {
    transform_cotangent<kTileColumns, 1>(e[line]);
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

template <int kTileLines, int kLanes>
void read_input(const TileSource& source) {
  read_tiles<kReadColumns, kLanes, read_input_tile<Reach::whole, kTileLines, kLanes>,
             read_input_tile<Reach::some_positions, kTileLines, kLanes>,
             read_input_tile<Reach::anything, kTileLines, kLanes>>(source);
}

template <int kTileLines, int kLanes>
void read_cotangent(const TileSource& source) {
  read_tiles<kTileColumns, kLanes, read_cotangent_tile<Reach::whole, kTileLines, kLanes>,
             read_cotangent_tile<Reach::some_positions, kTileLines, kLanes>,
             read_cotangent_tile<Reach::anything, kTileLines, kLanes>>(source);
}

// One tile's results of one plane. `kWhole`: all lanes of all positions exist.
template <bool kWhole, int kTileLines, typename V>
[[gnu::always_inline]] inline void write_plane(const TileTarget& target,
                                               const TileTarget::Plane& plane, int64_t column,
                                               int64_t first, const V* results) {
  constexpr int64_t kLanes = sizeof(V) / sizeof(float);
  const int64_t left = target.columns - column, lanes = kWhole || left > kLanes ? kLanes : left;
  V bias{};
  if (plane.is_first && target.bias != nullptr) load_some(bias, target.bias + column, lanes);
#pragma GCC unroll 4
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

template <bool kWhole, int kTileLines, int kLanes>
void write_output_tile(const TileTarget& target, const float* from, int64_t column, int64_t first) {
  constexpr int kReadLines = read_lines(kTileLines);
  typename Vector<kLanes>::Type m[kReadLines][kReadColumns];
#pragma GCC unroll 6
  for (int line = 0; line < kReadLines; ++line) {
#pragma GCC unroll 6
    for (int i = 0; i < kReadColumns; ++i) {
      load(m[line][i], from + (line * kReadColumns + i) * target.position_stride);
    }
    transform_output<kTileColumns, 1>(m[line]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < kTileColumns; ++i) transform_output<kTileLines, kReadColumns>(&m[0][i]);
#pragma GCC unroll 2
  for (const TileTarget::Plane& plane : target.planes) {
    if (plane.factor != 0) write_plane<kWhole, kTileLines>(target, plane, column, first, m[0]);
  }
}

template <int kTileLines, int kLanes>
void write_output(const TileTarget& target) {
  const float* from = target.from;
  for (int64_t tile = 0; tile < target.tiles; ++tile, from += target.tile_stride) {
    const int64_t first = tile * kTileColumns;
    for (int64_t column = 0; column < target.columns; column += kLanes) {
      const bool whole = column + kLanes <= target.columns && first + kTileColumns <= target.size;
      (whole ? write_output_tile<true, kTileLines, kLanes>
             : write_output_tile<false, kTileLines, kLanes>)(target, from + column, column, first);
    }
  }
}

template <int kTileLines, int kLanes>
constexpr TileKernels tile_kernels() {
  return {.read_input = read_input<kTileLines, kLanes>,
          .read_cotangent = read_cotangent<kTileLines, kLanes>,
          .write_output = write_output<kTileLines, kLanes>,
          .transform_filter = transform_filter<kTileLines, kLanes>,
          .transform_filter_back = transform_filter_back<kTileLines, kLanes>};
}

template <int kLanes>
constexpr WinogradKernels winograd_kernels() {
  return {.lanes = kLanes,
          .two_lines = tile_kernels<2, kLanes>(),
          .four_lines = tile_kernels<4, kLanes>(),
          .gather_taps = gather_taps<kLanes>,
          .scatter_taps = scatter_taps<kLanes>};
}

}  // namespace
}  // namespace voxgrad::ops::cpu
