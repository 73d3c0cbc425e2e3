// Linear maps of one axis: one part per result, its neighbours in memory being its neighbours
// within the run of the axes that lie inside. The map's tables go to the device.
#include <voxgrad/ops/resample.h>

#include <cstdint>
#include <vector>

#include <voxgrad/ops/cuda/device_array.h>
#include <voxgrad/ops/cuda/launch.h>
#include <voxgrad/ops/cuda/walk.h>

namespace voxgrad::ops::cuda {

namespace {

/// Taps with weights of the dtype.
template <typename T>
struct Weighted {
  Index place;
  T weight;
};

template <typename T>
struct MapAxis {
  Index in, out, inner;
  const Index* starts;
  const Weighted<T>* taps;
  const T* x;
  T* y;
  __device__ void operator()(Index i) const {
    const Divided run = divide(i, inner), line = divide(run.quotient, out);
    const T* from = x + line.quotient * in * inner + run.rest;
    const Index end = starts[line.rest + 1];
    T sum = 0;
    for (Index t = starts[line.rest]; t < end; ++t)
      sum += from[taps[t].place * inner] * taps[t].weight;
    y[i] = sum;
  }
};

/// For maps each of whose results is an element of x; T is as large as one.
template <typename T>
struct SelectPlaces {
  Index in, out, inner;
  const Index* places;
  const T* x;
  T* y;
  __device__ void operator()(Index i) const {
    const Divided run = divide(i, inner), line = divide(run.quotient, out);
    y[i] = x[(line.quotient * in + places[line.rest]) * inner + run.rest];
  }
};

void select(const AxisMap& map, Index inner, const Tensor& x, Tensor& y) {
  std::vector<Index> places;
  places.reserve(map.taps.size());
  for (const Tap& tap : map.taps) places.push_back(tap.place);
  DeviceArray<Index> table(places);
  const auto as = [&]<typename T>() {
    launch("interpolate", y.numel(),
           SelectPlaces<T>{map.in, map.out(), inner, table.data(), static_cast<const T*>(x.raw()),
                           static_cast<T*>(y.mutable_raw())});
  };
  switch (size_of(x.dtype())) {
    case 1: return as.operator()<std::uint8_t>();
    case 4: return as.operator()<std::uint32_t>();
    default: return as.operator()<std::uint64_t>();
  }
}

void map_axis(const AxisMap& map, Index, Index inner, const Tensor& x, Tensor& y) {
  if (y.numel() == 0) return;
  if (map.selects()) return select(map, inner, x, y);
  visit_floating(x.dtype(), [&]<typename T>() {
    std::vector<Weighted<T>> taps;
    taps.reserve(map.taps.size());
    for (const Tap& tap : map.taps) taps.push_back({tap.place, static_cast<T>(tap.weight)});
    DeviceArray<Index> starts(map.starts);
    DeviceArray<Weighted<T>> weighted(taps);
    launch("interpolate", y.numel(),
           MapAxis<T>{map.in, map.out(), inner, starts.data(), weighted.data(), x.data<T>(),
                      y.mutable_data<T>()});
  });
}

}  // namespace

const ResampleKernels kResample = {.map_axis = map_axis};

}  // namespace voxgrad::ops::cuda
