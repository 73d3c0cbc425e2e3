// Scans walk the lines along one axis; lines are split over threads.
#include <voxgrad/ops/scan.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include <voxgrad/ops/cpu/strided.h>
#include <voxgrad/ops/sort_key.h>

namespace voxgrad::ops::cpu {

namespace {

/// Calls row(at, step, n) for neighbouring lines: operands (out, x).
template <typename Row>
void for_each_line(const Operand& x, int axis, const Operand& out, const Row& row) {
  Shape lines = x.shape;
  const Index size = std::exchange(lines[static_cast<std::size_t>(axis)], 1);
  const StridedLoop<2> loop(lines, {out.strides, x.strides});
  loop.run(row, std::max<Index>(1, kGrain / size));
}

template <typename T>
void cumsum_as(const Operand& x, int axis, const Operand& out) {
  using Total = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
  using Out = std::conditional_t<std::is_floating_point_v<T>, T, std::int64_t>;
  constexpr Index kLines = 128;  // at once, so that any fastest axis is read in order
  const auto a = static_cast<std::size_t>(axis);
  for_each_line(x, axis, out, [&](const auto& at, const auto& step, Index n) {
    for (Index first = 0; first < n; first += kLines) {
      const Index count = std::min(kLines, n - first);
      std::array<Total, kLines> totals{};
      Out* to = out.as<Out>() + at[0] + first * step[0];
      const T* from = x.as<const T>() + at[1] + first * step[1];
      for (Index j = 0; j < x.shape[a]; ++j) {
        for (Index i = 0; i < count; ++i) {
          Total& total = totals[static_cast<std::size_t>(i)];
          total += static_cast<Total>(from[i * step[1]]);
          to[i * step[0]] = static_cast<Out>(total);
        }
        to += out.strides[a];
        from += x.strides[a];
      }
    }
  });
}

void cumsum(const Operand& x, int axis, const Operand& out) {
  visit_dtype(x.dtype, [&]<typename T>() { cumsum_as<T>(x, axis, out); });
}

/// What is sorted: a key, and the position, which decides among equal keys.
struct Wide {
  static std::pair<std::uint64_t, Index> join(std::uint64_t key, Index at) { return {key, at}; }
  static Index position(const std::pair<std::uint64_t, Index>& item) { return item.second; }
};
/// The same in one number, for short keys and positions.
struct Narrow {
  static std::uint64_t join(std::uint64_t key, Index at) {
    return key << 32 | static_cast<std::uint64_t>(at);
  }
  static Index position(std::uint64_t item) { return static_cast<Index>(item & 0xFFFFFFFF); }
};

template <typename Item, typename T>
void argsort_as(const Operand& x, int axis, bool descending, const Operand& out) {
  using Key = SortKey<T>;
  const auto a = static_cast<std::size_t>(axis);
  const Index size = x.shape[a];
  const Key flip = descending ? ~Key(0) : Key(0);
  for_each_line(x, axis, out, [&](const auto& at, const auto& step, Index n) {
    std::vector<decltype(Item::join(0, 0))> line(static_cast<std::size_t>(size));
    for (Index i = 0; i < n; ++i) {
      const T* from = x.as<const T>() + at[1] + i * step[1];
      for (Index j = 0; j < size; ++j) {
        line[static_cast<std::size_t>(j)] = Item::join(sort_key(from[j * x.strides[a]]) ^ flip, j);
      }
      std::sort(line.begin(), line.end());
      std::int64_t* to = out.as<std::int64_t>() + at[0] + i * step[0];
      for (const auto& item : line) {
        *to = Item::position(item);
        to += out.strides[a];
      }
    }
  });
}

void argsort(const Operand& x, int axis, bool descending, const Operand& out) {
  const bool is_short = x.shape[static_cast<std::size_t>(axis)] <= (Index{1} << 32);
  visit_dtype(x.dtype, [&]<typename T>() {
    if (sizeof(T) < 8 && is_short) return argsort_as<Narrow, T>(x, axis, descending, out);
    argsort_as<Wide, T>(x, axis, descending, out);
  });
}

}  // namespace

const ScanKernels kScan = {.cumsum = cumsum, .argsort = argsort};

}  // namespace voxgrad::ops::cpu
