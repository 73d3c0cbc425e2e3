// Each element of the result is one sum, read where the operands lie: for groups of few channels,
// whose products are too thin for a GEMM.
#include <algorithm>
#include <cmath>

#include <voxgrad/ops/cuda/conv/algorithms.h>
#include <voxgrad/ops/cuda/conv/rows.h>
#include <voxgrad/ops/scratch.h>

namespace voxgrad::ops::cuda {
namespace {

// ---- slots x and y

template <typename T>
struct DirectProduct {
  Volumes<const T> source;
  ResultRows rows;
  Divisor width, group_width;  // of all groups, and of one: fold * produced
  Index produced, gathered;
  const T* weights;  // packed
  const T* bias;     // may be null
  Index bias_step;
  T* result;

  __device__ void operator()(Index i) const {
    const Divided row = width(i);
    const Divided group = group_width(row.rest);
    const Index columns = group_width.number();
    const bool folded = columns > produced;  // then there is one group
    const RowPlace place = rows.rows(row.quotient);
    const Gather& map = rows.rows.map;
    const Index taps = map.taps();
    const T* w = weights + group.quotient * taps * gathered * columns + group.rest;
    T sum = bias == nullptr ? T(0) : bias[(folded ? row.rest % produced : row.rest) * bias_step];
    TapCounter tap(map);
    for (Index t = 0; t < taps; ++t, tap.next(), w += gathered * columns) {
      const Index at = tap.meets(place, source);
      if (at < 0) continue;
      const T* from = source.data + at + group.quotient * gathered * source.channel_stride;
      for (Index c = 0; c < gathered; ++c)
        sum = std::fma(from[c * source.channel_stride], w[c * columns], sum);
    }
    result[rows(row.quotient) + row.rest] = sum;
  }
};

template <typename T>
void product(const ConvProblem& problem, const ConvOperands& operands, const ConvEpilogue& epilogue,
             Tensor& result) {
  const ProductChannels channels(problem);
  const Volumes<const T> source =
      volumes_of<T>(*operands.at(problem.produced == Slot::y ? Slot::x : Slot::y));
  for (const Phase& phase : phases(problem.produced, problem.geometry)) {
    const Index width = channels.groups * phase.fold * channels.produced;
    Scratch<T> packed(phase.gather.taps() * channels.gathered * width, result.device());
    pack_weights<T>(problem, phase, *operands.w, packed.data());
    launch("conv", phase.gather.rows() * width,
           DirectProduct<T>{.source = source,
                            .rows = ResultRows(problem, phase),
                            .width = Divisor(width),
                            .group_width = Divisor(phase.fold * channels.produced),
                            .produced = channels.produced,
                            .gathered = channels.gathered,
                            .weights = packed.data(),
                            .bias = epilogue.bias == nullptr ? nullptr : epilogue.bias->data<T>(),
                            .bias_step = epilogue.bias == nullptr ? 0 : epilogue.bias->stride(0),
                            .result = result.mutable_data<T>()});
  }
}

// ---- slot w

/// partial[chunk][tap][x channel of the group][y channel]: neighbours read neighbouring channels.
template <typename T>
struct DirectSum {
  Volumes<const T> x, y;
  Rows rows;
  Gather y_map;
  Divisor y_channels, x_group, y_group, taps;
  Index count, chunk_rows;
  T* partial;

  __device__ void operator()(Index i) const {
    const Divided channel = y_channels(i);
    const Divided c = x_group(channel.quotient);
    const Divided tap = taps(c.quotient);
    const Index group = y_group(channel.rest).quotient;
    const TapCounter counter(rows.map, tap.rest);
    const TapCounter identity(y_map);
    const Index end = std::min(count, (tap.quotient + 1) * chunk_rows);
    T sum = 0;
    for (Index row = tap.quotient * chunk_rows; row < end; ++row) {
      const RowPlace place = rows(row);
      const Index at = counter.meets(place, x);
      if (at < 0) continue;
      sum = std::fma(y.data[identity.meets(place, y) + channel.rest * y.channel_stride],
                     x.data[at + (group * x_group.number() + c.rest) * x.channel_stride], sum);
    }
    partial[i] = sum;
  }
};

template <typename T>
struct AddDirectSums {
  Index chunks;
  Divisor taps, x_group;
  Index y_channels;
  const T* partial;
  T* w;  // plain: [y channel][x channel][tap]

  __device__ void operator()(Index i) const {
    const Divided tap = taps(i);
    const Divided channel = x_group(tap.quotient);
    const Index size = taps.number() * x_group.number() * y_channels;
    const T* from =
        partial + (tap.rest * x_group.number() + channel.rest) * y_channels + channel.quotient;
    double sum = 0;
    for (Index chunk = 0; chunk < chunks; ++chunk) sum += static_cast<double>(from[chunk * size]);
    w[i] = static_cast<T>(sum);
  }
};

struct SumChunks {
  Index rows, count;
};

// Enough parts to fill a card, and partial sums of at most 64 MiB or those of one chunk.
SumChunks sum_chunks(const ConvProblem& problem) {
  constexpr Index kRows = 256, kMostPartial = Index{1} << 24;
  const ConvGeometry& g = problem.geometry;
  const Index size = element_count(slot_shape(g, Slot::w));
  const Index rows = g.batch * g.y_size();
  const Index chunks =
      std::clamp<Index>((rows + kRows - 1) / kRows, 1, std::max<Index>(1, kMostPartial / size));
  const Index each = (rows + chunks - 1) / chunks;
  return {each, (rows + each - 1) / each};
}

template <typename T>
void sum(const ConvProblem& problem, const ConvOperands& operands, Tensor& result) {
  const ConvGeometry& g = problem.geometry;
  const Gather map = phases(Slot::y, g).front().gather;
  const SumChunks chunks = sum_chunks(problem);
  Scratch<T> partial(chunks.count * result.numel(), result.device());
  launch("conv", chunks.count * result.numel(),
         DirectSum<T>{.x = volumes_of<T>(*operands.x),
                      .y = volumes_of<T>(*operands.y),
                      .rows = Rows(map),
                      .y_map = y_rows(g),
                      .y_channels = Divisor(g.y_channels),
                      .x_group = Divisor(g.x_group_channels()),
                      .y_group = Divisor(g.y_group_channels()),
                      .taps = Divisor(map.taps()),
                      .count = map.rows(),
                      .chunk_rows = chunks.rows,
                      .partial = partial.data()});
  launch("conv", result.numel(),
         AddDirectSums<T>{chunks.count, Divisor(g.taps()), Divisor(g.x_group_channels()),
                          g.y_channels, partial.data(), result.mutable_data<T>()});
}

// ---- the algorithm

bool supports(const ConvProblem&) { return true; }

// cuBLAS would run one thin product a group.
bool suits(const ConvProblem& problem) {
  const ConvGeometry& g = problem.geometry;
  return g.groups > 1 && g.x_group_channels() * g.y_group_channels() <= 64;
}

ConvWorkspace workspace(const ConvProblem& problem) {
  const Index weights = element_count(slot_shape(problem.geometry, Slot::w));
  const Index copies = problem.produced == Slot::w ? sum_chunks(problem).count : 1;
  return {.shared = static_cast<std::size_t>(weights * copies) * size_of(problem.dtype),
          .per_tile = 0,
          .tiles = 1};
}

void run(const ConvProblem& problem, const ConvOperands& operands, const ConvEpilogue& epilogue,
         int, Tensor& result) {
  visit_floating(problem.dtype, [&]<typename T>() {
    if (problem.produced == Slot::w) sum<T>(problem, operands, result);
    else product<T>(problem, operands, epilogue, result);
  });
}

}  // namespace

const ConvAlgorithm kDirect{"direct", supports, suits, workspace, run};

}  // namespace voxgrad::ops::cuda
