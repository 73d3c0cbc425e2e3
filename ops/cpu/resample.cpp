// Linear maps of one axis. A result is a run of `inner` neighbours in memory (the axes that run
// faster, channels first), summed from runs of x, so loops over a run vectorise; where runs are
// short, several results are one call.
#include <voxgrad/ops/resample.h>

#include <algorithm>
#include <cstring>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/cpu/by_instruction_set.h>
#include <voxgrad/ops/cpu/stream.h>

namespace voxgrad::ops::cpu {
namespace {

/// Elements per tile of work.
constexpr Index kGrain = Index{1} << 14;

/// Taps with weights of the dtype.
template <typename T>
struct Weighted {
  Index place;
  T weight;
};

template <std::size_t vector_bytes>
struct MapBody {
  /// to[i] = sum over taps of weight * from[place * inner + i], `lanes` at a time.
  template <int lanes, typename T>
  [[gnu::always_inline]] static inline void block(const Weighted<T>* first, const Weighted<T>* last,
                                                  const T* from, Index inner, bool streams, T* to) {
    alignas(kLineBytes) T sum[lanes] = {};
    for (const Weighted<T>* tap = first; tap != last; ++tap) {
      const T* values = from + tap->place * inner;
#pragma GCC unroll 1
      for (int l = 0; l < lanes; ++l) sum[l] += values[l] * tap->weight;
    }
    if (streams && is_whole_lines(to, sizeof(sum)))
      stream_lines<vector_bytes>(to, sum, sizeof(sum));
    else std::memcpy(to, sum, sizeof(sum));
  }

  template <int taps, typename T>
  [[gnu::always_inline]] static inline T sum_of(const T* const* from, const T* weight, Index i) {
    T sum = 0;
    for (int t = 0; t < taps; ++t) sum += from[t][i] * weight[t];
    return sum;
  }

  /// The same for so few taps that all of a result stays in registers, elements [0, count).
  template <int taps, typename T>
  [[gnu::always_inline]] static inline void few(const Weighted<T>* first, const T* from,
                                                Index inner, Index count, bool streams, T* to) {
    constexpr auto kLanes = static_cast<Index>(vector_bytes / sizeof(T));
    const T* places[taps];
    T weights[taps];
    for (int t = 0; t < taps; ++t) {
      places[t] = from + first[t].place * inner;
      weights[t] = first[t].weight;
    }
    const auto bytes = static_cast<std::size_t>(count) * sizeof(T);
    const Index streamed = streams && is_whole_lines(to, bytes) ? count : 0;
    for (Index i = 0; i < streamed; i += kLanes) {
      alignas(vector_bytes) T sum[kLanes];
#pragma GCC unroll 1
      for (Index l = 0; l < kLanes; ++l) sum[l] = sum_of<taps>(places, weights, i + l);
      stream_vector<vector_bytes>(to + i, sum);
    }
#pragma GCC ivdep
    for (Index i = streamed; i < count; ++i) to[i] = sum_of<taps>(places, weights, i);
  }

  /// The same for any number.
  template <typename T>
  [[gnu::always_inline]] static inline void many(const Weighted<T>* first, const Weighted<T>* last,
                                                 const T* from, Index inner, Index count,
                                                 bool streams, T* to) {
    Index i = 0;
    for (; i + 32 <= count; i += 32) block<32>(first, last, from + i, inner, streams, to + i);
    for (; i + 8 <= count; i += 8) block<8>(first, last, from + i, inner, streams, to + i);
    for (; i < count; ++i) block<1>(first, last, from + i, inner, streams, to + i);
  }

  /// Results [begin, end) of one line, elements [0, count) of each run.
  template <typename T>
  [[gnu::always_inline]] static inline void run(const Index* starts, const Weighted<T>* taps,
                                                Index begin, Index end, const T* from, Index inner,
                                                Index count, bool streams, T* to) {
    for (Index o = begin; o < end; ++o) {
      const Weighted<T>* first = taps + starts[o];
      const Weighted<T>* last = taps + starts[o + 1];
      T* result = to + o * inner;
      switch (last - first) {
        case 1: few<1>(first, from, inner, count, streams, result); break;
        case 2: few<2>(first, from, inner, count, streams, result); break;
        case 3: few<3>(first, from, inner, count, streams, result); break;
        case 4: few<4>(first, from, inner, count, streams, result); break;
        default: many(first, last, from, inner, count, streams, result);
      }
    }
  }
};

/// Calls body(outer, first result, end, first element of the runs, elements) for pieces of about
/// kGrain elements.
template <typename Body>
void for_each_piece(Index outer, Index out, Index inner, const Body& body) {
  if (inner >= kGrain) {  // long runs are cut
    const Index pieces = (inner + kGrain - 1) / kGrain;
    parallel_ranges(outer * out * pieces, 1, [&](Index begin, Index end) {
      for (Index tile = begin; tile < end; ++tile) {
        const Index start = tile % pieces * kGrain, line = tile / pieces;
        body(line / out, line % out, line % out + 1, start, std::min(kGrain, inner - start));
      }
    });
    return;
  }
  parallel_ranges(outer * out, std::max<Index>(1, kGrain / inner), [&](Index begin, Index end) {
    for (Index at = begin; at < end;) {
      const Index line = at / out, first = at % out, last = std::min(out, first + end - at);
      body(line, first, last, Index{0}, inner);
      at += last - first;
    }
  });
}

void select(const AxisMap& map, Index outer, Index inner, const Tensor& x, Tensor& y) {
  const auto size = static_cast<Index>(size_of(x.dtype()));
  const auto* from = static_cast<const std::byte*>(x.raw());
  auto* to = static_cast<std::byte*>(y.mutable_raw());
  const Index out = map.out();
  for_each_piece(outer, out, inner,
                 [&](Index line, Index begin, Index end, Index start, Index count) {
                   for (Index o = begin; o < end; ++o) {
                     const Index place = line * map.in + map.taps[o].place;
                     std::memcpy(to + ((line * out + o) * inner + start) * size,
                                 from + (place * inner + start) * size,
                                 static_cast<std::size_t>(count * size));
                   }
                 });
}

void map_axis(const AxisMap& map, Index outer, Index inner, const Tensor& x, Tensor& y) {
  if (y.numel() == 0) return;
  if (map.selects()) return select(map, outer, inner, x, y);
  visit_floating(x.dtype(), [&]<typename T>() {
    std::vector<Weighted<T>> taps;
    taps.reserve(map.taps.size());
    for (const Tap& tap : map.taps) taps.push_back({tap.place, static_cast<T>(tap.weight)});
    const T* from = x.data<T>();
    T* to = y.mutable_data<T>();
    const bool streams = streams_results(y.numel(), sizeof(T));
    for_each_piece(
        outer, map.out(), inner, [&](Index line, Index begin, Index end, Index start, Index count) {
          run_widest<MapBody>(map.starts.data(), static_cast<const Weighted<T>*>(taps.data()),
                              begin, end, from + line * map.in * inner + start, inner, count,
                              streams, to + line * map.out() * inner + start);
          if (streams) finish_streaming();
        });
  });
}

}  // namespace

const ResampleKernels kResample = {.map_axis = map_axis};

}  // namespace voxgrad::ops::cpu
