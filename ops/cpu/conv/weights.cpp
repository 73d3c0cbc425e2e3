#include <voxgrad/ops/cpu/conv/weights.h>

namespace voxgrad::ops::cpu {
template <typename T>
std::vector<Index> tap_offsets(const Phase& phase, const Weights<const T>& weights) {
  std::vector<Index> offsets;
  const auto at = [&](int i, Index tap) {
    return (phase.axis[i].kernel_first + tap * phase.axis[i].kernel_step) * weights.tap_stride[i];
  };
  for (Index a = 0; a < phase.gather.axis[0].taps; ++a) {
    for (Index b = 0; b < phase.gather.axis[1].taps; ++b) {
      for (Index c = 0; c < phase.gather.axis[2].taps; ++c) {
        for (Index f = 0; f < phase.fold; ++f) {
          offsets.push_back(at(0, a) + at(1, b) + at(2, c) + f * weights.tap_stride[2]);
        }
      }
    }
  }
  return offsets;
}

template <typename T>
void pack_weights(Slot produced, const ConvGeometry& geometry, const Phase& phase, Index group,
                  const Weights<const T>& weights, const PackedPart& part, T* packed) {
  const bool to_y = produced == Slot::y;
  const Index mine = to_y ? geometry.y_group_channels() : geometry.x_group_channels();
  const Index theirs = to_y ? geometry.x_group_channels() : geometry.y_group_channels();
  const Index my_stride = to_y ? weights.y_stride : weights.x_stride;
  const Index their_stride = to_y ? weights.x_stride : weights.y_stride;
  const std::vector<Index> offsets = tap_offsets(phase, weights);
  const Index taps = phase.gather.taps(), fold = phase.fold;
  const T* start = weights.data + group * geometry.y_group_channels() * weights.y_stride;
  // Taps innermost: they lie side by side in the source, and each writes its own row in order.
  for (Index c = part.gathered.begin; c < part.gathered.end; ++c) {
    for (Index column = part.columns.begin; column < part.columns.end; ++column) {
      const Index f = column / mine, n = column % mine;
      const T* from = start + c * their_stride + n * my_stride;
      T* to = packed + c * part.row_size + column - part.columns.begin;
      for (Index tap = 0; tap < taps; ++tap) {
        to[tap * theirs * part.row_size] = from[offsets[static_cast<std::size_t>(tap * fold + f)]];
      }
    }
  }
}

template <typename T>
void unpack_weights(const ConvGeometry& geometry, Range rows, const T* sums, T* weights) {
  const Index channels = geometry.x_group_channels(), taps = geometry.taps();
  for (Index row = rows.begin; row < rows.end; ++row) {
    const T* from = sums + row * taps * channels;
    T* to = weights + row * taps * channels;
    for (Index c = 0; c < channels; ++c) {
      for (Index tap = 0; tap < taps; ++tap) to[c * taps + tap] = from[tap * channels + c];
    }
  }
}

template std::vector<Index> tap_offsets<float>(const Phase&, const Weights<const float>&);
template std::vector<Index> tap_offsets<double>(const Phase&, const Weights<const double>&);
template void pack_weights<float>(Slot, const ConvGeometry&, const Phase&, Index,
                                  const Weights<const float>&, const PackedPart&, float*);
template void pack_weights<double>(Slot, const ConvGeometry&, const Phase&, Index,
                                   const Weights<const double>&, const PackedPart&, double*);
template void unpack_weights<float>(const ConvGeometry&, Range, const float*, float*);
template void unpack_weights<double>(const ConvGeometry&, Range, const double*, double*);

}  // namespace voxgrad::ops::cpu
