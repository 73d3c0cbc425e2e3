// Internal: the loops of the elementwise kernels, and what their files have of each other.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include <voxgrad/ops/cpu/strided.h>
#include <voxgrad/ops/elementwise.h>

namespace voxgrad::ops::cpu {

/// The operations from UnaryOp::exp on, of floating operands.
void real_function(UnaryOp op, const Operand& x, const Operand& out);
/// Division with rounding and bitwise operations: BinaryOp::floor_divide to bit_xor.
void divide(BinaryOp op, const Operand& a, const Operand& b, const Operand& out);
/// Always throws DTypeError.
[[noreturn]] void refuse(std::string_view kind, DType dtype);

/// out = f(x). The same element may be read and written, so ivdep holds when the operation is in
/// place.
template <typename T, typename R, typename F>
void map(const Operand& x, const Operand& out, F f) {
  const StridedLoop<2> loop(out.shape, {out.strides, x.strides});
  loop.run(
      [to = out.as<R>(), from = x.as<const T>(), f](const auto& at, const auto& step, Index n) {
        R* r = to + at[0];
        const T* a = from + at[1];
        if (step[0] == 1 && step[1] == 1) {
#pragma GCC ivdep
          for (Index i = 0; i < n; ++i) r[i] = f(a[i]);
        } else {
          for (Index i = 0; i < n; ++i) r[i * step[0]] = f(a[i * step[1]]);
        }
      });
}

/// out = f(a, b); dense and broadcast rows have loops of their own, which the compiler vectorises.
template <typename T, typename R, typename F>
void map(const Operand& a, const Operand& b, const Operand& out, F f) {
  const StridedLoop<3> loop(out.shape, {out.strides, a.strides, b.strides});
  loop.run([to = out.as<R>(), a_data = a.as<const T>(), b_data = b.as<const T>(), f](
               const auto& at, const auto& step, Index n) {
    R* r = to + at[0];
    const T* x = a_data + at[1];
    const T* y = b_data + at[2];
    if (step[0] == 1 && step[1] == 1 && step[2] == 1) {
#pragma GCC ivdep
      for (Index i = 0; i < n; ++i) r[i] = f(x[i], y[i]);
    } else if (step[0] == 1 && step[1] == 1 && step[2] == 0) {
      const T constant = *y;
#pragma GCC ivdep
      for (Index i = 0; i < n; ++i) r[i] = f(x[i], constant);
    } else if (step[0] == 1 && step[1] == 0 && step[2] == 1) {
      const T constant = *x;
#pragma GCC ivdep
      for (Index i = 0; i < n; ++i) r[i] = f(constant, y[i]);
    } else {
      for (Index i = 0; i < n; ++i) r[i * step[0]] = f(x[i * step[1]], y[i * step[2]]);
    }
  });
}

/// The type to compute in: integers wrap around, as in PyTorch, which unsigned arithmetic does
/// without undefined behaviour.
template <typename T>
using Wide = std::conditional_t<std::is_floating_point_v<T>, T, std::uint64_t>;

}  // namespace voxgrad::ops::cpu
