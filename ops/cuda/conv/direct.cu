// Each element of the result is one sum, read where the operands lie: for groups of few channels,
// whose products are too thin for a GEMM.
#include <algorithm>
#include <cmath>

#include <voxgrad/ops/cuda/conv/algorithms.h>
#include <voxgrad/ops/cuda/conv/rows.h>

namespace voxgrad::ops::cuda {
namespace {

// ---- slots x and y

template <typename T>
struct DirectProduct {
  Volumes<const T> source;
  ResultRows rows;
  Index groups, produced, gathered, fold;
  const T* weights;  // packed
  const T* bias;     // may be null
  Index bias_step;
  T* result;

  __device__ void operator()(Index i) const {
    const Index width = groups * fold * produced;
    const Divided row = divide(i, width);
    const Divided group = divide(row.rest, fold * produced);
    const Index channel = rows.channels == width ? row.rest : group.rest % produced;
    const RowPlace place = row_place(rows.map, row.quotient);
    const Index taps = rows.map.taps();
    const T* w = weights + group.quotient * taps * gathered * fold * produced + group.rest;
    T sum = bias == nullptr ? T(0) : bias[channel * bias_step];
    TapCounter tap(rows.map, 0);
    for (Index t = 0; t < taps; ++t, tap.next(), w += gathered * fold * produced) {
      const Index at = tap.meets(place, source);
      if (at < 0) continue;
      const T* from = source.data + at + group.quotient * gathered * source.channel_stride;
      for (Index c = 0; c < gathered; ++c)
        sum = std::fma(from[c * source.channel_stride], w[c * fold * produced], sum);
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
    Tensor packed = Tensor::empty({phase.gather.taps() * channels.gathered * width}, problem.dtype,
                                  result.device());
    pack_weights<T>(problem, phase, *operands.w, packed.mutable_data<T>());
    launch("conv", phase.gather.rows() * width,
           DirectProduct<T>{.source = source,
                            .rows = ResultRows(problem, phase),
                            .groups = channels.groups,
                            .produced = channels.produced,
                            .gathered = channels.gathered,
                            .fold = phase.fold,
                            .weights = packed.data<T>(),
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
  Gather map, y_map;
  Index y_channels, x_group, y_group;
  Index rows, chunk_rows;
  T* partial;

  __device__ void operator()(Index i) const {
    const Divided channel = divide(i, y_channels);
    const Divided c = divide(channel.quotient, x_group);
    const Divided tap = divide(c.quotient, map.taps());
    const Index group = channel.rest / y_group;
    const TapCounter counter(map, tap.rest);
    const TapCounter identity(y_map, 0);
    const Index end = std::min(rows, (tap.quotient + 1) * chunk_rows);
    T sum = 0;
    for (Index row = tap.quotient * chunk_rows; row < end; ++row) {
      const RowPlace place = row_place(map, row);
      const Index at = counter.meets(place, x);
      if (at < 0) continue;
      sum = std::fma(y.data[identity.meets(place, y) + channel.rest * y.channel_stride],
                     x.data[at + (group * x_group + c.rest) * x.channel_stride], sum);
    }
    partial[i] = sum;
  }
};

template <typename T>
struct AddDirectSums {
  Index chunks, taps, x_group, y_channels;
  const T* partial;
  T* w;  // plain: [y channel][x channel][tap]

  __device__ void operator()(Index i) const {
    const Divided tap = divide(i, taps);
    const Divided channel = divide(tap.quotient, x_group);
    const Index size = taps * x_group * y_channels;
    const T* from = partial + (tap.rest * x_group + channel.rest) * y_channels + channel.quotient;
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
  Tensor partial = Tensor::empty({chunks.count * result.numel()}, problem.dtype, result.device());
  launch("conv", partial.numel(),
         DirectSum<T>{.x = volumes_of<T>(*operands.x),
                      .y = volumes_of<T>(*operands.y),
                      .map = map,
                      .y_map = y_rows(g),
                      .y_channels = g.y_channels,
                      .x_group = g.x_group_channels(),
                      .y_group = g.y_group_channels(),
                      .rows = map.rows(),
                      .chunk_rows = chunks.rows,
                      .partial = partial.mutable_data<T>()});
  launch("conv", result.numel(),
         AddDirectSums<T>{chunks.count, g.taps(), g.x_group_channels(), g.y_channels,
                          partial.data<T>(), result.mutable_data<T>()});
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
