#include <voxgrad/ops/norm.h>

#include <gtest/gtest.h>

#include <string>

#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/norm.h>

#include "tests/ops/random_values.h"
#include "tests/support/on_cuda.h"

namespace voxgrad::testing {
namespace {

constexpr DType kFloating[] = {DType::float32, DType::float64};

double tolerance_of(DType dtype) { return dtype == DType::float32 ? 1e-5 : 1e-12; }

struct Case {
  Shape shape;
  Layout layout = Layout::channels_last;
  double slope = 1;  // of the rectifier
};

/// From one row to thousands, from one channel to more than a warp reads at once.
const Case kCases[] = {{{2, 3, 5, 4, 3}, Layout::plain, 0},
                       {{3, 8, 7, 5}, Layout::gaps, 0.1},
                       {{2, 6, 3}, Layout::reversed},
                       {{2, 12, 31, 20}, Layout::channels_last, 0.1},
                       {{1, 2, 9001}, Layout::plain},
                       {{1, 48, 500}, Layout::channels_last, 0},
                       {{70, 4, 2}}};

class CudaNorm : public Cuda {
 protected:
  /// f(x, weight, bias) and its gradients.
  static void expect_norm_agrees(const std::string& name, const Function& f, const Case& c,
                                 const Shape& weight_shape, double mean = 0.5) {
    for (const DType dtype : kFloating) {
      const Tensor x = random_values(c.shape, dtype, c.layout);
      visit_floating(dtype, [&]<typename T>() {
        T* data = x.alias(x.shape(), x.strides(), 0).mutable_data<T>();
        for (const auto& index : indices(x.shape()))
          data[offset(index, x.strides())] += static_cast<T>(mean);
      });
      const Tensor weight = random_values(weight_shape, dtype, Layout::gaps, 2);
      const Tensor bias = random_values(weight_shape, dtype, Layout::plain, 3);
      expect_agreement(name + " of " + to_string(c.shape), f, {x, weight, bias},
                       {.tolerance = tolerance_of(dtype), .gradients = true});
    }
  }
};

TEST_F(CudaNorm, BatchNormAgreesWithTheCpuWithEachRectifier) {
  for (const Case& c : kCases) {
    expect_norm_agrees(
        "batch_norm",
        [&c](const auto& in) {
          return batch_norm(
              in[0], {.weight = in[1], .bias = in[2], .training = true, .negative_slope = c.slope});
        },
        c, {c.shape[1]});
  }
}

TEST_F(CudaNorm, RunningStatisticsAgreeWithTheCpu) {
  for (const bool training : {true, false}) {
    expect_norm_agrees("running statistics",
                       [training](const auto& in) {
                         const Tensor& x = in[0];
                         Tensor mean = in[1].detach().clone();
                         Tensor variance = (in[2] * in[2]).detach() + 0.5;
                         const Tensor y = batch_norm(x, {.running_mean = mean,
                                                         .running_variance = variance,
                                                         .weight = in[1],
                                                         .bias = in[2],
                                                         .training = training,
                                                         .negative_slope = 0.2});
                         return y * (mean + variance).reshape({1, x.size(1), 1, 1});
                       },
                       {{3, 5, 7, 11}}, {5});
  }
}

TEST_F(CudaNorm, InstanceNormAgreesWithTheCpu) {
  for (const Case& c : kCases) {
    expect_norm_agrees("instance_norm",
                       [&c](const auto& in) {
                         return instance_norm(
                             in[0], {.weight = in[1], .bias = in[2], .negative_slope = c.slope});
                       },
                       c, {c.shape[1]});
  }
  expect_norm_agrees("running statistics over samples",
                     [](const auto& in) {
                       Tensor mean = in[1].detach().clone();
                       const Tensor y = instance_norm(
                           in[0], {.running_mean = mean, .running_variance = mean.clone()});
                       return y * mean.reshape({1, 5, 1}) + in[2].reshape({1, 5, 1});
                     },
                     {{70, 5, 3}}, {5});
}

TEST_F(CudaNorm, GroupNormAgreesWithTheCpu) {
  for (const Case& c : kCases) {
    const Index groups = c.shape[1] % 3 == 0 ? 3 : 1;
    expect_norm_agrees("group_norm",
                       [groups](const auto& in) {
                         return group_norm(in[0], groups, {.weight = in[1], .bias = in[2]});
                       },
                       c, {c.shape[1]});
  }
}

TEST_F(CudaNorm, LayerNormAgreesWithTheCpu) {
  expect_norm_agrees("layer_norm",
                     [](const auto& in) {
                       return layer_norm(in[0], {5, 7}, {.weight = in[1], .bias = in[2]});
                     },
                     {{2, 3, 5, 7}}, {5, 7});
  expect_norm_agrees(
      "layer_norm of long rows",
      [](const auto& in) { return layer_norm(in[0], {1031}, {.weight = in[1], .bias = in[2]}); },
      {{11, 3, 1031}, Layout::reversed}, {1031});
}

TEST_F(CudaNorm, StatisticsStayExactWhereTheMeanIsLarge) {
  for (const double mean : {1e3, 1e6}) {
    Tensor x = random_values({1, 5, 7001}, DType::float64);
    double* data = x.mutable_data<double>();
    for (Index i = 0; i < x.numel(); ++i) data[i] += mean;
    data[0] = -mean;  // an outlier must not spoil it either
    for (const ops::NormShape& shape :
         {ops::NormShape{1, 7001, 5}, ops::NormShape{1, 5 * 7001, 1}}) {
      expect_agreement("variance",
                       [&](const auto& in) { return ops::moments(shape, in[0]).variance; }, {x},
                       {.tolerance = 1e-11});
      expect_agreement("mean", [&](const auto& in) { return ops::moments(shape, in[0]).mean; }, {x},
                       {.tolerance = 1e-15});
    }
  }
  expect_norm_agrees(
      "batch_norm of a large mean",
      [](const auto& in) { return batch_norm(in[0], {.training = true}); }, {{2, 3, 5000}}, {3},
      4096);
}

TEST_F(CudaNorm, EmptyBatchesStartNothing) {
  const Tensor x = Tensor::empty_channels_last({0, 3, 4}, DType::float32);
  expect_agreement("instance_norm", [](const auto& in) { return instance_norm(in[0]); }, {x},
                   {.gradients = true});
}

}  // namespace
}  // namespace voxgrad::testing
