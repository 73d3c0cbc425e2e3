// Elementwise kernels of division with rounding and of bits.
#include <voxgrad/ops/binary_function.h>
#include <voxgrad/ops/cpu/map.h>

namespace voxgrad::ops::cpu {

void divide(BinaryOp op, const Operand& a, const Operand& b, const Operand& out) {
  visit_dtype(a.dtype, [&]<typename T>() {
    const bool known = visit_binary<T, BinaryOp::floor_divide, BinaryOp::bit_xor>(
        op, 0, [&](const auto& f) { map<T>(a, b, out, f); });
    if (!known) refuse(is_division(op) ? "division" : "bits", a.dtype);
  });
}

}  // namespace voxgrad::ops::cpu
