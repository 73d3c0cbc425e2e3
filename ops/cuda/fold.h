// Internal: sums, extrema and the like over one axis, in as many launches as they need.
//
// fold() goes over x[outer][length][inner] and leaves one total for each (outer, inner), which is
// an output. Part k of n of an output takes the elements k, k + n, k + 2n and so on, and parts are
// numbered [outer][part][inner]: so neighbouring parts read neighbouring memory whether inner is 1
// or not. Their totals are what the next launch folds. How many parts there are follows from the
// shape alone, and nothing depends on the order in which they run: every run gives the same bits.
//
// What is folded is said by three plain structs:
// - a Merge:  Total, static identity(), static merge(Total, Total);
// - a Source: using Merge; operator()(output, first, step) gives the total of the elements first,
//   first + step, ... of the output; fold_elements() does that where single elements give totals;
// - a Sink:   operator()(output, total) stores the result.
#pragma once

#include <algorithm>
#include <utility>

#include <voxgrad/core/tensor.h>
#include <voxgrad/ops/cuda/device_array.h>
#include <voxgrad/ops/cuda/launch.h>
#include <voxgrad/ops/cuda/walk.h>

namespace voxgrad::ops::cuda {

struct FoldShape {
  Index outer = 1, length = 0, inner = 1;
  __host__ __device__ Index outputs() const { return outer * inner; }
};

/// A Merge.
struct AddDoubles {
  using Total = double;
  static constexpr double identity() { return 0; }
  static constexpr double merge(double a, double b) { return a + b; }
};

/// Parts of each output.
inline Index fold_parts(const FoldShape& shape) {
  constexpr Index kLeastElements = 64;            // of a part: it costs a place and a step later
  constexpr Index kMostThreads = Index{1} << 18;  // what fills large GPUs
  constexpr Index kNeighbours = 32;               // threads that read together
  const Index most = (shape.length + kLeastElements - 1) / kLeastElements;
  const Index wanted = kMostThreads / std::max<Index>(1, shape.outputs());
  // Long rows of many outputs are still read side by side.
  const Index least = shape.length >= 512 ? (kNeighbours + shape.inner - 1) / shape.inner : 1;
  return std::max<Index>(1, std::min(most, std::max(wanted, least)));
}

/// The first kAtOnce of fold_elements. Written out rather than looped over, so that the compiler
/// keeps the values in registers.
template <typename Merge, typename Element, int... k>
__device__ typename Merge::Total fold_block(typename Merge::Total total, const Element& element,
                                            Index first, Index step,
                                            std::integer_sequence<int, k...>) {
  const typename Merge::Total values[] = {element(first + k * step)...};
  ((total = Merge::merge(total, values[k])), ...);
  return total;
}

/// Merges element(j) for j = first, first + step, ... below `length`, in this order. kAtOnce loads
/// do not wait for each other; elements that take long to find want fewer.
template <typename Merge, int kAtOnce = 16, typename Element>
__device__ typename Merge::Total fold_elements(const Element& element, Index first, Index step,
                                               Index length) {
  typename Merge::Total total = Merge::identity();
  Index j = first;
  for (; j + (kAtOnce - 1) * step < length; j += kAtOnce * step) {
    total = fold_block<Merge>(total, element, j, step, std::make_integer_sequence<int, kAtOnce>());
  }
  for (; j < length; j += step) total = Merge::merge(total, element(j));
  return total;
}

/// One launch: the totals of parts go to `partial`.
template <typename Source>
struct FoldParts {
  FoldShape shape;
  Index parts;
  Source source;
  typename Source::Merge::Total* partial;
  __device__ void operator()(Index i) const {
    const Divided row = divide(i, shape.inner), part = divide(row.quotient, parts);
    partial[i] = source(part.quotient * shape.inner + row.rest, part.rest, parts);
  }
};

/// One launch: an output each.
template <typename Source, typename Sink>
struct FoldWhole {
  Source source;
  Sink sink;
  __device__ void operator()(Index i) const { sink(i, source(i, 0, 1)); }
};

template <typename Total>
struct PartialElement {
  const Total* start;
  Index inner;
  __device__ Total operator()(Index j) const { return start[j * inner]; }
};

/// The totals of parts as a Source.
template <typename M>
struct Partials {
  using Merge = M;
  FoldShape shape;
  const typename M::Total* totals;
  __device__ typename M::Total operator()(Index output, Index first, Index step) const {
    const Divided place = divide(output, shape.inner);
    const auto* start = totals + place.quotient * shape.length * shape.inner + place.rest;
    return fold_elements<M>(PartialElement<typename M::Total>{start, shape.inner}, first, step,
                            shape.length);
  }
};

/// sink(output, total of the output) for all outputs.
template <typename Source, typename Sink>
void fold(std::string_view op, const FoldShape& shape, const Source& source, const Sink& sink) {
  using Merge = typename Source::Merge;
  using Total = typename Merge::Total;
  if (shape.outputs() == 0) return;
  const Index parts = fold_parts(shape);
  if (parts == 1) {
    launch(op, shape.outputs(), FoldWhole<Source, Sink>{source, sink});
    return;
  }
  FoldShape left{shape.outer, parts, shape.inner};
  DeviceArray<Total> memory(shape.outputs() * parts);
  launch(op, shape.outputs() * parts, FoldParts<Source>{shape, parts, source, memory.data()});
  while (true) {
    const Partials<Merge> partials{left, memory.data()};
    const Index fewer = fold_parts(left);
    if (fewer == 1) {
      launch(op, left.outputs(), FoldWhole<Partials<Merge>, Sink>{partials, sink});
      return;
    }
    DeviceArray<Total> next(left.outputs() * fewer);
    launch(op, left.outputs() * fewer,
           FoldParts<Partials<Merge>>{left, fewer, partials, next.data()});
    memory = std::move(next);
    left.length = fewer;
  }
}

}  // namespace voxgrad::ops::cuda
