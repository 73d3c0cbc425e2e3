// Internal: kernels that make each element of the result from one element of each operand.
#pragma once

#include <voxgrad/ops/cuda/launch.h>
#include <voxgrad/ops/cuda/walk.h>

namespace voxgrad::ops::cuda {

template <typename R, typename X, typename F>
struct Map1 {
  Walk<2> walk;
  R* out;
  const X* x;
  F f;
  __device__ void operator()(Index i) const {
    const auto [at] = walk(i);
    out[at[0]] = f(x[at[1]]);
  }
};

template <typename R, typename X, typename Y, typename F>
struct Map2 {
  Walk<3> walk;
  R* out;
  const X* x;
  const Y* y;
  F f;
  __device__ void operator()(Index i) const {
    const auto [at] = walk(i);
    out[at[0]] = f(x[at[1]], y[at[2]]);
  }
};

template <typename R, typename X, typename Y, typename Z, typename F>
struct Map3 {
  Walk<4> walk;
  R* out;
  const X* x;
  const Y* y;
  const Z* z;
  F f;
  __device__ void operator()(Index i) const {
    const auto [at] = walk(i);
    out[at[0]] = f(x[at[1]], y[at[2]], z[at[3]]);
  }
};

/// out = f(x), f being a function object of unary_function.h or its like.
template <typename R, typename X, typename F>
void map(std::string_view op, const Operand& out, const Operand& x, const F& f) {
  const auto places = walk(out, x);
  launch(op, places.count(), Map1<R, X, F>{places, out.as<R>(), x.as<const X>(), f});
}

template <typename R, typename X, typename Y, typename F>
void map(std::string_view op, const Operand& out, const Operand& x, const Operand& y, const F& f) {
  const auto places = walk(out, x, y);
  launch(op, places.count(),
         Map2<R, X, Y, F>{places, out.as<R>(), x.as<const X>(), y.as<const Y>(), f});
}

template <typename R, typename X, typename Y, typename Z, typename F>
void map(std::string_view op, const Operand& out, const Operand& x, const Operand& y,
         const Operand& z, const F& f) {
  const auto places = walk(out, x, y, z);
  launch(op, places.count(),
         Map3<R, X, Y, Z, F>{places, out.as<R>(), x.as<const X>(), y.as<const Y>(), z.as<const Z>(),
                             f});
}

}  // namespace voxgrad::ops::cuda
