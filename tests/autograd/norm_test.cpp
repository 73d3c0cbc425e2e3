#include <voxgrad/autograd/functions/norm.h>

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include <voxgrad/autograd/engine.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/functions/shape.h>
#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/autograd/saved_tensor.h>
#include <voxgrad/core/error.h>

#include "tests/ops/layouts.h"
#include "tests/ops/random_values.h"
#include "tests/support/recomputed.h"

namespace voxgrad {
namespace {

using namespace voxgrad::testing;

Tensor leaf(const Shape& shape, Layout layout = Layout::plain, std::uint32_t seed = 1) {
  Tensor x = random_values(shape, DType::float64, layout, seed);
  x.requires_grad_();
  return x;
}

enum class Kind { batch, instance, group, running };

TensorFunction norm(Kind kind, Tensor mean = {}, Tensor variance = {}) {
  return [=](std::span<const Tensor> in) {
    const Tensor weight = in.size() > 1 ? in[1] : Tensor(), bias = in.size() > 2 ? in[2] : Tensor();
    switch (kind) {
      case Kind::batch:
        return std::vector<Tensor>{
            batch_norm(in[0], {.weight = weight, .bias = bias, .training = true, .eps = 0.1})};
      case Kind::instance:
        return std::vector<Tensor>{
            instance_norm(in[0], {.weight = weight, .bias = bias, .eps = 0.1})};
      case Kind::group:  // one group of a prime number of channels
        return std::vector<Tensor>{
            group_norm(in[0], 1, {.weight = weight, .bias = bias, .eps = 0.1})};
      case Kind::running: break;
    }
    return std::vector<Tensor>{batch_norm(in[0], {.running_mean = mean,
                                                  .running_variance = variance,
                                                  .weight = weight,
                                                  .bias = bias,
                                                  .eps = 0.1})};
  };
}

std::vector<TensorFunction> all_kinds(Index channels) {
  return {norm(Kind::batch), norm(Kind::instance), norm(Kind::group),
          norm(Kind::running, random_values({channels}),
               abs(random_values({channels}, DType::float64, Layout::plain, 7)))};
}

TEST(Norm, Differentiates) {
  for (const TensorFunction& f : all_kinds(3)) {
    for (const Layout layout : kAllLayouts) {
      const std::vector<Tensor> inputs{leaf({2, 3, 4, 5}, layout), leaf({3}, Layout::plain, 2),
                                       leaf({3}, Layout::gaps, 3)};
      EXPECT_NO_THROW(gradcheck(f, inputs));
      EXPECT_NO_THROW(gradgradcheck(f, inputs));
    }
    const std::vector<Tensor> without_parameters{leaf({2, 3, 5})};
    EXPECT_NO_THROW(gradcheck(f, without_parameters));
    EXPECT_NO_THROW(gradgradcheck(f, without_parameters));
  }
}

TEST(Norm, FusedAndComposedGradientsAgree) {
  for (const TensorFunction& f : all_kinds(5)) {
    const std::vector<Tensor> inputs{leaf({2, 5, 7, 3, 4}), leaf({5}, Layout::plain, 2),
                                     leaf({5}, Layout::plain, 3)};
    const std::array outputs{f(inputs)[0]};
    const std::array seeds{random_values(outputs[0].shape(), DType::float64, Layout::reversed, 9)};
    const auto fused = grad(outputs, inputs, seeds, {.retain_graph = true});
    const auto composed = grad(outputs, inputs, seeds, {.create_graph = true});
    for (std::size_t i = 0; i < inputs.size(); ++i)
      EXPECT_LE(largest_difference(values(fused[i]), values(composed[i])), 1e-12);
  }
}

TEST(Norm, ParametersAloneGetGradients) {
  for (const TensorFunction& f : all_kinds(3)) {
    Tensor bias = leaf({3}, Layout::plain, 3);
    const std::vector<Tensor> inputs{random_values({2, 3, 4}), random_values({3}), bias};
    sum(f(inputs)[0]).backward();
    EXPECT_EQ(values(bias.grad()), (std::vector<double>{8, 8, 8}));
    EXPECT_FALSE(inputs[0].grad().defined());
  }
}

TEST(Norm, ResultsHaveMeanZeroAndVarianceOneAndAreChannelsLast) {
  const Tensor x = random_values({2, 3, 5, 7}, DType::float32);
  const Tensor y = instance_norm(x);
  EXPECT_TRUE(y.is_channels_last());
  EXPECT_EQ(y.dtype(), DType::float32);
  for (const double m : values(mean(y, {2, 3}))) EXPECT_NEAR(m, 0, 1e-6);
  for (const double v : values(var(y, {2, 3}, false))) EXPECT_NEAR(v, 1, 1e-4);
  for (const double m : values(mean(batch_norm(x, {.training = true}), {0, 2, 3})))
    EXPECT_NEAR(m, 0, 1e-6);
}

TEST(BatchNorm, TrainingMovesTheRunningStatisticsAndEvaluationUsesThem) {
  const Tensor x = random_values({4, 2, 3}, DType::float32);
  Tensor running_mean = Tensor::from(std::vector<float>{0, 0}, {2});
  Tensor running_variance = Tensor::from(std::vector<float>{1, 1}, {2});
  BatchNormOptions options{.running_mean = running_mean,
                           .running_variance = running_variance,
                           .training = true,
                           .momentum = 1};
  batch_norm(x, options);
  EXPECT_LE(largest_difference(values(running_mean), values(mean(x, {0, 2}))), 1e-7);
  EXPECT_LE(largest_difference(values(running_variance), values(var(x, {0, 2}))), 1e-6);
  options.training = false;
  const Tensor once = batch_norm(x, options);
  EXPECT_EQ(values(batch_norm(x, options)), values(once));
  EXPECT_NEAR(values(mean(once))[0], 0, 1e-6);
}

TEST(InstanceNorm, CanUseRunningStatistics) {
  const Tensor x = random_values({2, 2, 3});
  const Tensor m = random_values({2}),
               v = abs(random_values({2}, DType::float64, Layout::plain, 5));
  const Tensor expected = batch_norm(x, {.running_mean = m, .running_variance = v});
  const InstanceNormOptions options{
      .running_mean = m, .running_variance = v, .use_input_stats = false};
  EXPECT_EQ(values(instance_norm(x, options)), values(expected));
}

TEST(GroupNorm, IsInstanceNormOfTheGroups) {
  const Tensor x = random_values({2, 6, 3, 5}, DType::float64, Layout::reversed);
  const Tensor expected = instance_norm(x.reshape({2, 3, 30}), {.eps = 0.1}).reshape(x.shape());
  const Tensor y = group_norm(x, 3, {.eps = 0.1});
  EXPECT_TRUE(y.is_channels_last());
  EXPECT_LE(largest_difference(values(y), values(expected)), 1e-13);
  const Tensor w = random_values({6}), b = random_values({6}, DType::float64, Layout::gaps, 4);
  EXPECT_LE(largest_difference(values(group_norm(x, 3, {.weight = w, .bias = b, .eps = 0.1})),
                               values(expected * w.reshape({6, 1, 1}) + b.reshape({6, 1, 1}))),
            1e-13);
}

TEST(GroupNorm, DifferentiatesThroughSeveralGroups) {
  const TensorFunction f = [](std::span<const Tensor> in) {
    return std::vector<Tensor>{group_norm(in[0], 2, {.weight = in[1], .bias = in[2], .eps = 0.1})};
  };
  // A weight of 0 must not hide its channel from the others' gradients.
  Tensor weight = Tensor::from(std::vector<double>{0.5, 0, -2, 1}, {4});
  weight.requires_grad_();
  for (const Shape& shape : {Shape{2, 4}, Shape{2, 4, 3}, Shape{1, 4, 2, 3, 2}}) {
    const std::vector<Tensor> inputs{leaf(shape), weight, leaf({4}, Layout::gaps, 3)};
    EXPECT_NO_THROW(gradcheck(f, inputs));
    EXPECT_NO_THROW(gradgradcheck(f, inputs));
  }
}

TEST(LayerNorm, NormalisesTheLastAxes) {
  const Tensor x = random_values({3, 2, 5, 7}, DType::float64, Layout::channels_last);
  const Tensor w = random_values({5, 7}),
               b = random_values({5, 7}, DType::float64, Layout::gaps, 4);
  const Tensor centered = x - mean(x, {2, 3}, true);
  const Tensor xhat = centered / sqrt(var(x, {2, 3}, false, true) + 0.1);
  EXPECT_LE(largest_difference(values(layer_norm(x, {5, 7}, {.eps = 0.1})), values(xhat)), 1e-13);
  EXPECT_LE(largest_difference(values(layer_norm(x, {5, 7}, {.weight = w, .bias = b, .eps = 0.1})),
                               values(xhat * w + b)),
            1e-13);
  EXPECT_EQ(values(layer_norm(random_values({4, 1}), {1})), (std::vector<double>(4)));
  EXPECT_EQ(layer_norm(random_values({7}), {7}).shape(), (Shape{7}));
  EXPECT_EQ(layer_norm(random_values({0, 7}), {7}).shape(), (Shape{0, 7}));
  EXPECT_EQ(layer_norm(random_values({3, 0}), {0}).shape(), (Shape{3, 0}));
}

TEST(LayerNorm, Differentiates) {
  const TensorFunction f = [](std::span<const Tensor> in) {
    return std::vector<Tensor>{
        layer_norm(in[0], {3, 4}, {.weight = in[1], .bias = in[2], .eps = 0.1})};
  };
  for (const Layout layout : kAllLayouts) {
    const std::vector<Tensor> inputs{leaf({2, 3, 4}, layout), leaf({3, 4}, Layout::plain, 2),
                                     leaf({3, 4}, Layout::plain, 3)};
    EXPECT_NO_THROW(gradcheck(f, inputs));
    EXPECT_NO_THROW(gradgradcheck(f, inputs));
  }
}

TEST(Norm, AFailedCallLeavesTheRunningStatistics) {
  Tensor running_mean = Tensor::from(std::vector<float>{3}, {1}),
         running_variance = Tensor::from(std::vector<float>{4}, {1});
  const Tensor x = random_values({1, 1, 1}, DType::float32);
  const auto version = running_mean.version();
  EXPECT_THROW(batch_norm(x, {.running_mean = running_mean,
                              .running_variance = running_variance,
                              .training = true}),
               ShapeError);
  EXPECT_EQ(running_mean.item(), 3);
  EXPECT_EQ(running_variance.item(), 4);
  EXPECT_EQ(running_mean.version(), version);
}

TEST(Norm, AnEmptyBatchGivesZeroGradientsAndMovesNothing) {
  Tensor running_mean = Tensor::from(std::vector<double>{3, 4}, {2}),
         running_variance = Tensor::from(std::vector<double>{5, 6}, {2});
  for (const TensorFunction& f : all_kinds(2)) {
    const std::vector<Tensor> inputs{leaf({0, 2, 3}), leaf({2}), leaf({2})};
    const Tensor y = f(inputs)[0];
    EXPECT_EQ(y.shape(), inputs[0].shape());
    sum(y).backward();
    EXPECT_EQ(inputs[0].grad().shape(), inputs[0].shape());
    EXPECT_EQ(values(inputs[1].grad()), (std::vector<double>{0, 0}));
    EXPECT_EQ(values(inputs[2].grad()), (std::vector<double>{0, 0}));
  }
  batch_norm(
      leaf({0, 2, 3}),
      {.running_mean = running_mean, .running_variance = running_variance, .training = true});
  EXPECT_EQ(values(running_mean), (std::vector<double>{3, 4}));
}

TEST(Norm, NoChannelsAreNoTrouble) {
  for (const TensorFunction& f : {norm(Kind::batch), norm(Kind::instance),
                                  norm(Kind::running, random_values({0}), random_values({0}))}) {
    const std::vector<Tensor> inputs{leaf({2, 0, 3}), leaf({0}), leaf({0})};
    sum(f(inputs)[0]).backward();
    EXPECT_EQ(inputs[1].grad().shape(), (Shape{0}));
  }
  const Tensor none = leaf({0});
  const Tensor y =
      batch_norm(none, {.running_mean = none.detach(), .running_variance = none.detach()});
  EXPECT_EQ(y.shape(), (Shape{0}));
}

/// Batch or instance norm in training or evaluation, by `kind`, and the rectifier behind it.
Tensor rectified(int kind, std::span<const Tensor> in, double slope) {
  if (kind == 0)
    return batch_norm(in[0],
                      {.weight = in[1], .bias = in[2], .training = true, .negative_slope = slope});
  if (kind == 1)
    return instance_norm(in[0], {.weight = in[1], .bias = in[2], .negative_slope = slope});
  return batch_norm(in[0], {.running_mean = random_values({5}, in[0].dtype()),
                            .running_variance = random_values({5}, in[0].dtype()) + 3.0,
                            .weight = in[1],
                            .bias = in[2],
                            .negative_slope = slope});
}

TEST(Norm, RectifiesInOnePassWithTheBitsOfTwo) {
  for (const DType dtype : {DType::float32, DType::float64}) {
    for (int kind = 0; kind < 3; ++kind) {
      for (const double slope : {0.0, 0.01, 0.5, 2.0}) {
        std::vector<Tensor> results[2];
        for (const bool fused : {false, true}) {
          const std::vector<Tensor> in{
              random_values({2, 5, 3, 7, 4}, dtype, Layout::plain, 1).requires_grad_(),
              random_values({5}, dtype, Layout::plain, 2).requires_grad_(),
              random_values({5}, dtype, Layout::plain, 3).requires_grad_()};
          Tensor y = rectified(kind, in, fused ? slope : 1);
          if (!fused) y = slope == 0 ? relu(y) : leaky_relu(y, slope);
          y.backward(random_values(y.shape(), dtype, Layout::plain, 4));
          results[fused] = {y.detach(), in[0].grad(), in[1].grad(), in[2].grad()};
        }
        for (std::size_t i = 0; i < 4; ++i)
          EXPECT_TRUE(same_bits(results[0][i], results[1][i])) << kind << " " << slope << " " << i;
      }
    }
  }
}

TEST(Norm, RectifiedDifferentiatesTwice) {
  for (int kind = 0; kind < 3; ++kind) {
    const TensorFunction f = [kind](std::span<const Tensor> in) {
      return std::vector<Tensor>{rectified(kind, in, 0.3)};
    };
    const std::vector<Tensor> inputs{leaf({2, 5, 3, 2}), leaf({5}, Layout::plain, 2),
                                     leaf({5}, Layout::plain, 3)};
    EXPECT_NO_THROW(gradcheck(f, inputs));
    EXPECT_NO_THROW(gradgradcheck(f, inputs));
  }
}

TEST(Norm, RectifiesNothingInvalid) {
  const Tensor x = random_values({2, 5, 3});
  EXPECT_THROW(batch_norm(x, {.training = true, .negative_slope = -1}), ShapeError);
  EXPECT_THROW(instance_norm(x, {.negative_slope = std::nan("")}), ShapeError);
}

TEST(Norm, CatAndPadComeBackBitForBitFromRecipes) {
  for (const DType dtype : {DType::float32, DType::float64}) {
    const Tensor x = random_values({2, 5, 3, 7, 4}, dtype).requires_grad_();
    const Tensor weight = random_values({5}, dtype, Layout::plain, 2).requires_grad_();
    const Tensor y = batch_norm(x, {.weight = weight, .training = true, .negative_slope = 0});
    const Tensor padded = pad(y, {1, 2, 0, 1});
    for (const Tensor& result : {y, padded})
      EXPECT_TRUE(same_bits(test::recomputed(result), result));
    const Tensor plain =
        mul(random_values({2, 5, 3, 7, 4}, dtype, Layout::plain, 3).requires_grad_(), 2.0);
    const Tensor with_plain = cat({y, plain}, 1);
    EXPECT_TRUE(same_bits(test::recomputed(with_plain), with_plain));
    weight.detach().fill_(9);  // what a recipe needs of small parameters it keeps itself
    EXPECT_TRUE(same_bits(test::recomputed(y), y));
  }
}

TEST(Norm, RefusesWhatDoesNotFit) {
  const Tensor x = random_values({2, 3, 4}), two = random_values({2}), three = random_values({3});
  EXPECT_THROW(batch_norm(x, {}), ShapeError);  // evaluation without running statistics
  EXPECT_THROW(batch_norm(x, {.running_mean = three, .training = true}), ShapeError);
  EXPECT_THROW(batch_norm(x, {.weight = two, .training = true}), ShapeError);
  EXPECT_THROW(batch_norm(x, {.bias = random_values({3}, DType::float32), .training = true}),
               DTypeError);
  EXPECT_THROW(batch_norm(random_values({1, 3}), {.training = true}), ShapeError);
  EXPECT_THROW(batch_norm(random_values({3}), {.training = true}), ShapeError);
  EXPECT_THROW(batch_norm(x, {.training = true, .eps = -1}), ShapeError);
  EXPECT_THROW(batch_norm(Tensor::empty({2, 3, 4}, DType::int64), {.training = true}), DTypeError);
  EXPECT_THROW(batch_norm(Tensor(), {.training = true}), DTypeError);
  EXPECT_THROW(instance_norm(random_values({2, 3, 1, 1})), ShapeError);
  EXPECT_THROW(instance_norm(random_values({2, 3})), ShapeError);
  EXPECT_THROW(group_norm(x, 2), ShapeError);
  EXPECT_THROW(group_norm(x, 0), ShapeError);
  EXPECT_THROW(group_norm(random_values({1, 3}), 3), ShapeError);
  EXPECT_THROW(group_norm(x, 3, {.weight = two}), ShapeError);
  EXPECT_THROW(layer_norm(x, {3}), ShapeError);
  EXPECT_THROW(layer_norm(x, {1, 2, 3, 4}), ShapeError);
  EXPECT_THROW(layer_norm(x, {}), ShapeError);
  EXPECT_THROW(layer_norm(x, {4}, {.weight = three}), ShapeError);
  EXPECT_THROW(layer_norm(x, {4}, {.bias = random_values({4}, DType::float32)}), DTypeError);
  EXPECT_THROW(instance_norm(x, {.use_input_stats = false}), ShapeError);
}

}  // namespace
}  // namespace voxgrad
