#include <voxgrad/ops/elementwise.h>

#include <iterator>

#include <voxgrad/core/check.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/layout.h>

namespace voxgrad::ops {

namespace {

constexpr std::string_view kUnaryNames[] = {
    "negate", "abs",         "sign",      "square",  "relu", "leaky_relu", "logical_not",
    "is_nan", "is_infinite", "is_finite", "bit_not", "exp",  "exp2",       "expm1",
    "log",    "log2",        "log10",     "log1p",   "sqrt", "rsqrt",      "reciprocal",
    "sin",    "cos",         "tan",       "asin",    "acos", "atan",       "sinh",
    "cosh",   "tanh",        "sigmoid",   "erf",     "erfc", "floor",      "ceil",
    "round",  "trunc"};
static_assert(std::size(kUnaryNames) == static_cast<std::size_t>(UnaryOp::trunc) + 1);

constexpr std::string_view kBinaryNames[] = {"add",
                                             "sub",
                                             "mul",
                                             "div",
                                             "pow",
                                             "atan2",
                                             "floor_divide",
                                             "trunc_divide",
                                             "remainder",
                                             "fmod",
                                             "bit_and",
                                             "bit_or",
                                             "bit_xor",
                                             "maximum",
                                             "minimum",
                                             "gate",
                                             "sigmoid_gradient",
                                             "tanh_gradient",
                                             "equal",
                                             "not_equal",
                                             "less",
                                             "less_equal",
                                             "greater",
                                             "greater_equal"};
static_assert(std::size(kBinaryNames) == static_cast<std::size_t>(BinaryOp::greater_equal) + 1);

/// Uninitialised result in the memory order of the first operand that has the full shape.
Tensor empty_result(const Shape& shape, DType dtype,
                    std::initializer_list<const Tensor*> operands) {
  for (const Tensor* x : operands) {
    if (x->shape() != shape) continue;
    // What is cut out of a larger tensor has an order too.
    const bool cut = !x->is_dense() && !x->may_overlap() && x->dtype() == dtype;
    return cut ? empty_in_order_of(*x, shape) : Tensor::empty_like(*x, dtype);
  }
  return Tensor::empty(shape, dtype, (*operands.begin())->device());
}

/// True where x lies with another fastest axis than `out`, so that a loop would jump at every
/// element.
bool runs_across(const Tensor& x, const Tensor& out) {
  constexpr Index kWorthACopy = Index{1} << 14;
  if (x.shape() != out.shape() || x.numel() < kWorthACopy || x.strides() == out.strides()) {
    return false;
  }
  for (std::size_t i = 0; i < x.shape().size(); ++i) {
    if (x.shape()[i] > 1 && out.strides()[i] == 1) return x.strides()[i] != 1 && x.is_dense();
  }
  return false;
}

/// x itself or, where that is faster to read, a copy in the memory order of `out`.
Tensor in_order_of(const Tensor& out, const Tensor& x) {
  if (!runs_across(x, out)) return x;
  Tensor copy = Tensor::empty_like(out, x.dtype());
  copy_into(copy, x);
  return copy;
}

void run_binary(BinaryOp op, const Tensor& a, const Tensor& b, Tensor& out, double parameter) {
  const Tensor first = in_order_of(out, a);
  const Tensor second = in_order_of(out, b);
  elementwise_kernels(out.device())
      .binary(op, operand(first, out.shape()), operand(second, out.shape()), target(out),
              parameter);
}

}  // namespace

std::string_view name(UnaryOp op) { return kUnaryNames[static_cast<std::size_t>(op)]; }
std::string_view name(BinaryOp op) { return kBinaryNames[static_cast<std::size_t>(op)]; }

const ElementwiseKernels& elementwise_kernels(Device device) {
  return select_kernels(device, cpu::kElementwise, cuda::kElementwise);
}

void refuse(std::string_view op, DType dtype) {
  VG_CHECK(false, DTypeError, "{}: the operation is not defined for this dtype; got {}", op,
           name(dtype));
  __builtin_unreachable();
}

Tensor unary(UnaryOp op, const Tensor& x, double parameter) {
  Tensor out = Tensor::empty_like(x, gives_boolean(op) ? DType::boolean : x.dtype());
  elementwise_kernels(x.device()).unary(op, operand(x), target(out), parameter);
  return out;
}

void unary_into(UnaryOp op, const Tensor& x, Tensor& out, double parameter) {
  const NoCancel whole;
  elementwise_kernels(x.device()).unary(op, operand(x), target(out), parameter);
}

Tensor binary(BinaryOp op, const Tensor& a, const Tensor& b, double parameter) {
  const Shape shape =
      a.shape() == b.shape() ? a.shape() : broadcast_shape("broadcast", a.shape(), b.shape());
  Tensor out = empty_result(shape, gives_boolean(op) ? DType::boolean : a.dtype(), {&a, &b});
  run_binary(op, a, b, out, parameter);
  return out;
}

void binary_into(BinaryOp op, const Tensor& a, const Tensor& b, Tensor& out, double parameter) {
  const NoCancel whole;
  run_binary(op, a, b, out, parameter);
}

Tensor where(const Tensor& cond, const Tensor& a, const Tensor& b) {
  const Shape shape =
      broadcast_shape("where", cond.shape(), broadcast_shape("where", a.shape(), b.shape()));
  Tensor out = empty_result(shape, a.dtype(), {&a, &b, &cond});
  elementwise_kernels(a.device())
      .where(operand(cond, shape), operand(a, shape), operand(b, shape), target(out));
  return out;
}

void add_scaled_into(Tensor& a, const Tensor& b, double alpha) {
  const NoCancel whole;
  const Tensor other = in_order_of(a, b);
  elementwise_kernels(a.device()).add_scaled(target(a), operand(other, a.shape()), alpha);
}

Tensor scalar(double value, DType dtype, Device device) {
  Tensor out = Tensor::empty({}, dtype, device);
  fill(out, value);
  return out;
}

}  // namespace voxgrad::ops
