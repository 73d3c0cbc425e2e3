// Running sums and sorted order along one axis. Lines are cut into chunks where there are few of
// them; the chunks follow from the shape alone.
#include <voxgrad/ops/scan.h>

#include <cstdint>
#include <type_traits>

#include <voxgrad/ops/cuda/map.h>
#include <voxgrad/ops/cuda/sort_lines.h>
#include <voxgrad/ops/sort_key.h>

namespace voxgrad::ops::cuda {

namespace {

/// x and out along one axis: where lines begin, and their steps. Parts are (chunk, line).
struct ScannedLines {
  Walk<2> walk;  ///< out, x
  Index lines, size, chunk;
  Index out_step, x_step;

  Index chunks() const { return chunks_of(size, chunk); }
};

ScannedLines scanned_lines(const Operand& x, int axis, const Operand& out) {
  constexpr Index kManyLines = Index{1} << 15;
  const auto a = static_cast<std::size_t>(axis);
  Operand starts = out, from = x;
  starts.shape[a] = from.shape[a] = 1;
  const Walk<2> places = walk(starts, from);
  const Index size = x.shape[a], lines = places.count();
  return {places, lines, size, lines < kManyLines ? kSumChunk : size, out.strides[a], x.strides[a]};
}

template <typename T>
using Total = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;

template <typename T>
struct TotalOfChunk {
  ScannedLines shape;
  const T* x;
  Total<T>* totals;
  __device__ void operator()(Index i) const {
    const Divided part = divide(i, shape.lines);
    const T* from = x + shape.walk(part.rest).at[1];
    const Index first = part.quotient * shape.chunk;
    Total<T> total = 0;
    for (Index j = first; j < first + shape.chunk && j < shape.size; ++j)
      total += static_cast<Total<T>>(from[j * shape.x_step]);
    totals[i] = total;
  }
};

template <typename T, typename Out>
struct RunningSums {
  ScannedLines shape;
  const T* x;
  const Total<T>* before;  ///< of each chunk; null where there is one
  Out* out;
  __device__ void operator()(Index i) const {
    const Divided part = divide(i, shape.lines);
    const Places<2> start = shape.walk(part.rest);
    const Index first = part.quotient * shape.chunk;
    Total<T> total = before != nullptr ? before[i] : Total<T>(0);
    for (Index j = first; j < first + shape.chunk && j < shape.size; ++j) {
      total += static_cast<Total<T>>(x[start.at[1] + j * shape.x_step]);
      out[start.at[0] + j * shape.out_step] = static_cast<Out>(total);
    }
  }
};

void cumsum(const Operand& x, int axis, const Operand& out) {
  const ScannedLines shape = scanned_lines(x, axis, out);
  const Index chunks = shape.chunks(), parts = chunks * shape.lines;
  visit_dtype(x.dtype, [&]<typename T>() {
    using Out = std::conditional_t<std::is_floating_point_v<T>, T, std::int64_t>;
    RunningSums<T, Out> sums{shape, x.as<const T>(), nullptr, out.as<Out>()};
    if (chunks == 1) {
      launch("cumsum", parts, sums);
      return;
    }
    DeviceArray<Total<T>> totals(parts);
    launch("cumsum", parts, TotalOfChunk<T>{shape, x.as<const T>(), totals.data()});
    sum_before("cumsum", totals.data(), chunks, shape.lines);
    sums.before = totals.data();
    launch("cumsum", parts, sums);
  });
}

template <typename T>
struct KeyOf {
  SortKey<T> flip;
  constexpr SortKey<T> operator()(T value) const { return sort_key(value) ^ flip; }
};

struct Same {
  constexpr std::int64_t operator()(Index value) const { return value; }
};

/// [line][place] over `data`, seen in the shape of x.
Operand as_lines(void* data, const Operand& x, int axis) {
  const auto a = static_cast<std::size_t>(axis);
  Shape lines = x.shape;
  lines[a] = 1;
  Operand result{data, x.dtype, x.shape, contiguous_strides(lines)};
  for (Index& stride : result.strides) stride *= x.shape[a];
  result.strides[a] = 1;
  return result;
}

void argsort(const Operand& x, int axis, bool descending, const Operand& out) {
  const Index count = element_count(x.shape), size = x.shape[static_cast<std::size_t>(axis)];
  visit_dtype(x.dtype, [&]<typename T>() {
    using Key = SortKey<T>;
    DeviceArray<Key> keys(count);
    map<Key, T>("argsort", as_lines(keys.data(), x, axis), x,
                KeyOf<T>{descending ? ~Key(0) : Key(0)});
    // Bytes and booleans differ in the lowest bits alone.
    constexpr int bits = 8 * static_cast<int>(sizeof(T));
    SortedLines<Key> sorted = sort_lines("argsort", std::move(keys), {count / size, size}, bits);
    map<std::int64_t, Index>("argsort", out, as_lines(sorted.positions.data(), x, axis), Same{});
  });
}

}  // namespace

const ScanKernels kScan = {.cumsum = cumsum, .argsort = argsort};

}  // namespace voxgrad::ops::cuda
