#include <voxgrad/ops/cuda/conv/rows.h>

#include <voxgrad/ops/layout.h>

namespace voxgrad::ops::cuda {

namespace {

template <typename T>
struct PackWeights {
  Weights<const T> weights;
  PhaseAxis axis[3];
  Divisor taps[3];
  Divisor gathered, produced, fold;
  Index my_stride, their_stride, group_stride;
  T* packed;

  __device__ void operator()(Index i) const {
    const Divided n = produced(i);
    const Divided f = fold(n.quotient);
    const Divided c = gathered(f.quotient);
    const Divided t2 = taps[2](c.quotient);
    const Divided t1 = taps[1](t2.quotient);
    const Divided t0 = taps[0](t1.quotient);
    const Index tap[3] = {t0.rest, t1.rest, t2.rest};
    Index at = t0.quotient * group_stride + c.rest * their_stride + n.rest * my_stride +
               f.rest * weights.tap_stride[2];
    for (int k = 0; k < 3; ++k)
      at += (axis[k].kernel_first + tap[k] * axis[k].kernel_step) * weights.tap_stride[k];
    packed[i] = weights.data[at];
  }
};

}  // namespace

ProductChannels::ProductChannels(const ConvProblem& problem) : groups(problem.geometry.groups) {
  const bool to_y = problem.produced == Slot::y;
  const Index x = problem.geometry.x_group_channels(), y = problem.geometry.y_group_channels();
  produced = to_y ? y : x;
  gathered = to_y ? x : y;
}

template <typename T>
void pack_weights(const ConvProblem& problem, const Phase& phase, const Tensor& w, T* packed) {
  const ProductChannels channels(problem);
  const Weights<const T> weights = weights_of<T>(w);
  const bool to_y = problem.produced == Slot::y;
  const Gather& map = phase.gather;
  if (map.taps() == 0) return;
  const PackWeights<T> body{
      .weights = weights,
      .axis = {phase.axis[0], phase.axis[1], phase.axis[2]},
      .taps = {Divisor(map.axis[0].taps), Divisor(map.axis[1].taps), Divisor(map.axis[2].taps)},
      .gathered = Divisor(channels.gathered),
      .produced = Divisor(channels.produced),
      .fold = Divisor(phase.fold),
      .my_stride = to_y ? weights.y_stride : weights.x_stride,
      .their_stride = to_y ? weights.x_stride : weights.y_stride,
      .group_stride = problem.geometry.y_group_channels() * weights.y_stride,
      .packed = packed};
  launch("conv", channels.groups * map.taps() * channels.gathered * phase.fold * channels.produced,
         body);
}

ResultRows::ResultRows(const ConvProblem& problem, const Phase& phase)
    : rows(phase.gather), axis{phase.axis[0], phase.axis[1], phase.axis[2]} {
  const bool to_y = problem.produced == Slot::y;
  for (int i = 0; i < 3; ++i) {
    const ConvAxis& size = problem.geometry.axis[i];
    extent[i] = to_y ? size.out : size.in;
  }
  channels = to_y ? problem.geometry.y_channels : problem.geometry.x_channels;
}

void fill_bias(const ConvEpilogue& epilogue, Tensor& result) {
  if (epilogue.bias == nullptr) return kLayout.fill(target(result), 0);
  Strides strides(result.shape().size(), 0);
  strides[1] = epilogue.bias->stride(0);
  kLayout.copy(target(result),
               {const_cast<void*>(epilogue.bias->raw()), result.dtype(), result.shape(), strides});
}

template void pack_weights<float>(const ConvProblem&, const Phase&, const Tensor&, float*);
template void pack_weights<double>(const ConvProblem&, const Phase&, const Tensor&, double*);

}  // namespace voxgrad::ops::cuda
