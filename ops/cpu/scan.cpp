// Scans walk the lines along one axis; lines are split over threads.
#include <voxgrad/ops/scan.h>

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>
#include <vector>

#include <voxgrad/ops/cpu/strided.h>

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

template <typename T>
struct Element {
  T value;
  Index at;
};

/// A total order: NaN above all numbers, equals by position.
template <bool kDescending, typename T>
bool before(const Element<T>& a, const Element<T>& b) {
  const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
  if (a_nan != b_nan) return kDescending ? a_nan : b_nan;
  if (a.value < b.value) return !kDescending;
  if (b.value < a.value) return kDescending;
  return a.at < b.at;
}

template <bool kDescending, typename T>
void argsort_as(const Operand& x, int axis, const Operand& out) {
  const auto a = static_cast<std::size_t>(axis);
  const Index size = x.shape[a];
  for_each_line(x, axis, out, [&](const auto& at, const auto& step, Index n) {
    std::vector<Element<T>> line(static_cast<std::size_t>(size));
    for (Index i = 0; i < n; ++i) {
      const T* from = x.as<const T>() + at[1] + i * step[1];
      for (Index j = 0; j < size; ++j) {
        line[static_cast<std::size_t>(j)] = {from[j * x.strides[a]], j};
      }
      std::sort(line.begin(), line.end(), before<kDescending, T>);
      std::int64_t* to = out.as<std::int64_t>() + at[0] + i * step[0];
      for (const Element<T>& element : line) {
        *to = element.at;
        to += out.strides[a];
      }
    }
  });
}

void argsort(const Operand& x, int axis, bool descending, const Operand& out) {
  visit_dtype(x.dtype, [&]<typename T>() {
    descending ? argsort_as<true, T>(x, axis, out) : argsort_as<false, T>(x, axis, out);
  });
}

}  // namespace

const ScanKernels kScan = {.cumsum = cumsum, .argsort = argsort};

}  // namespace voxgrad::ops::cpu
