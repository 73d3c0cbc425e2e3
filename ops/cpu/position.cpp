// Where the largest or smallest element of an axis lies: the first of equals, and NaN beats all.
#include <voxgrad/ops/cpu/position.h>

#include <algorithm>
#include <array>

#include <voxgrad/ops/cpu/strided.h>

namespace voxgrad::ops::cpu {

namespace {

/// A tile of outputs at once, so that any fastest axis is read in order.
template <bool kLargest, typename T>
void position_row(const T* x, Index step, Index axis_step, Index size, std::int64_t* out,
                  Index out_step, Index n) {
  constexpr Index kOutputs = 128;
  std::array<T, kOutputs> best;
  std::array<std::int64_t, kOutputs> where;
  for (Index begin = 0; begin < n; begin += kOutputs) {
    const Index count = std::min(kOutputs, n - begin);
    const T* first = x + begin * step;
    for (Index i = 0; i < count; ++i) best[static_cast<std::size_t>(i)] = first[i * step];
    where.fill(0);
    for (Index j = 1; j < size; ++j) {
      const T* row = first + j * axis_step;
      for (Index i = 0; i < count; ++i) {
        const auto k = static_cast<std::size_t>(i);
        const T value = row[i * step];
        const bool beats = kLargest ? value > best[k] : value < best[k];
        const bool better = beats || (value != value && best[k] == best[k]);
        where[k] = better ? j : where[k];
        best[k] = better ? value : best[k];
      }
    }
    for (Index i = 0; i < count; ++i) {
      out[(begin + i) * out_step] = where[static_cast<std::size_t>(i)];
    }
  }
}

template <bool kLargest>
void positions(const Operand& x, int axis, const Operand& out) {
  const auto a = static_cast<std::size_t>(axis);
  const Index size = x.shape[a];
  const Index axis_step = x.strides[a];
  visit_dtype(x.dtype, [&]<typename T>() {
    const StridedLoop<2> loop(out.shape, {out.strides, x.strides});
    loop.run(
        [&](const auto& at, const auto& step, Index n) {
          position_row<kLargest>(x.as<const T>() + at[1], step[1], axis_step, size,
                                 out.as<std::int64_t>() + at[0], step[0], n);
        },
        std::max<Index>(1, kGrain / size));
  });
}

}  // namespace

void position(ReduceOp op, const Operand& x, int axis, const Operand& out) {
  op == ReduceOp::maximum ? positions<true>(x, axis, out) : positions<false>(x, axis, out);
}

}  // namespace voxgrad::ops::cpu
