// Copies, conversions and fills. A copy between layouts whose fastest axes differ (plain <->
// channels-last) is a transpose of many small matrices: it runs in tiles that read and write whole
// cache lines on both sides.
#include <voxgrad/ops/layout.h>

#include <cstring>
#include <type_traits>

#include <voxgrad/ops/convert_element.h>
#include <voxgrad/ops/cpu/by_instruction_set.h>
#include <voxgrad/ops/cpu/strided.h>

namespace voxgrad::ops::cpu {

namespace {

constexpr Index kTile = 64;

/// to[c][r] <- from[r][c] for four rows of four 4-byte elements.
inline void transpose_4x4(const void* from, Index from_row, void* to, Index to_row) {
  using Row = std::int32_t __attribute__((vector_size(16)));
  const auto* source = static_cast<const std::byte*>(from);
  auto* result = static_cast<std::byte*>(to);
  Row a, b, c, d;
  std::memcpy(&a, source, 16);
  std::memcpy(&b, source + 4 * from_row, 16);
  std::memcpy(&c, source + 8 * from_row, 16);
  std::memcpy(&d, source + 12 * from_row, 16);
  const Row ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Row ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Row cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Row cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  a = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  b = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  c = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  d = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
  std::memcpy(result, &a, 16);
  std::memcpy(result + 4 * to_row, &b, 16);
  std::memcpy(result + 8 * to_row, &c, 16);
  std::memcpy(result + 12 * to_row, &d, 16);
}

// to[c * to_row + r] <- from[r * from_row + c] for r < rows, c < columns.
struct Transpose {
  Index rows;
  Index columns;
  Index from_row;
  Index to_row;
};

template <typename T>
void transpose_scalar(const Transpose& t, const T* from, T* to) {
  for (Index r = 0; r < t.rows; ++r) {
    for (Index c = 0; c < t.columns; ++c) to[c * t.to_row + r] = from[r * t.from_row + c];
  }
}

template <typename T>
void transpose_tile(const Transpose& t, const T* from, T* to) {
  if constexpr (sizeof(T) == 4) {
    const Index rows = t.rows & ~Index{3};
    const Index columns = t.columns & ~Index{3};
    const auto block = [&](Index r, Index c) {
      transpose_4x4(from + r * t.from_row + c, t.from_row, to + c * t.to_row + r, t.to_row);
    };
    // The side whose rows lie far apart is run through row by row, so that its lines are used up at
    // once.
    if (t.from_row >= t.to_row) {
      for (Index r = 0; r < rows; r += 4) {
        for (Index c = 0; c < columns; c += 4) block(r, c);
      }
    } else {
      for (Index c = 0; c < columns; c += 4) {
        for (Index r = 0; r < rows; r += 4) block(r, c);
      }
    }
    if (columns < t.columns) {
      transpose_scalar({rows, t.columns - columns, t.from_row, t.to_row}, from + columns,
                       to + columns * t.to_row);
    }
    if (rows < t.rows) {
      transpose_scalar({t.rows - rows, t.columns, t.from_row, t.to_row}, from + rows * t.from_row,
                       to + rows);
    }
  } else {
    transpose_scalar(t, from, to);
  }
}

/// The axis along which `from` runs without gaps while `to` does so along the innermost one; -1
/// when it is no transpose.
int transposed_axis(const StridedLoop<2>& loop) {
  const auto& inner = loop.inner();
  if (inner.steps[0] != 1 || inner.steps[1] <= 1 || inner.size < 2) return -1;
  for (std::size_t i = 0; i + 1 < loop.axes().size(); ++i) {
    const auto& axis = loop.axes()[i];
    if (axis.steps[1] == 1 && axis.size >= 4) return static_cast<int>(i);
  }
  return -1;
}

template <typename T>
void copy_transposed(const StridedLoop<2>& loop, int axis, T* to, const T* from) {
  const auto& rows = loop.inner();                                    // unit stride in `to`
  const auto& columns = loop.axes()[static_cast<std::size_t>(axis)];  // unit stride in `from`
  Shape outer_shape;
  std::array<Strides, 2> outer_strides;
  for (std::size_t i = 0; i + 1 < loop.axes().size(); ++i) {
    if (static_cast<int>(i) == axis) continue;
    outer_shape.push_back(loop.axes()[i].size);
    for (std::size_t k = 0; k < 2; ++k) outer_strides[k].push_back(loop.axes()[i].steps[k]);
  }
  const StridedLoop<2> outer(outer_shape, {outer_strides[0], outer_strides[1]});
  const Index row_tiles = (rows.size + kTile - 1) / kTile;
  const Index column_tiles = (columns.size + kTile - 1) / kTile;
  const bool long_rows = rows.size > columns.size;  // neighbouring tiles lie along the longer side
  const auto run_tile = [&](const auto& at, Index tile) {
    const Index r = (long_rows ? tile % row_tiles : tile / column_tiles) * kTile;
    const Index c = (long_rows ? tile / row_tiles : tile % column_tiles) * kTile;
    transpose_tile({std::min(kTile, rows.size - r), std::min(kTile, columns.size - c),
                    rows.steps[1], columns.steps[0]},
                   from + at[1] + r * rows.steps[1] + c, to + at[0] + c * columns.steps[0] + r);
  };
  const Index tiles = row_tiles * column_tiles;
  const Index tile_size = std::min(kTile, rows.size) * std::min(kTile, columns.size);
  const Index grain = std::max<Index>(1, 2 * kGrain / tile_size);
  const auto body = [&](Index begin, Index end) {
    for (Index first = begin; first < end;) {  // the tiles of one outer index at a time
      const Index o = first / tiles;
      const Index last = std::min(end, (o + 1) * tiles);
      outer.walk(o, o + 1, [&](const auto& at, const auto&, Index) {
        for (Index tile = first - o * tiles; tile < last - o * tiles; ++tile) run_tile(at, tile);
      });
      first = last;
    }
  };
  const Index total = outer.count() * tiles;
  if (total <= grain) return body(0, total);
  parallel_ranges(total, grain, body);
}

/// Rows of whole lines, past the caches.
template <std::size_t vector_bytes>
struct StreamRows {
  [[gnu::always_inline]] static inline void run(Index rows, Index bytes, std::byte* to,
                                                Index to_row, const std::byte* from,
                                                Index from_row) {
    for (Index k = 0; k < rows; ++k) {
      stream_lines<vector_bytes>(to + k * to_row, from + k * from_row,
                                 static_cast<std::size_t>(bytes));
    }
  }
};

/// Rows that lie densely on both sides.
void copy_dense_rows(Index rows, Index bytes, std::byte* to, Index to_row, const std::byte* from,
                     Index from_row, bool large) {
  const auto size = static_cast<std::size_t>(bytes);
  const bool whole_lines =
      is_whole_lines(to, size) && (rows == 1 || to_row % static_cast<Index>(kLineBytes) == 0);
  if (large && whole_lines) return run_widest<StreamRows>(rows, bytes, to, to_row, from, from_row);
  for (Index k = 0; k < rows; ++k, to += to_row, from += from_row) std::memmove(to, from, size);
}

template <typename T>
void copy_same(const Operand& to, const Operand& from) {
  const StridedLoop<2> loop(to.shape, {to.strides, from.strides});
  const int axis = transposed_axis(loop);
  if (axis >= 0) return copy_transposed(loop, axis, to.as<T>(), from.as<const T>());
  const bool large = streams_results(loop.count(), sizeof(T));
  constexpr auto kSize = static_cast<Index>(sizeof(T));
  loop.run_blocks(
      [&](const auto& block) {
        T* r = to.as<T>() + block.at[0];
        const T* x = from.as<const T>() + block.at[1];
        const auto [r_step, x_step] = block.steps;
        const auto [r_row, x_row] = block.row_steps;
        if (r_step == 1 && x_step == 1) {
          return copy_dense_rows(block.rows, block.n * kSize, reinterpret_cast<std::byte*>(r),
                                 r_row * kSize, reinterpret_cast<const std::byte*>(x),
                                 x_row * kSize, large);
        }
        for (Index k = 0; k < block.rows; ++k, r += r_row, x += x_row) {
          if (r_step == 1 && x_step == 0) std::fill_n(r, block.n, *x);
          else
            for (Index i = 0; i < block.n; ++i) r[i * r_step] = x[i * x_step];
        }
      },
      4 * kGrain);
}

template <typename To, typename From>
void copy_converted(const Operand& to, const Operand& from) {
  const StridedLoop<2> loop(to.shape, {to.strides, from.strides});
  loop.run([&](const auto& at, const auto& step, Index n) {
    To* r = to.as<To>() + at[0];
    const From* x = from.as<const From>() + at[1];
    if (step[0] == 1 && step[1] == 1) {
      for (Index i = 0; i < n; ++i) r[i] = converted<To>(x[i]);
    } else {
      for (Index i = 0; i < n; ++i) r[i * step[0]] = converted<To>(x[i * step[1]]);
    }
  });
}

void copy(const Operand& to, const Operand& from) {
  visit_dtype(to.dtype, [&]<typename To>() {
    visit_dtype(from.dtype, [&]<typename From>() {
      if constexpr (std::is_same_v<To, From>) {
        copy_same<To>(to, from);
      } else {
        copy_converted<To, From>(to, from);
      }
    });
  });
}

void fill(const Operand& x, double value) {
  visit_dtype(x.dtype, [&]<typename T>() {
    const T element = converted<T>(value);
    const StridedLoop<1> loop(x.shape, {x.strides});
    loop.run([&](const auto& at, const auto& step, Index n) {
      T* r = x.as<T>() + at[0];
      if (step[0] == 1) {
        std::fill_n(r, n, element);
      } else {
        for (Index i = 0; i < n; ++i) r[i * step[0]] = element;
      }
    });
  });
}

}  // namespace

const LayoutKernels kLayout = {copy, fill};

}  // namespace voxgrad::ops::cpu
