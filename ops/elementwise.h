// Internal: elementwise arithmetic on values, one kernel table per device. Operands and dtypes were
// checked by the caller.
//
// Results keep the memory order of the first operand of full shape.
#pragma once

#include <cstdint>
#include <string_view>

#include <voxgrad/ops/operand.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace ops {

/// Those from exp on take floating types only, the others all types that have the operation.
enum class UnaryOp : std::uint8_t {
  negate,
  abs,
  sign,  ///< -1, 0, 1; 0 for NaN
  square,
  relu,         ///< NaN stays
  leaky_relu,   ///< parameter: the slope below 0
  logical_not,  ///< boolean: x == 0
  is_nan,       ///< boolean
  is_infinite,  ///< boolean
  is_finite,    ///< boolean
  bit_not,      ///< integers and boolean
  exp,
  exp2,
  expm1,
  log,
  log2,
  log10,
  log1p,
  sqrt,
  rsqrt,  ///< 1 / sqrt(x)
  reciprocal,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  tanh,
  sigmoid,
  erf,
  erfc,
  floor,
  ceil,
  round,  ///< halves go to the even neighbour
  trunc,
};

enum class BinaryOp : std::uint8_t {
  add,  ///< boolean: or
  sub,
  mul,           ///< boolean: and
  div,           ///< floating types only
  pow,           ///< integers wrap around; negative powers of theirs are 0 but for bases 1 and -1
  atan2,         ///< floating types only
  floor_divide,  ///< this and the next three: not boolean; integer divisors must not be 0
  trunc_divide,
  remainder,  ///< sign of the divisor
  fmod,       ///< sign of the dividend
  bit_and,    ///< this and the next two: integers and boolean
  bit_or,
  bit_xor,
  maximum,  ///< NaN wins
  minimum,  ///< NaN wins
  gate,     ///< a * (b > 0 ? 1 : parameter): gradient of relu and leaky_relu from their result.
            ///< Parameter 0 lets a through where b is NaN, as PyTorch's relu does
  sigmoid_gradient,  ///< (a * b) * (1 - b)
  tanh_gradient,     ///< a * (1 - b * b)
  equal,             ///< this and those below give boolean
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
};

/// As it is called here: "floor_divide", for example.
std::string_view name(UnaryOp op);
std::string_view name(BinaryOp op);

constexpr bool gives_boolean(UnaryOp op) {
  return op >= UnaryOp::logical_not && op <= UnaryOp::is_finite;
}
constexpr bool gives_boolean(BinaryOp op) { return op >= BinaryOp::equal; }

/// op(x), shape of x. @throws DTypeError where the dtype does not have the operation.
Tensor unary(UnaryOp op, const Tensor& x, double parameter = 0);
/// The same into `out`, which may be x.
void unary_into(UnaryOp op, const Tensor& x, Tensor& out, double parameter = 0);

/// op(a, b) over the broadcast shape; a and b have one dtype. @throws ShapeError, DTypeError.
Tensor binary(BinaryOp op, const Tensor& a, const Tensor& b, double parameter = 0);
/// The same into `out` of the broadcast shape, which may be a or b.
void binary_into(BinaryOp op, const Tensor& a, const Tensor& b, Tensor& out, double parameter = 0);

/// cond ? a : b over the broadcast shape of all three; cond is boolean, a and b have one dtype.
Tensor where(const Tensor& cond, const Tensor& a, const Tensor& b);

/// a += alpha * b; b broadcasts to a and has its dtype.
void add_scaled_into(Tensor& a, const Tensor& b, double alpha);

/// A tensor of rank 0.
Tensor scalar(double value, DType dtype, Device device);

/// Ends an operation that the dtype does not have. @throws DTypeError, always.
[[noreturn]] void refuse(std::string_view op, DType dtype);

/// Kernels get operands of one shape.
struct ElementwiseKernels {
  void (*unary)(UnaryOp op, const Operand& x, const Operand& out, double parameter);
  void (*binary)(BinaryOp op, const Operand& a, const Operand& b, const Operand& out,
                 double parameter);
  void (*where)(const Operand& cond, const Operand& a, const Operand& b, const Operand& out);
  void (*add_scaled)(const Operand& a, const Operand& b, double alpha);
};
/// Of the device's type; from here on this thread's kernels run on that device.
const ElementwiseKernels& elementwise_kernels(Device device);

namespace cpu {
extern const ElementwiseKernels kElementwise;
}
namespace cuda {
extern const ElementwiseKernels kElementwise;
}

}  // namespace ops
}  // namespace voxgrad
