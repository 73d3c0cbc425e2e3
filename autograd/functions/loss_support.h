// Internal to autograd/functions: what losses share.
#pragma once

#include <limits>
#include <string_view>

#include <voxgrad/autograd/functions/loss.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/core/check.h>

namespace voxgrad {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

inline void check_scores(std::string_view op, const Tensor& scores) {
  VG_CHECK(scores.defined() && is_floating(scores.dtype()), DTypeError,
           "{}: scores must be float32 or float64; got {}", op,
           scores.defined() ? name(scores.dtype()) : "an undefined tensor");
}

inline void check_same(std::string_view op, const Tensor& x, const Tensor& y) {
  check_scores(op, x);
  VG_CHECK(y.defined() && x.dtype() == y.dtype(), DTypeError,
           "{}: both must have one dtype; got {} and {}", op, name(x.dtype()),
           y.defined() ? name(y.dtype()) : "an undefined tensor");
  VG_CHECK(x.shape() == y.shape(), ShapeError, "{}: both must have one shape; got {} and {}", op,
           x.shape(), y.shape());
  VG_CHECK(x.device() == y.device(), DeviceError, "{}: both must be on one device; got {} and {}",
           op, to_string(x.device()), to_string(y.device()));
}

inline Tensor reduced(const Tensor& losses, Reduction reduction) {
  switch (reduction) {
    case Reduction::mean: return mean(losses);
    case Reduction::sum: return sum(losses);
    case Reduction::none: break;
  }
  return losses;
}

}  // namespace voxgrad
