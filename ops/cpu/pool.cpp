// Maximum pooling over channels-last volumes (pool_rows.h says how it walks). The adjoint gathers
// too: each input sums the windows it lies in, in ascending order, so no two threads write one
// element.
#include <voxgrad/ops/pool.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include <voxgrad/ops/cpu/average_pool.h>
#include <voxgrad/ops/cpu/by_instruction_set.h>
#include <voxgrad/ops/cpu/pool_rows.h>
#include <voxgrad/ops/cpu/stream.h>

namespace voxgrad::ops::cpu {
namespace {

template <typename T>
using Number = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

// Channels are taken `lanes` at a time, in arrays whose loops become vectors of the instruction set
// in use. The loops must not be unrolled before that.
struct MaxBody {
  template <int lanes, typename T, typename P>
  [[gnu::always_inline]] static inline void block(const Row& row, const Pairs w, const T* x, T* y,
                                                  P* positions) {
    constexpr int kLine = kLineBytes / sizeof(T);
    const Index first =
        (row.d.first->tap * row.kernel_h + row.h.first->tap) * row.kernel_w + w.first->tap;
    T best[lanes];
    Number<T> where[lanes];
#pragma GCC unroll 1
    for (int l = 0; l < lanes; ++l) {
      best[l] = -std::numeric_limits<T>::infinity();
      where[l] = static_cast<Number<T>>(first);
    }
    for (const Pair* d = row.d.first; d != row.d.last; ++d) {
      for (const Pair* h = row.h.first; h != row.h.last; ++h) {
        const T* line = x + d->place * row.from.d + h->place * row.from.h;
        const Index tap = (d->tap * row.kernel_h + h->tap) * row.kernel_w;
        for (const Pair* p = w.first; p != w.last; ++p) {
          const T* values = line + p->place * row.from.w;
          const auto number = static_cast<Number<T>>(tap + p->tap);
          // Lines are too short for the processor to see what comes next.
          for (int l = 0; l < lanes; l += kLine) __builtin_prefetch(values + row.ahead + l, 0, 2);
#pragma GCC unroll 1
          for (int l = 0; l < lanes; ++l) {
            const T value = values[l];
            const bool better = (value > best[l]) | (value != value);
            best[l] = better ? value : best[l];
            where[l] = better ? number : where[l];
          }
        }
      }
    }
#pragma GCC unroll 1
    for (int l = 0; l < lanes; ++l) {
      y[l] = best[l];
      positions[l] = static_cast<P>(where[l]);
    }
  }

  template <typename T, typename P>
  [[gnu::always_inline]] static inline void one(const Row& row, const Pairs w, const T* x, T* y,
                                                P* position) {
    T best = -std::numeric_limits<T>::infinity();
    Index where =
        (row.d.first->tap * row.kernel_h + row.h.first->tap) * row.kernel_w + w.first->tap;
    for (const Pair* d = row.d.first; d != row.d.last; ++d) {
      for (const Pair* h = row.h.first; h != row.h.last; ++h) {
        const T* line = x + d->place * row.from.d + h->place * row.from.h;
        for (const Pair* p = w.first; p != w.last; ++p) {
          const T value = line[p->place * row.from.w];
          if (!(value > best || value != value)) continue;
          best = value;
          where = (d->tap * row.kernel_h + h->tap) * row.kernel_w + p->tap;
        }
      }
    }
    *y = best;
    *position = static_cast<P>(where);
  }

  template <typename T, typename P>
  [[gnu::always_inline]] static inline void run(const Row* row, const T* x, T* y, P* positions) {
    for (Index o = row->begin; o < row->end; ++o) {
      const Pairs w = (*row->w)[o];
      const Index at = o * row->channels;
      Index c = 0;
      for (; c + 32 <= row->channels; c += 32)
        block<32>(*row, w, x + c, y + at + c, positions + at + c);
      for (; c + 8 <= row->channels; c += 8)
        block<8>(*row, w, x + c, y + at + c, positions + at + c);
      for (; c < row->channels; ++c) one(*row, w, x + c, y + at + c, positions + at + c);
    }
  }
};

template <std::size_t vector_bytes>
struct ScatterBody {
  static constexpr Index kMostChannels = 256;

  /// The channels of a place in one window alone, as windows side by side have them; whole lines.
  template <typename T>
  [[gnu::always_inline]] static inline void from_one(Index channels, Number<T> number, const T* y,
                                                     const Number<T>* positions, bool streams,
                                                     T* x) {
    constexpr auto kLanes = static_cast<Index>(vector_bytes / sizeof(T));
    for (Index c = 0; c < channels; c += kLanes) {
      alignas(vector_bytes) T values[kLanes];
#pragma GCC unroll 1
      for (Index l = 0; l < kLanes; ++l) {
        // The sum of one term: no -0.
        values[l] = T(0) + (positions[c + l] == number ? y[c + l] : T(0));
      }
      if (streams) stream_vector<vector_bytes>(x + c, values);
      else std::memcpy(x + c, values, sizeof(values));
    }
  }

  /// A row of such places. Positions are widened once for the places of a window: loops over
  /// numbers of different sizes become short vectors. Values are copied: what is selected would be
  /// loaded under a mask, which begins only when the position has come.
  template <typename T, typename P>
  [[gnu::always_inline]] static inline Index run_from_one(const Row& row, const T* y,
                                                          const P* positions, bool streams, T* x) {
    alignas(vector_bytes) Number<T> wide[kMostChannels];
    alignas(vector_bytes) T values[kMostChannels];
    const Pair &d = *row.d.first, &h = *row.h.first;
    const Index line = d.place * row.from.d + h.place * row.from.h;
    const Index tap = (d.tap * row.kernel_h + h.tap) * row.kernel_w;
    Index widened = -1;
    Index i = row.begin;
    for (; i < row.end && (*row.w)[i].size() == 1; ++i) {
      const Pair w = *(*row.w)[i].first;
      const Index at = line + w.place * row.from.w;
      if (w.place != widened) {
        for (Index c = 0; c < row.channels; ++c)
          wide[c] = static_cast<Number<T>>(positions[at + c]);
        for (Index c = 0; c < row.channels; ++c) values[c] = y[at + c];
        widened = w.place;
      }
      from_one(row.channels, static_cast<Number<T>>(tap + w.tap), values, wide, streams,
               x + i * row.channels);
    }
    return i;
  }

  template <int lanes, typename T, typename P>
  [[gnu::always_inline]] static inline void block(const Row& row, const Pairs w, const T* y,
                                                  const P* positions, bool streams, T* x) {
    alignas(64) T sum[lanes] = {};
    for (const Pair* d = row.d.first; d != row.d.last; ++d) {
      for (const Pair* h = row.h.first; h != row.h.last; ++h) {
        const Index line = d->place * row.from.d + h->place * row.from.h;
        const Index tap = (d->tap * row.kernel_h + h->tap) * row.kernel_w;
        for (const Pair* p = w.first; p != w.last; ++p) {
          const Index at = line + p->place * row.from.w;
          const auto number = static_cast<Number<T>>(tap + p->tap);
#pragma GCC unroll 1
          for (int l = 0; l < lanes; ++l) {
            sum[l] += static_cast<Number<T>>(positions[at + l]) == number ? y[at + l] : T(0);
          }
        }
      }
    }
    if (streams && is_whole_lines(x, sizeof(sum))) {
      stream_lines<vector_bytes>(x, sum, sizeof(sum));
    } else {
      std::memcpy(x, sum, sizeof(sum));
    }
  }

  template <typename T, typename P>
  [[gnu::always_inline]] static inline T one(const Row& row, const Pairs w, const T* y,
                                             const P* positions) {
    T sum = 0;
    for (const Pair* d = row.d.first; d != row.d.last; ++d) {
      for (const Pair* h = row.h.first; h != row.h.last; ++h) {
        const Index line = d->place * row.from.d + h->place * row.from.h;
        const Index tap = (d->tap * row.kernel_h + h->tap) * row.kernel_w;
        for (const Pair* p = w.first; p != w.last; ++p) {
          const Index at = line + p->place * row.from.w;
          sum += positions[at] == tap + p->tap ? y[at] : T(0);
        }
      }
    }
    return sum;
  }

  template <typename T, typename P>
  [[gnu::always_inline]] static inline void run(const Row* row, const T* y, const P* positions,
                                                bool streams, T* x) {
    Index i = row->begin;
    if (row->channels <= kMostChannels && row->d.size() == 1 && row->h.size() == 1 &&
        is_whole_lines(x, static_cast<std::size_t>(row->channels) * sizeof(T))) {
      i = run_from_one(*row, y, positions, streams, x);
    }
    for (; i < row->end; ++i) {
      const Pairs w = (*row->w)[i];
      T* to = x + i * row->channels;
      Index c = 0;
      for (; c + 32 <= row->channels; c += 32)
        block<32>(*row, w, y + c, positions + c, streams, to + c);
      for (; c + 8 <= row->channels; c += 8)
        block<8>(*row, w, y + c, positions + c, streams, to + c);
      for (; c < row->channels; ++c) to[c] = one(*row, w, y + c, positions + c);
    }
  }
};

/// Calls f.operator()<T, P>() for the value type and the position type.
template <typename F>
void visit_types(DType value, DType position, F&& f) {
  visit_floating(value, [&]<typename T>() {
    if (position == DType::uint8) f.template operator()<T, std::uint8_t>();
    else f.template operator()<T, std::int32_t>();
  });
}

void max(const PoolGeometry& g, const Tensor& x, Tensor& y, Tensor& positions) {
  const AllPairs pairs = pairs_of(g, AxisPairs::inputs_of_outputs);
  visit_types(x.dtype(), positions.dtype(), [&]<typename T, typename P>() {
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    P* where = positions.mutable_data<P>();
    for_each_row(g, pairs, &PoolAxis::in, &PoolAxis::out,
                 [&](const Row& row, Index read, Index written, Index, Index) {
                   run_widest<MaxBody>(&row, in + read, out + written, where + written);
                 });
  });
}

void scatter(const PoolGeometry& g, const Tensor& y, const Tensor& positions, Tensor& x) {
  const AllPairs pairs = pairs_of(g, AxisPairs::outputs_of_inputs);
  visit_types(y.dtype(), positions.dtype(), [&]<typename T, typename P>() {
    const T* in = y.data<T>();
    const P* where = positions.data<P>();
    T* out = x.mutable_data<T>();
    const bool streams = streams_results(x.numel(), sizeof(T));
    for_each_row(g, pairs, &PoolAxis::out, &PoolAxis::in,
                 [&](const Row& row, Index read, Index written, Index, Index) {
                   run_widest<ScatterBody>(&row, in + read, where + read, streams, out + written);
                   if (streams) finish_streaming();
                 });
  });
}

/// Input coordinate along one axis of tap k of output o.
Index input_of(const PoolAxis& axis, Index o, Index k) { return axis.start(o) + k * axis.dilation; }

/// Calls body(sample, element of y, spatial place in x) for every element of y.
template <typename P, typename Body>
void for_each_position(const PoolGeometry& g, const P* positions, const Body& body) {
  const auto& [ad, ah, aw] = g.axis;
  const Index line = aw.out * g.channels;
  parallel_ranges(g.batch * ad.out * ah.out, 16, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      const Index oh = r % ah.out, od = r / ah.out % ad.out, n = r / ah.out / ad.out;
      for (Index at = r * line; at < (r + 1) * line; ++at) {
        const Index ow = (at - r * line) / g.channels;
        const Index tap = positions[at];
        const Index d = input_of(ad, od, tap / (ah.kernel * aw.kernel));
        const Index h = input_of(ah, oh, tap / aw.kernel % ah.kernel);
        const Index w = input_of(aw, ow, tap % aw.kernel);
        body(n, at, (d * ah.in + h) * aw.in + w);
      }
    }
  });
}

void gather(const PoolGeometry& g, const Tensor& x, const Tensor& positions, Tensor& y) {
  const Index voxels = g.axis[0].in * g.axis[1].in * g.axis[2].in;
  visit_types(x.dtype(), positions.dtype(), [&]<typename T, typename P>() {
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    for_each_position(g, positions.data<P>(), [&](Index n, Index at, Index place) {
      out[at] = in[(n * voxels + place) * g.channels + at % g.channels];
    });
  });
}

void flat_indices(const PoolGeometry& g, const Tensor& positions, Tensor& indices) {
  std::int64_t* out = indices.mutable_data<std::int64_t>();
  visit_types(DType::float32, positions.dtype(), [&]<typename, typename P>() {
    for_each_position(g, positions.data<P>(),
                      [&](Index, Index at, Index place) { out[at] = place; });
  });
}

}  // namespace

const PoolKernels kPool = {.max = max,
                           .scatter = scatter,
                           .gather = gather,
                           .flat_indices = flat_indices,
                           .average = average,
                           .average_adjoint = average_adjoint};

}  // namespace voxgrad::ops::cpu
