// Internal to autograd/functions: operands of elementwise functions brought to one dtype.
#pragma once

#include <voxgrad/autograd/functions/operands.h>

namespace voxgrad {

/// A tensor of rank 0 widens only to another kind.
inline DType result_dtype(const Tensor& a, const Tensor& b) {
  const bool a_yields = a.dim() == 0 && b.dim() > 0 && kind(a.dtype()) <= kind(b.dtype());
  const bool b_yields = b.dim() == 0 && a.dim() > 0 && kind(b.dtype()) <= kind(a.dtype());
  if (a_yields) return b.dtype();
  if (b_yields) return a.dtype();
  return promote(a.dtype(), b.dtype());
}

struct Pair {
  Tensor a;
  Tensor b;
};

/// Both in the result's dtype, checked.
inline Pair promoted(std::string_view op, const Tensor& left, const Tensor& right) {
  const Tensor a = beside(left, right), b = beside(right, left);
  check_same_device(op, a, b);
  if (a.shape() != b.shape()) broadcast_shape(op, a.shape(), b.shape());
  const DType dtype = result_dtype(a, b);
  return {a.to(dtype), b.to(dtype)};
}

inline Tensor with_scalar(const Tensor& x, double value) {
  return x.to(dtype_with_scalar(x.dtype(), value));
}

}  // namespace voxgrad
