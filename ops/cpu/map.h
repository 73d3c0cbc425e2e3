// Internal: the loops of the elementwise kernels, and what their files have of each other.
#pragma once

#include <cstdint>
#include <initializer_list>
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

/// r[i] = f(i) for i < n, streamed: whole lines. A block is small enough to stay in the L1 cache.
template <typename R, typename F>
void stream_row(R* r, Index n, F f) {
  constexpr Index kBlock = 2048 / static_cast<Index>(sizeof(R));
  alignas(kLineBytes) R block[kBlock];
  for (Index begin = 0; begin < n; begin += kBlock) {
    const Index count = std::min(kBlock, n - begin);
    for (Index i = 0; i < count; ++i) block[i] = f(begin + i);
    stream_lines(r + begin, block, static_cast<std::size_t>(count) * sizeof(R));
  }
}

/// True where out is large, and not an operand, whose lines are at hand.
template <typename R>
bool streams(const Operand& out, std::initializer_list<const Operand*> operands, Index count) {
  for (const Operand* x : operands) {
    if (x->data == out.data) return false;
  }
  return streams_results(count, sizeof(R));
}

template <typename R>
bool streams_row(const R* r, Index n) {
  return is_whole_lines(r, static_cast<std::size_t>(n) * sizeof(R));
}

/// out = f(x). The same element may be read and written, so ivdep holds when the operation is in
/// place.
template <typename T, typename R, typename F>
void map(const Operand& x, const Operand& out, F f) {
  const StridedLoop<2> loop(out.shape, {out.strides, x.strides});
  const bool large = streams<R>(out, {&x}, loop.count());
  loop.run([large, to = out.as<R>(), from = x.as<const T>(), f](const auto& at, const auto& step,
                                                                Index n) {
    R* r = to + at[0];
    const T* a = from + at[1];
    if (step[0] == 1 && step[1] == 1) {
      if (large && streams_row(r, n)) return stream_row(r, n, [&](Index i) { return f(a[i]); });
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
  const bool large = streams<R>(out, {&a, &b}, loop.count());
  loop.run([large, to = out.as<R>(), a_data = a.as<const T>(), b_data = b.as<const T>(), f](
               const auto& at, const auto& step, Index n) {
    R* r = to + at[0];
    const T* x = a_data + at[1];
    const T* y = b_data + at[2];
    if (step[0] == 1 && step[1] == 1 && step[2] == 1) {
      if (large && streams_row(r, n)) {
        return stream_row(r, n, [&](Index i) { return f(x[i], y[i]); });
      }
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
