// Gather, scatter and nonzero. Elements with different places on x's own axes never meet, so
// scatter splits those over threads, and each walks the other axes in logical order.
#include <voxgrad/ops/indexing.h>

#include <algorithm>

#include <voxgrad/ops/cpu/strided.h>

namespace voxgrad::ops::cpu {

namespace {

void gather(const Operand& x, const IndexOperand& index, const Operand& out) {
  visit_dtype(x.dtype, [&]<typename T>() {
    const StridedLoop<3> loop(out.shape, {out.strides, x.strides, index.index.strides});
    loop.run([from = x.as<const T>(), to = out.as<T>(),
              which = index.index.as<const std::int64_t>(),
              place = index.place()](const auto& at, const auto& step, Index n) {
      T* r = to + at[0];
      const T* a = from + at[1];
      const std::int64_t* k = which + at[2];
      if (step[2] == 0) {
        a += place(*k);
        for (Index i = 0; i < n; ++i) r[i * step[0]] = a[i * step[1]];
      } else {
        for (Index i = 0; i < n; ++i) r[i * step[0]] = a[i * step[1] + place(k[i * step[2]])];
      }
    });
  });
}

template <bool kAccumulate, typename T>
void put(T& to, T value) {
  to = kAccumulate ? accumulated(to, value) : value;
}

/// The axes of one kind, with the strides of (`order`, index, values).
StridedLoop<3> loop_over(bool own_axes, const std::vector<int>& own, const Strides& order,
                         const Operand& index, const Operand& values) {
  Shape shape;
  Strides first, second, third;
  for (std::size_t i = 0; i < own.size(); ++i) {
    if ((own[i] >= 0) != own_axes) continue;
    shape.push_back(index.shape[i]);
    first.push_back(order[i]);
    second.push_back(index.strides[i]);
    third.push_back(values.strides[i]);
  }
  return StridedLoop<3>(shape, {first, second, third});
}

template <bool kAccumulate, typename T>
void scatter_as(const Operand& x, const IndexOperand& index, const Operand& values,
                const std::vector<int>& own_axes) {
  const auto own = loop_over(true, own_axes, x.strides, index.index, values);
  const auto others = loop_over(false, own_axes, contiguous_strides(x.shape), index.index, values);
  const IndexPlace place = index.place();
  const auto* which = index.index.as<const std::int64_t>();
  // All that goes to n neighbours, `step` apart on the own axes.
  const auto fill_places = [&](const auto& at, const auto& step, Index n) {
    T* to = x.as<T>() + at[0];
    others.walk(0, others.count(), [&](const auto& shift, const auto& move, Index count) {
      for (Index j = 0; j < count; ++j) {
        const std::int64_t* k = which + at[1] + shift[1] + j * move[1];
        const T* v = values.as<const T>() + at[2] + shift[2] + j * move[2];
        if (step[1] == 0) {
          T* r = to + place(*k);
          for (Index i = 0; i < n; ++i) put<kAccumulate>(r[i * step[0]], v[i * step[2]]);
        } else {
          for (Index i = 0; i < n; ++i) {
            put<kAccumulate>(to[i * step[0] + place(k[i * step[1]])], v[i * step[2]]);
          }
        }
      }
    });
  };
  own.run(
      [&](auto at, const auto& step, Index n) {
        if (step[0] == 1) return fill_places(at, step, n);
        for (Index i = 0; i < n; ++i) {
          fill_places(at, step, 1);
          for (std::size_t k = 0; k < at.size(); ++k) at[k] += step[k];
        }
      },
      std::max<Index>(1, kGrain / std::max<Index>(1, others.count())));
}

void scatter(const Operand& x, const IndexOperand& index, const Operand& values,
             const std::vector<int>& own, bool accumulate) {
  visit_dtype(x.dtype, [&]<typename T>() {
    if (accumulate) {
      scatter_as<true, T>(x, index, values, own);
    } else {
      scatter_as<false, T>(x, index, values, own);
    }
  });
}

void add_places(const IndexOperand& index, const Operand& total) {
  const StridedLoop<2> loop(total.shape, {total.strides, index.index.strides});
  loop.run([&](const auto& at, const auto& step, Index n) {
    std::int64_t* r = total.as<std::int64_t>() + at[0];
    const std::int64_t* k = index.index.as<const std::int64_t>() + at[1];
    const IndexPlace place = index.place();
    for (Index i = 0; i < n; ++i) r[i * step[0]] += place(k[i * step[1]]);
  });
}

/// Calls found(logical position) for the elements [begin, end) that are not 0, in order.
template <typename T, typename F>
void for_each_nonzero(const StridedLoop<2>& loop, const T* x, Index begin, Index end,
                      const F& found) {
  loop.walk(begin, end, [&](const auto& at, const auto& step, Index n) {
    for (Index i = 0; i < n; ++i) {
      if (x[at[1] + i * step[1]] != T(0)) found(at[0] + i * step[0]);
    }
  });
}

Tensor nonzero(const Tensor& x) {
  const Operand from = operand(x);
  const Strides order = contiguous_strides(x.shape());
  const StridedLoop<2> loop(x.shape(), {order, from.strides});
  const Index count = x.numel(), rank = x.dim();
  const Index chunks = (count + kGrain - 1) / kGrain;
  std::vector<Index> starts(static_cast<std::size_t>(chunks) + 1, 0);
  return visit_dtype(x.dtype(), [&]<typename T>() {
    const auto over_chunk = [&](Index chunk, const auto& found) {
      for_each_nonzero(loop, from.as<const T>(), chunk * kGrain,
                       std::min(count, (chunk + 1) * kGrain), found);
    };
    parallel_for(chunks, [&](Index chunk) {
      Index found = 0;
      over_chunk(chunk, [&](Index) { ++found; });
      starts[static_cast<std::size_t>(chunk) + 1] = found;
    });
    for (std::size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
    Tensor result = Tensor::empty({starts.back(), rank}, DType::int64);
    auto* out = result.mutable_data<std::int64_t>();
    parallel_for(chunks, [&](Index chunk) {
      std::int64_t* row = out + starts[static_cast<std::size_t>(chunk)] * rank;
      over_chunk(chunk, [&](Index position) {
        for (std::size_t i = 0; i < order.size(); ++i) {
          *row++ = position / order[i];
          position %= order[i];
        }
      });
    });
    return result;
  });
}

}  // namespace

const IndexingKernels kIndexing = {
    .gather = gather, .scatter = scatter, .add_places = add_places, .nonzero = nonzero};

}  // namespace voxgrad::ops::cpu
