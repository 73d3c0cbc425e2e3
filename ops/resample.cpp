#include <voxgrad/ops/resample.h>

#include <algorithm>

#include <voxgrad/ops/layout.h>

namespace voxgrad::ops {

void AxisMap::add(std::initializer_list<Tap> result) {
  const auto first = starts.back();
  for (const Tap& tap : result) {
    const auto same = std::find_if(taps.begin() + first, taps.end(),
                                   [&](const Tap& other) { return other.place == tap.place; });
    if (same != taps.end()) {
      same->weight += tap.weight;
    } else if (tap.weight != 0) {
      taps.push_back(tap);
    }
  }
  starts.push_back(static_cast<Index>(taps.size()));
}

bool AxisMap::selects() const {
  return static_cast<Index>(taps.size()) == out() &&
         std::ranges::all_of(taps, [](const Tap& tap) { return tap.weight == 1; }) &&
         std::ranges::adjacent_find(starts, [](Index a, Index b) { return b - a != 1; }) ==
             starts.end();
}

AxisMap AxisMap::transposed() const {
  AxisMap result{.in = out(), .starts = std::vector<Index>(static_cast<std::size_t>(in) + 1)};
  for (const Tap& tap : taps) ++result.starts[static_cast<std::size_t>(tap.place) + 1];
  for (std::size_t i = 1; i < result.starts.size(); ++i) result.starts[i] += result.starts[i - 1];
  std::vector<Index> next(result.starts.begin(), result.starts.end() - 1);
  result.taps.resize(taps.size());
  for (Index o = 0; o < out(); ++o) {
    for (Index t = starts[o]; t < starts[o + 1]; ++t)
      result.taps[next[taps[t].place]++] = {o, taps[t].weight};
  }
  return result;
}

const ResampleKernels& resample_kernels(Device device) {
  return select_kernels(device, cpu::kResample, cuda::kResample);
}

Tensor map_axis(const AxisMap& map, const Tensor& x, int axis) {
  Shape shape = x.shape();
  Index outer = shape[0], inner = shape[1];
  for (int a = 2; a < x.dim(); ++a) {
    if (a != axis) (a < axis ? outer : inner) *= shape[a];
  }
  shape[axis] = map.out();
  Tensor y = Tensor::empty_channels_last(shape, x.dtype(), x.device());
  resample_kernels(x.device()).map_axis(map, outer, inner, to_channels_last(x), y);
  return y;
}

}  // namespace voxgrad::ops
