// Elementwise kernels: the function objects that all devices share, over any strides.
#include <voxgrad/ops/elementwise.h>

#include <voxgrad/ops/binary_function.h>
#include <voxgrad/ops/cuda/map.h>

namespace voxgrad::ops::cuda {

namespace {

struct Select {
  template <typename T>
  constexpr T operator()(bool condition, T a, T b) const {
    return condition ? a : b;
  }
};

void unary(UnaryOp op, const Operand& x, const Operand& out, double parameter) {
  visit_dtype(x.dtype, [&]<typename T>() {
    const bool known = visit_unary<T, UnaryOp{}, UnaryOp::trunc>(
        op, parameter,
        [&]<typename F>(const F& f) { map<typename F::Result, T>(name(op), out, x, f); });
    if (!known) refuse(name(op), x.dtype);
  });
}

void binary(BinaryOp op, const Operand& a, const Operand& b, const Operand& out, double parameter) {
  visit_dtype(a.dtype, [&]<typename T>() {
    const bool known = visit_binary<T, BinaryOp{}, BinaryOp::greater_equal>(
        op, parameter,
        [&]<typename F>(const F& f) { map<typename F::Result, T, T>(name(op), out, a, b, f); });
    if (!known) refuse(name(op), a.dtype);
  });
}

void where(const Operand& cond, const Operand& a, const Operand& b, const Operand& out) {
  visit_dtype(a.dtype,
              [&]<typename T>() { map<T, bool, T, T>("where", out, cond, a, b, Select{}); });
}

void add_scaled(const Operand& a, const Operand& b, double alpha) {
  visit_dtype(a.dtype, [&]<typename T>() { map<T, T, T>("add", a, a, b, AddScaled<T>(alpha)); });
}

}  // namespace

const ElementwiseKernels kElementwise = {unary, binary, where, add_scaled};

}  // namespace voxgrad::ops::cuda
