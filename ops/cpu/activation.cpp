#include <voxgrad/ops/activation.h>

#include <voxgrad/ops/activation_function.h>
#include <voxgrad/ops/cpu/strided.h>

namespace voxgrad::ops::cpu {
namespace {

void value(ActivationOp op, const ActivationParameters& parameters, const Operand& x,
           const Operand& out) {
  const StridedLoop<2> loop(out.shape, {out.strides, x.strides});
  visit_floating(x.dtype, [&]<typename T>() {
    visit_activation<T>(op, parameters, [&](const auto& f) {
      loop.run([&](const auto& at, const auto& step, Index n) {
        T* to = out.as<T>() + at[0];
        const T* from = x.as<const T>() + at[1];
        for (Index i = 0; i < n; ++i) to[i * step[0]] = f.value(from[i * step[1]]);
      });
    });
  });
}

void gradient(ActivationOp op, const ActivationParameters& parameters, const Operand& grad,
              const Operand& x, const Operand& out) {
  const StridedLoop<3> loop(out.shape, {out.strides, grad.strides, x.strides});
  visit_floating(x.dtype, [&]<typename T>() {
    visit_activation<T>(op, parameters, [&](const auto& f) {
      loop.run([&](const auto& at, const auto& step, Index n) {
        T* to = out.as<T>() + at[0];
        const T* factor = grad.as<const T>() + at[1];
        const T* from = x.as<const T>() + at[2];
        for (Index i = 0; i < n; ++i)
          to[i * step[0]] = factor[i * step[1]] * f.slope(from[i * step[2]]);
      });
    });
  });
}

void prelu(const Operand& x, const Operand& weight, const Operand& out) {
  const StridedLoop<3> loop(out.shape, {out.strides, x.strides, weight.strides});
  visit_floating(x.dtype, [&]<typename T>() {
    loop.run([&](const auto& at, const auto& step, Index n) {
      T* to = out.as<T>() + at[0];
      const T* from = x.as<const T>() + at[1];
      const T* w = weight.as<const T>() + at[2];
      const Prelu at_slope{};
      if (step[0] == 1 && step[1] == 1 && step[2] == 0) {
        const T slope = *w;
#pragma GCC ivdep
        for (Index i = 0; i < n; ++i) to[i] = at_slope(from[i], slope);
      } else {
        for (Index i = 0; i < n; ++i) to[i * step[0]] = at_slope(from[i * step[1]], w[i * step[2]]);
      }
    });
  });
}

void prelu_gradient(const Operand& grad, const Operand& x, const Operand& weight,
                    const Operand& out) {
  const StridedLoop<4> loop(out.shape, {out.strides, grad.strides, x.strides, weight.strides});
  visit_floating(x.dtype, [&]<typename T>() {
    loop.run([&](const auto& at, const auto& step, Index n) {
      T* to = out.as<T>() + at[0];
      const T* g = grad.as<const T>() + at[1];
      const T* from = x.as<const T>() + at[2];
      const T* w = weight.as<const T>() + at[3];
      const PreluGradient at_slope{};
      for (Index i = 0; i < n; ++i) {
        to[i * step[0]] = at_slope(g[i * step[1]], from[i * step[2]], w[i * step[3]]);
      }
    });
  });
}

}  // namespace

const ActivationKernels kActivation = {
    .value = value, .gradient = gradient, .prelu = prelu, .prelu_gradient = prelu_gradient};

}  // namespace voxgrad::ops::cpu
