#include <voxgrad/ops/softmax.h>

#include <gtest/gtest.h>

#include <limits>

#include <voxgrad/autograd/functions/softmax.h>
#include <voxgrad/ops/layout.h>

#include "tests/ops/random_values.h"
#include "tests/support/on_cuda.h"

namespace voxgrad::testing {
namespace {

/// Of scores in [-1, 1) times `scale`.
Tensor scores(const Shape& shape, DType dtype, Layout layout, double scale) {
  Tensor x = random_values(shape, dtype, layout);
  visit_floating(dtype, [&]<typename T>() {
    T* data = x.mutable_data<T>();
    for (const auto& index : indices(shape)) data[offset(index, x.strides())] *= T(scale);
  });
  return x;
}

void expect_softmax_agrees(const Tensor& x, int axis, double float_tolerance = 1e-5) {
  const Agreement agreement{.tolerance = x.dtype() == DType::float32 ? float_tolerance : 1e-12,
                            .gradients = true};
  expect_agreement(
      "softmax of " + to_string(x.shape()), [axis](const auto& in) { return softmax(in[0], axis); },
      {x}, agreement);
  expect_agreement(
      "log_softmax of " + to_string(x.shape()),
      [axis](const auto& in) { return log_softmax(in[0], axis); }, {x}, agreement);
}

class CudaSoftmax : public Cuda {};

TEST_F(CudaSoftmax, AllAxesAndLayoutsAgreeWithTheCpu) {
  for (const DType dtype : {DType::float32, DType::float64}) {
    for (const Layout layout : kAllLayouts) {
      const Tensor x = scores({2, 5, 3, 7}, dtype, layout, 20);
      for (int axis = 0; axis < 4; ++axis) expect_softmax_agrees(x, axis);
    }
    expect_softmax_agrees(scores({3, 1, 4}, dtype, Layout::plain, 1), 1);
  }
}

TEST_F(CudaSoftmax, ManyClassesInPartsAgreeWithTheCpu) {
  for (const DType dtype : {DType::float32, DType::float64}) {
    expect_softmax_agrees(scores({3, 1000}, dtype, Layout::plain, 50), 1);
    expect_softmax_agrees(scores({2, 517, 3}, dtype, Layout::plain, 50), 1);
    expect_softmax_agrees(scores({1, 70001}, dtype, Layout::plain, 5), 1, 3e-4);  // the CPU's sum
  }
}

TEST_F(CudaSoftmax, InfinitiesAndNanGoWhereTheyGoOnTheCpu) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float special[] = {-kInfinity, kInfinity, std::numeric_limits<float>::quiet_NaN(), 1e30f};
  for (const Index classes : {Index{5}, Index{200}}) {
    Tensor x = scores({9, classes}, DType::float32, Layout::plain, 3);
    float* data = x.mutable_data<float>();
    for (Index i = 0; i < 4; ++i) data[i * classes + i] = special[i];
    for (Index c = 0; c < classes; ++c) data[4 * classes + c] = -kInfinity;
    for (Index c = 0; c + 1 < classes; ++c) data[5 * classes + c] = -kInfinity;
    for (Index c = 1; c < classes; ++c) data[6 * classes + c] = -kInfinity;
    for (Index c = 0; c < classes; ++c) data[7 * classes + c] = c % 2 == 0 ? kInfinity : 0.0f;
    data[8 * classes] = special[2];
    for (Index c = 1; c < classes; ++c) data[8 * classes + c] = -kInfinity;
    for (const bool logarithm : {false, true}) {
      expect_agreement("softmax", [&](const auto& in) { return ops::softmax(in[0], 1, logarithm); },
                       {x}, {.tolerance = 1e-6});
    }
  }
}

TEST_F(CudaSoftmax, EmptyTensorsStartNothing) {
  expect_softmax_agrees(Tensor::empty({0, 3}, DType::float32), 1);
  expect_softmax_agrees(Tensor::empty({2, 0}, DType::float32), 1);
}

}  // namespace
}  // namespace voxgrad::testing
