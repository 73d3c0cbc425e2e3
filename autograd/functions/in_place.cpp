// The members of Tensor that write it. PyTorch's meaning: out-of-place results bound to the old
// name.
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/operands.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/node.h>
#include <voxgrad/core/check.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/elementwise.h>
#include <voxgrad/ops/layout.h>

namespace voxgrad {
namespace {

void check_operand(std::string_view op, const Tensor& target, const Tensor& other) {
  VG_CHECK(target.device() == other.device(), DeviceError,
           "{}: both tensors must be on one device; got {} and {}", op, to_string(target.device()),
           to_string(other.device()));
  VG_CHECK(broadcast_shape(op, target.shape(), other.shape()) == target.shape(), ShapeError,
           "{}: the other tensor must broadcast to the one that is written; got {} into {}", op,
           to_string(other.shape()), to_string(target.shape()));
}

/// For arithmetic, where a conversion to the target's dtype would lose what the operand is.
void check_kind(std::string_view op, const Tensor& target, DType other) {
  VG_CHECK(kind(other) <= kind(target.dtype()), DTypeError,
           "{}: the tensor that is written must be able to hold the result; got {} into {}", op,
           name(other), name(target.dtype()));
}

/// `other` in the target's dtype, and apart from its memory unless it is the same elements.
Tensor apart_from(const Tensor& target, const Tensor& other) {
  const bool shared = target.impl()->storage() == other.impl()->storage();
  const bool same = shared && target.offset() == other.offset() &&
                    target.shape() == other.shape() && target.strides() == other.strides();
  return ops::convert(shared && !same ? ops::copy(other) : other, target.dtype());
}

/// A gradient brought back to the shape and dtype of what was broadcast.
Tensor fitted(const Tensor& grad, const Shape& shape, DType dtype) {
  return sum_to(grad, shape).to(dtype);
}

}  // namespace

Tensor& Tensor::copy_(const Tensor& from) {
  if (is_same(from)) return *this;
  if (from.device() != device()) return copy_(from.to(device()));
  check_operand("copy_", *this, from);
  const std::array inputs{*this, from};
  check_in_place("copy_", *this, inputs);
  {
    const NoCancel whole;
    ops::copy_into(*this, apart_from(*this, from));
  }
  record_in_place(
      "copy_", *this, inputs, {},
      [shape = from.shape(), dtype = from.dtype()](std::span<const Tensor>,
                                                   std::span<const Tensor> grads, Needs needs) {
        return std::vector<Tensor>{{}, needs[1] ? fitted(grads[0], shape, dtype) : Tensor()};
      });
  return *this;
}

Tensor& Tensor::fill_(double value) {
  check_in_place("fill_", *this, std::span(this, 1));
  {
    const NoCancel whole;
    ops::fill(*this, value);
  }
  record_in_place("fill_", *this, std::span(this, 1), {},
                  [](std::span<const Tensor>, std::span<const Tensor>, Needs) {
                    return std::vector<Tensor>(1);
                  });
  return *this;
}

Tensor& Tensor::zero_() { return fill_(0); }

Tensor& Tensor::add_(const Tensor& operand, double alpha) {
  const Tensor other = beside(operand, *this);
  check_operand("add_", *this, other);
  check_kind("add_", *this, other.dtype());
  if (alpha != 1) check_kind("add_", *this, dtype_with_scalar(dtype(), alpha));
  const std::array inputs{*this, other};
  check_in_place("add_", *this, inputs);
  {
    const NoCancel whole;
    ops::add_scaled_into(*this, apart_from(*this, other), alpha);
  }
  record_in_place("add_", *this, inputs, {},
                  [shape = other.shape(), dtype = other.dtype(), alpha](
                      std::span<const Tensor>, std::span<const Tensor> grads, Needs needs) {
                    Tensor second;
                    if (needs[1]) second = fitted(mul(grads[0], alpha), shape, dtype);
                    return std::vector<Tensor>{grads[0], second};
                  });
  return *this;
}

Tensor& Tensor::mul_(const Tensor& operand) {
  const Tensor other = beside(operand, *this);
  check_operand("mul_", *this, other);
  check_kind("mul_", *this, other.dtype());
  const std::array inputs{*this, other};
  check_in_place("mul_", *this, inputs);
  std::vector<SavedTensor> saved(2);
  if (wants_graph(inputs)) {
    if (requires_grad()) saved[0] = other;
    if (other.requires_grad()) saved[1] = SavedTensor::with_data(*this, ops::copy(*this));
  }
  {
    const NoCancel whole;
    ops::binary_into(ops::BinaryOp::mul, *this, apart_from(*this, other), *this);
  }
  record_in_place("mul_", *this, inputs, std::move(saved),
                  [shape = other.shape(), dtype = other.dtype()](
                      std::span<const Tensor> kept, std::span<const Tensor> grads, Needs needs) {
                    std::vector<Tensor> result(2);
                    if (needs[0]) result[0] = mul(grads[0], kept[0]).to(grads[0].dtype());
                    if (needs[1]) result[1] = fitted(mul(grads[0], kept[1]), shape, dtype);
                    return result;
                  });
  return *this;
}

Tensor& Tensor::mul_(double factor) {
  check_kind("mul_", *this, dtype_with_scalar(dtype(), factor));
  const Tensor other = ops::scalar(factor, dtype(), device());
  return mul_(other);
}

}  // namespace voxgrad
