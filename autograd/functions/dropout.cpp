#include <voxgrad/autograd/functions/dropout.h>

#include <algorithm>
#include <cmath>

#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/operands.h>
#include <voxgrad/ops/elementwise.h>
#include <voxgrad/ops/random.h>

namespace voxgrad {
namespace {

/// False where there is nothing to do.
bool drops(std::string_view op, const Tensor& x, double p, bool training, bool channels) {
  check_floating(op, x);
  VG_CHECK(p >= 0 && p <= 1, ShapeError, "{}: p must be in [0, 1]; got {}", op, p);
  VG_CHECK(!channels || x.dim() >= 2, ShapeError,
           "{}: x must be (batch, channels, size...); got {}", op, x.shape());
  return training && p > 0 && x.numel() > 0;
}

/// 1 with probability 1 - p, else 0: for each element or each channel of x.
Tensor draw_mask(const Tensor& x, double p, bool channels, Generator& generator) {
  Shape shape = x.shape();
  if (channels) std::fill(shape.begin() + 2, shape.end(), 1);
  if (x.device().type != DeviceType::cpu) {
    Tensor mask = ops::empty_in_order_of(x, shape);
    ops::fill_keyed_bernoulli(mask, 1 - p, generator.draw64());
    return mask;
  }
  Tensor mask = Tensor::empty(shape, x.dtype());
  visit_floating(x.dtype(), [&]<typename T>() {
    fill_bernoulli(mask.mutable_data<T>(), mask.numel(), 1 - p, generator);
  });
  return mask;
}

/// What x is multiplied with. Nothing is drawn for p = 1.
Tensor draw_factors(const Tensor& x, double p, bool channels, Generator& generator) {
  if (p == 1) return scalar_like(x, 0);
  const Tensor mask = draw_mask(x, p, channels, generator);
  return ops::binary(ops::BinaryOp::div, mask, scalar_like(mask, 1 - p));
}

Tensor dropped(std::string_view op, const Tensor& x, double p, bool training, bool channels,
               Generator& generator) {
  if (!drops(op, x, p, training, channels)) return x;
  return x * draw_factors(x, p, channels, generator);
}

Tensor& drop_in_place(std::string_view op, Tensor& x, double p, bool training, bool channels,
                      Generator& generator) {
  if (!drops(op, x, p, training, channels)) return x;
  return x.mul_(draw_factors(x, p, channels, generator));
}

Tensor alpha_dropped(std::string_view op, const Tensor& x, double p, bool training, bool channels,
                     Generator& generator) {
  if (!drops(op, x, p, training, channels)) return x;
  if (p == 1) return x * scalar_like(x, 0);
  constexpr double kLeast = 1.7580993408473766;  // selu at minus infinity is -kLeast
  const double scale = 1 / std::sqrt((kLeast * kLeast * p + 1) * (1 - p));
  const Tensor mask = draw_mask(x, p, channels, generator);
  const Tensor shift = (mask - 1) * (kLeast * scale) + kLeast * scale * p;
  return x * (mask * scale) + shift;
}

}  // namespace

Tensor dropout(const Tensor& x, double p, bool training, Generator& generator) {
  return dropped("dropout", x, p, training, false, generator);
}

Tensor feature_dropout(const Tensor& x, double p, bool training, Generator& generator) {
  return dropped("feature_dropout", x, p, training, true, generator);
}

Tensor alpha_dropout(const Tensor& x, double p, bool training, Generator& generator) {
  return alpha_dropped("alpha_dropout", x, p, training, false, generator);
}

Tensor feature_alpha_dropout(const Tensor& x, double p, bool training, Generator& generator) {
  return alpha_dropped("feature_alpha_dropout", x, p, training, true, generator);
}

Tensor& dropout_(Tensor& x, double p, bool training, Generator& generator) {
  return drop_in_place("dropout_", x, p, training, false, generator);
}

Tensor& feature_dropout_(Tensor& x, double p, bool training, Generator& generator) {
  return drop_in_place("feature_dropout_", x, p, training, true, generator);
}

}  // namespace voxgrad
