// The adjoint identity of a function and its derivative rule, on random numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Numbers that are equal, but for rounding, when the derivative is right.
struct AdjointCheck {
  double forward = 0;            ///< <y, f(x, ...) - f(0, ...)>, y random with f's shape
  std::vector<double> backward;  ///< <x, vjp(y)> for each input
  double scale = 0;              ///< |y| * |f(x, ...) - f(0, ...)|, which bounds |forward|

  /// The largest difference between `forward` and one of `backward`.
  double gap() const;
};

/// Checks f as it stands, in its own dtype and at any size: f of the inputs, f at zero and one
/// backward pass, no finite differences.
///
/// @param f       affine in each of `inputs` alone, with the same value wherever one of them is
///                zero: x -> conv(x, w, bias), or (x, w) -> conv(x, w, bias), which is three equal
///                numbers, <y, conv(x, w)>, <x, dx> and <w, dw>
/// @param inputs  floating
/// @param seed    of the entries of y, which are standard normal
/// @throws AutogradError without f or inputs, when no output is differentiable, and when f gives
/// other shapes at zero; DTypeError unless all inputs are floating.
AdjointCheck check_adjoint(const TensorFunction& f, const std::vector<Tensor>& inputs,
                           std::uint64_t seed = 1);

/// The same for one input and one output.
AdjointCheck check_adjoint(const std::function<Tensor(const Tensor&)>& f, const Tensor& x,
                           std::uint64_t seed = 1);

}  // namespace voxgrad
