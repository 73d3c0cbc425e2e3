// Elementwise kernels of real functions: floating types only.
#include <voxgrad/ops/cpu/map.h>
#include <voxgrad/ops/unary_function.h>

namespace voxgrad::ops::cpu {

void real_function(UnaryOp op, const Operand& x, const Operand& out) {
  if (!is_floating(x.dtype)) refuse(name(op), x.dtype);
  visit_floating(x.dtype, [&]<typename T>() {
    visit_unary<T, UnaryOp::exp, UnaryOp::trunc>(op, 0, [&](const auto& f) { map<T>(x, out, f); });
  });
}

}  // namespace voxgrad::ops::cpu
