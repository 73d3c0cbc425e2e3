#include <voxgrad/ops/resample.h>

#include <gtest/gtest.h>

#include <random>

#include <voxgrad/autograd/functions/resample.h>

#include "tests/ops/random_values.h"
#include "tests/support/on_cuda.h"

namespace voxgrad::testing {
namespace {

using Mode = InterpolateMode;

class CudaResample : public Cuda {};

TEST_F(CudaResample, MapsOfAnyTapsAgree) {
  std::mt19937 random(3);
  for (int i = 0; i < 60; ++i) {
    ops::AxisMap map{.in = 1 + static_cast<Index>(random() % 7)};
    const auto results = 1 + random() % 9;
    for (std::size_t o = 0; o < results; ++o) {
      const auto place = [&] { return static_cast<Index>(random()) % map.in; };
      if (o % 3 == 0) map.add({{place(), 0.5}, {place(), -2}, {place(), 3}});
      else if (o % 3 == 1) map.add({{place(), 1}});
      else map.add({});
    }
    const Shape sizes{2, 3, 4, 5};
    const int axis = 2 + i % 2;
    for (const DType dtype : {DType::float32, DType::float64}) {
      Shape shape = sizes;
      shape[static_cast<std::size_t>(axis)] = map.in;
      const Tensor x = random_values(shape, dtype, kAllLayouts[i % 4], random());
      expect_agreement("map", [&](const auto& in) { return ops::map_axis(map, in[0], axis); }, {x});
      const ops::AxisMap back = map.transposed();
      shape[static_cast<std::size_t>(axis)] = map.out();
      const Tensor y = random_values(shape, dtype, kAllLayouts[i % 4], random());
      expect_agreement("transposed",
                       [&](const auto& in) { return ops::map_axis(back, in[0], axis); }, {y});
    }
  }
}

TEST_F(CudaResample, EveryModeDifferentiates) {
  for (const Mode mode : {Mode::nearest, Mode::nearest_exact, Mode::linear, Mode::area}) {
    for (const Shape& shape : {Shape{2, 3, 7}, Shape{1, 4, 5, 6}, Shape{2, 3, 4, 5, 6}}) {
      for (const DType dtype : {DType::float32, DType::float64}) {
        const Tensor x = random_values(shape, dtype, Layout::gaps, 5);
        for (const double factor : {2.0, 0.6, 1.7}) {
          expect_agreement("interpolate",
                           [&](const auto& in) {
                             return interpolate(in[0], {.scale_factor = {factor}, .mode = mode});
                           },
                           {x}, {.gradients = true});
        }
      }
    }
  }
}

TEST_F(CudaResample, CornersAndCubicsDifferentiate) {
  const Tensor x = random_values({2, 5, 6, 7}, DType::float32, Layout::channels_last);
  for (const Mode mode : {Mode::linear, Mode::bicubic}) {
    for (const bool align_corners : {false, true}) {
      expect_agreement("interpolate",
                       [&](const auto& in) {
                         return interpolate(
                             in[0],
                             {.size = Spatial{9, 4}, .mode = mode, .align_corners = align_corners});
                       },
                       {x}, {.gradients = true});
    }
  }
}

TEST_F(CudaResample, NearestTakesAnyDType) {
  for (const DType dtype : kAllDTypes) {
    for (const Layout layout : kAllLayouts) {
      const Tensor x = numbers({2, 3, 4, 5}, dtype, layout);
      expect_agreement("interpolate",
                       [](const auto& in) { return interpolate(in[0], {.scale_factor = {1.5}}); },
                       {x});
    }
  }
}

TEST_F(CudaResample, EmptyBatchesGiveEmptyResults) {
  const Tensor x = Tensor::empty({0, 3, 4, 5}, DType::float32);
  expect_agreement("interpolate",
                   [](const auto& in) {
                     return interpolate(in[0], {.scale_factor = {2}, .mode = Mode::linear});
                   },
                   {x}, {.gradients = true});
}

}  // namespace
}  // namespace voxgrad::testing
