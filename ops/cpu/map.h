// Internal: the loops of the elementwise kernels, and what their files have of each other.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <type_traits>

#include <voxgrad/ops/cpu/by_instruction_set.h>
#include <voxgrad/ops/cpu/strided.h>
#include <voxgrad/ops/elementwise.h>

namespace voxgrad::ops::cpu {

/// The operations from UnaryOp::exp on, of floating operands.
void real_function(UnaryOp op, const Operand& x, const Operand& out);
/// Division with rounding and bitwise operations: BinaryOp::floor_divide to bit_xor.
void divide(BinaryOp op, const Operand& a, const Operand& b, const Operand& out);

/// True where out is large, and not an operand, whose lines are at hand.
template <typename R>
bool streams(const Operand& out, std::initializer_list<const Operand*> operands, Index count) {
  for (const Operand* x : operands) {
    if (x->data == out.data) return false;
  }
  return streams_results(count, sizeof(R));
}

/// Operand k of the rows of a block.
template <typename P>
struct Rows {
  P* first;
  Index row_step;
  Index step;

  template <typename Block>
  Rows(P* data, const Block& block, std::size_t k)
      : first(data + block.at[k]), row_step(block.row_steps[k]), step(block.steps[k]) {}

  P* operator[](Index row) const { return first + row * row_step; }
};

/// What a function object becomes: instructions on vectors, or a call, before which the wider
/// instruction sets must clear their registers.
enum class Inlined { yes, no };

template <typename F>
inline constexpr Inlined kInlined = F::calls ? Inlined::no : Inlined::yes;

/// out[i] = f(x[i * x_step], y[i * y_step]) for `rows` rows of n elements, with steps of 0 or 1.
template <Index x_step, Index y_step, Inlined inlined>
struct MapRows {
  template <std::size_t vector_bytes>
  struct Body {
    /// Whole lines, past the caches. What takes long is collected: half-written lines would be sent
    /// off as parts.
    template <typename T, typename R, typename F>
    [[gnu::always_inline]] static inline void stream(Index n, R* r, const T* a, const T* b,
                                                     const F& f) {
      constexpr std::size_t kBytes = inlined == Inlined::yes ? vector_bytes : 2048;
      constexpr auto kBlock = static_cast<Index>(kBytes / sizeof(R));
      for (Index i = 0; i < n; i += kBlock) {
        alignas(kLineBytes) R values[kBlock];
        const Index count = inlined == Inlined::yes ? kBlock : std::min(kBlock, n - i);
#pragma GCC unroll 1
        for (Index l = 0; l < count; ++l) values[l] = f(a[(i + l) * x_step], b[(i + l) * y_step]);
        stream_lines<vector_bytes>(r + i, values, static_cast<std::size_t>(count) * sizeof(R));
      }
    }

    template <typename T, typename R, typename F>
    [[gnu::always_inline]] static inline void run(Index rows, Index n, const Rows<R>& out,
                                                  const Rows<const T>& x, const Rows<const T>& y,
                                                  const F& f, bool streams) {
      for (Index k = 0; k < rows; ++k) {
        R* r = out[k];
        const T *a = x[k], *b = y[k];
        if (streams && is_whole_lines(r, static_cast<std::size_t>(n) * sizeof(R))) {
          stream(n, r, a, b, f);
          continue;
        }
        // The same element may be read and written, so ivdep holds when the operation is in place.
#pragma GCC ivdep
        for (Index i = 0; i < n; ++i) r[i] = f(a[i * x_step], b[i * y_step]);
      }
    }
  };
};

/// Integers are not worth three times the code.
template <Index x_step, Index y_step, typename T, Inlined inlined, typename... Args>
void map_rows(Index rows, Index n, const Args&... args) {
  using Loop = MapRows<x_step, y_step, inlined>;
  constexpr bool wide = std::is_floating_point_v<T> && inlined == Inlined::yes;
  if constexpr (wide) run_widest<Loop::template Body>(rows, n, args...);
  else run_portable<typename Loop::template Body<16>>(rows, n, args...);
}

/// out = f(x), for the function objects of unary_function.h.
template <typename T, typename F>
void map(const Operand& x, const Operand& out, F f) {
  using R = std::invoke_result_t<F, T>;
  const StridedLoop<2> loop(out.shape, {out.strides, x.strides});
  const bool large = streams<R>(out, {&x}, loop.count());
  loop.run_blocks([large, to = out.as<R>(), from = x.as<const T>(), f](const auto& block) {
    const Rows<R> r(to, block, 0);
    const Rows<const T> a(from, block, 1);
    if (r.step == 1 && a.step == 1) {
      const auto first = [f](T v, T) { return f(v); };
      return map_rows<1, 0, T, kInlined<F>>(block.rows, block.n, r, a, a, first, large);
    }
    for (Index k = 0; k < block.rows; ++k) {
      for (Index i = 0; i < block.n; ++i) r[k][i * r.step] = f(a[k][i * a.step]);
    }
  });
}

/// out = f(a, b); dense and broadcast rows have loops of their own, which the compiler vectorises.
template <typename T, typename F>
void map(const Operand& a, const Operand& b, const Operand& out, F f) {
  using R = std::invoke_result_t<F, T, T>;
  const StridedLoop<3> loop(out.shape, {out.strides, a.strides, b.strides});
  const bool large = streams<R>(out, {&a, &b}, loop.count());
  loop.run_blocks([large, to = out.as<R>(), a_data = a.as<const T>(), b_data = b.as<const T>(),
                   f](const auto& block) {
    const Rows<R> r(to, block, 0);
    const Rows<const T> x(a_data, block, 1), y(b_data, block, 2);
    const Index rows = block.rows, n = block.n;
    if (r.step == 1 && x.step == 1 && y.step == 1) {
      map_rows<1, 1, T, kInlined<F>>(rows, n, r, x, y, f, large);
    } else if (r.step == 1 && x.step == 1 && y.step == 0) {
      map_rows<1, 0, T, kInlined<F>>(rows, n, r, x, y, f, large);
    } else if (r.step == 1 && x.step == 0 && y.step == 1) {
      map_rows<0, 1, T, kInlined<F>>(rows, n, r, x, y, f, large);
    } else {
      for (Index k = 0; k < rows; ++k) {
        for (Index i = 0; i < n; ++i) r[k][i * r.step] = f(x[k][i * x.step], y[k][i * y.step]);
      }
    }
  });
}

}  // namespace voxgrad::ops::cpu
