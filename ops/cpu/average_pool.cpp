// Average pooling and its adjoint: one loop (pool_rows.h).
#include <voxgrad/ops/cpu/average_pool.h>

#include <vector>

#include <voxgrad/ops/cpu/by_instruction_set.h>
#include <voxgrad/ops/cpu/pool_rows.h>

namespace voxgrad::ops::cpu {
namespace {

/// Both directions of the average: sums of places, each weighted by the inverse divisor of its
/// window. `written` holds the factors along w of what is written (average), `read` those of what
/// is read (adjoint); the other is null.
struct AverageBody {
  template <typename T, int lanes>
  [[gnu::always_inline]] static inline void block(const Row& row, const Pairs w, const T* from,
                                                  const T* read_d, const T* read_h, const T* read_w,
                                                  T factor, T* to) {
    // A sum per line and per plane keeps rounding small in large windows.
    T sum[lanes] = {};
    for (const Pair* d = row.d.first; d != row.d.last; ++d) {
      T plane[lanes] = {};
      for (const Pair* h = row.h.first; h != row.h.last; ++h) {
        T line[lanes] = {};
        const T* start = from + d->place * row.from.d + h->place * row.from.h;
        for (const Pair* p = w.first; p != w.last; ++p) {
          const T* values = start + p->place * row.from.w;
          const T share = read_w ? read_w[p->place] : T(1);
#pragma GCC unroll 1
          for (int l = 0; l < lanes; ++l) line[l] += values[l] * share;
        }
        const T share = read_h ? read_h[h->place] : T(1);
#pragma GCC unroll 1
        for (int l = 0; l < lanes; ++l) plane[l] += line[l] * share;
      }
      const T share = read_d ? read_d[d->place] : T(1);
#pragma GCC unroll 1
      for (int l = 0; l < lanes; ++l) sum[l] += plane[l] * share;
    }
#pragma GCC unroll 1
    for (int l = 0; l < lanes; ++l) to[l] = sum[l] * factor;
  }

  template <typename T>
  [[gnu::always_inline]] static inline void run(const Row* row, const T* from, const T* read_d,
                                                const T* read_h, const T* read_w, T factor,
                                                const T* written_w, T* to) {
    for (Index i = row->begin; i < row->end; ++i) {
      const Pairs w = (*row->w)[i];
      const T all = written_w ? factor * written_w[i] : factor;
      T* place = to + i * row->channels;
      Index c = 0;
      for (; c + 8 <= row->channels; c += 8)
        block<T, 8>(*row, w, from + c, read_d, read_h, read_w, all, place + c);
      for (; c + 4 <= row->channels; c += 4)
        block<T, 4>(*row, w, from + c, read_d, read_h, read_w, all, place + c);
      for (; c < row->channels; ++c)
        block<T, 1>(*row, w, from + c, read_d, read_h, read_w, all, place + c);
    }
  }
};

template <typename T>
std::vector<T> axis_factors(const PoolAxis& axis, AverageDivisor divisor) {
  std::vector<T> factors;
  for (Index o = 0; o < axis.out; ++o) factors.push_back(divisor.share<T>(axis, o));
  return factors;
}

}  // namespace

void average(const PoolGeometry& g, AverageDivisor divisor, const Tensor& x, Tensor& y) {
  const AllPairs pairs = pairs_of(g, AxisPairs::inputs_of_outputs);
  visit_floating(x.dtype(), [&]<typename T>() {
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    const T whole = divisor.whole<T>();
    const auto fd = axis_factors<T>(g.axis[0], divisor), fh = axis_factors<T>(g.axis[1], divisor),
               fw = axis_factors<T>(g.axis[2], divisor);
    const T* none = nullptr;
    for_each_row(g, pairs, &PoolAxis::in, &PoolAxis::out,
                 [&](const Row& row, Index read, Index written, Index d, Index h) {
                   const T factor = whole * fd[d] * fh[h];
                   run_widest<AverageBody>(&row, in + read, none, none, none, factor, fw.data(),
                                           out + written);
                 });
  });
}

void average_adjoint(const PoolGeometry& g, AverageDivisor divisor, const Tensor& y, Tensor& x) {
  const AllPairs pairs = pairs_of(g, AxisPairs::outputs_of_inputs);
  visit_floating(y.dtype(), [&]<typename T>() {
    const T* in = y.data<T>();
    T* out = x.mutable_data<T>();
    const T whole = divisor.whole<T>();
    const auto fd = axis_factors<T>(g.axis[0], divisor), fh = axis_factors<T>(g.axis[1], divisor),
               fw = axis_factors<T>(g.axis[2], divisor);
    for_each_row(g, pairs, &PoolAxis::out, &PoolAxis::in,
                 [&](const Row& row, Index read, Index written, Index, Index) {
                   const T* none = nullptr;
                   run_widest<AverageBody>(&row, in + read, fd.data(), fh.data(), fw.data(), whole,
                                           none, out + written);
                 });
  });
}

}  // namespace voxgrad::ops::cpu
