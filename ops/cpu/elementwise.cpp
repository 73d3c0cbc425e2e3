// Elementwise kernels: map() runs the function objects that all devices share over any strides.
#include <voxgrad/ops/elementwise.h>

#include <voxgrad/ops/binary_function.h>
#include <voxgrad/ops/cpu/map.h>

namespace voxgrad::ops::cpu {

namespace {

void unary(UnaryOp op, const Operand& x, const Operand& out, double parameter) {
  if (is_real_function(op)) return real_function(op, x, out);
  visit_dtype(x.dtype, [&]<typename T>() {
    const bool known = visit_unary<T, UnaryOp{}, UnaryOp::bit_not>(
        op, parameter, [&](const auto& f) { map<T>(x, out, f); });
    if (!known) refuse(name(op), x.dtype);
  });
}

void binary(BinaryOp op, const Operand& a, const Operand& b, const Operand& out, double parameter) {
  if (is_division(op) || is_bitwise(op)) return divide(op, a, b, out);
  visit_dtype(a.dtype, [&]<typename T>() {
    const auto run = [&](const auto& f) { map<T>(a, b, out, f); };
    const bool known =
        visit_binary<T, BinaryOp{}, BinaryOp::atan2>(op, parameter, run) ||
        visit_binary<T, BinaryOp::maximum, BinaryOp::greater_equal>(op, parameter, run);
    if (!known) refuse(name(op), a.dtype);
  });
}

void where(const Operand& cond, const Operand& a, const Operand& b, const Operand& out) {
  visit_dtype(a.dtype, [&]<typename T>() {
    const StridedLoop<4> loop(out.shape, {out.strides, cond.strides, a.strides, b.strides});
    loop.run([&](const auto& at, const auto& step, Index n) {
      T* r = out.as<T>() + at[0];
      const bool* c = cond.as<const bool>() + at[1];
      const T* x = a.as<const T>() + at[2];
      const T* y = b.as<const T>() + at[3];
      for (Index i = 0; i < n; ++i) {
        r[i * step[0]] = c[i * step[1]] ? x[i * step[2]] : y[i * step[3]];
      }
    });
  });
}

void add_scaled(const Operand& a, const Operand& b, double alpha) {
  visit_dtype(a.dtype, [&]<typename T>() { map<T>(a, b, a, AddScaled<T>(alpha)); });
}

}  // namespace

const ElementwiseKernels kElementwise = {unary, binary, where, add_scaled};

}  // namespace voxgrad::ops::cpu
