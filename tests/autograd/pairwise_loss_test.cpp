#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/loss.h>
#include <voxgrad/autograd/functions/norm.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/functions/softmax.h>
#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/core/error.h>

#include "tests/ops/random_values.h"

namespace voxgrad {
namespace {

using namespace voxgrad::testing;
using Values = std::vector<double>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Tensor leaf(const Shape& shape, Layout layout = Layout::plain, std::uint32_t seed = 1) {
  Tensor x = random_values(shape, DType::float64, layout, seed);
  x.requires_grad_();
  return x;
}

/// Positive, apart from 0.
Tensor probabilities(const Shape& shape, std::uint32_t seed = 1) {
  Tensor x = (random_values(shape, DType::float64, Layout::plain, seed) * 0.45 + 0.5).detach();
  x.requires_grad_();
  return x;
}

void check_derivatives(const TensorFunction& f, const std::vector<Tensor>& inputs) {
  EXPECT_NO_THROW(gradcheck(f, inputs));
  EXPECT_NO_THROW(gradgradcheck(f, inputs));
}

/// The loss in all reductions, by the loss of one pair; and its derivatives.
void check_loss(const std::function<Tensor(const Tensor&, const Tensor&, Reduction)>& loss,
                const std::function<double(double, double)>& expected, const Tensor& x,
                const Tensor& y) {
  const auto a = values(x), b = values(y), each = values(loss(x, y, Reduction::none));
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_NEAR(each[i], expected(a[i], b[i]), 1e-13);
    total += each[i];
  }
  EXPECT_NEAR(loss(x, y, Reduction::sum).item(), total, 1e-12);
  EXPECT_NEAR(loss(x, y, Reduction::mean).item(), total / static_cast<double>(a.size()), 1e-12);
  check_derivatives(
      [&](std::span<const Tensor> in) {
        return std::vector<Tensor>{loss(in[0], in[1], Reduction::mean)};
      },
      {x, y});
}

TEST(SmoothL1Loss, IsSquareNearZeroAndLinearBeyondBeta) {
  check_loss(
      [](const Tensor& x, const Tensor& y, Reduction r) { return smooth_l1_loss(x, y, 0.75, r); },
      [](double x, double y) {
        const double d = std::abs(x - y);
        return d < 0.75 ? d * d / 1.5 : d - 0.375;
      },
      leaf({2, 3, 5}), leaf({2, 3, 5}, Layout::reversed, 2));
  const Tensor x = random_values({3}), y = random_values({3}, DType::float64, Layout::plain, 2);
  EXPECT_EQ(values(smooth_l1_loss(x, y, 0)), values(l1_loss(x, y)));
  EXPECT_THROW(smooth_l1_loss(x, y, -1), ShapeError);
  EXPECT_THROW(smooth_l1_loss(x, random_values({4})), ShapeError);
}

TEST(HuberLoss, IsSquareNearZeroAndLinearBeyondDelta) {
  check_loss(
      [](const Tensor& x, const Tensor& y, Reduction r) { return huber_loss(x, y, 0.75, r); },
      [](double x, double y) {
        const double d = std::abs(x - y);
        return d <= 0.75 ? d * d / 2 : 0.75 * (d - 0.375);
      },
      leaf({2, 3, 5}), leaf({2, 3, 5}, Layout::gaps, 2));
  EXPECT_THROW(huber_loss(leaf({2}), leaf({2}), 0), ShapeError);
}

TEST(HuberLoss, HasASlopeAtInfiniteDistances) {
  const Tensor y = Tensor::from(Values{0, 0, 0, 0}, {4});
  for (const bool smooth : {false, true}) {
    Tensor x = Tensor::from(Values{kInfinity, -kInfinity, 0.75, 0.25}, {4});
    x.requires_grad_();
    (smooth ? smooth_l1_loss(x, y, 0.5, Reduction::sum) : huber_loss(x, y, 0.5, Reduction::sum))
        .backward();
    const double edge = smooth ? 1 : 0.5;
    EXPECT_EQ(values(x.grad()), (Values{edge, -edge, edge, smooth ? 0.5 : 0.25}));
  }
}

TEST(KlDiv, ComparesLogarithmsWithProbabilities) {
  check_loss(
      [](const Tensor& x, const Tensor& t, Reduction r) { return kl_div(x, t, {.reduction = r}); },
      [](double x, double t) { return t * (std::log(t) - x); }, leaf({2, 3, 5}),
      probabilities({2, 3, 5}, 2));
  check_loss([](const Tensor& x, const Tensor& t,
                Reduction r) { return kl_div(x, t, {.reduction = r, .log_target = true}); },
             [](double x, double t) { return std::exp(t) * (t - x); }, leaf({2, 3, 5}),
             leaf({2, 3, 5}, Layout::plain, 2));
  const Tensor x = random_values({4, 3}), t = probabilities({4, 3});
  EXPECT_NEAR(kl_div(x, t, {.batchmean = true}).item(),
              kl_div(x, t, {.reduction = Reduction::sum}).item() / 4, 1e-14);
  EXPECT_THROW(kl_div(random_values({}), random_values({}), {.batchmean = true}), ShapeError);
}

TEST(KlDiv, TakesTargetsOfZero) {
  Tensor x = Tensor::from(Values{-3, -1}, {2});
  x.requires_grad_();
  const Tensor loss = kl_div(x, Tensor::from(Values{0, 0.5}, {2}), {.reduction = Reduction::none});
  EXPECT_EQ(values(loss)[0], 0);
  sum(loss).backward();
  EXPECT_EQ(values(x.grad()), (Values{0, -0.5}));
}

TEST(BinaryCrossEntropy, WeighsTheLosses) {
  const Tensor weight = random_values({3, 1}, DType::float64, Layout::plain, 7);
  const Tensor p = probabilities({2, 3, 4}), y = probabilities({2, 3, 4}, 2);
  const Tensor plain = binary_cross_entropy(p, y, Reduction::none);
  EXPECT_EQ(values(binary_cross_entropy(p, y, {.weight = weight, .reduction = Reduction::none})),
            values(plain * weight));
  EXPECT_NEAR(binary_cross_entropy(p, y, {.weight = weight}).item(), mean(plain * weight).item(),
              1e-14);
  const Tensor logits = leaf({2, 3, 4});
  const Tensor positive = probabilities({4}, 5);
  EXPECT_LE(
      largest_difference(
          values(binary_cross_entropy_with_logits(
              logits, y, {.weight = weight, .pos_weight = positive, .reduction = Reduction::none})),
          values(binary_cross_entropy_with_logits(
                     logits, y, {.pos_weight = positive, .reduction = Reduction::none}) *
                 weight)),
      1e-14);
  check_derivatives(
      [&](std::span<const Tensor> in) {
        return std::vector<Tensor>{binary_cross_entropy_with_logits(
            in[0], in[1], {.weight = weight, .pos_weight = in[2]})};
      },
      {logits, y, positive});
  const Tensor wide = random_values({5, 2, 3, 4});
  EXPECT_THROW(binary_cross_entropy(p, y, {.weight = wide}), ShapeError);
  EXPECT_THROW(binary_cross_entropy_with_logits(p, y, {.weight = wide}), ShapeError);
}

TEST(CrossEntropy, TakesProbabilitiesForEachClass) {
  const Shape shape{2, 3, 4};
  const Tensor logits = leaf(shape, Layout::channels_last), weight = probabilities({3}, 5);
  const Tensor targets = probabilities(shape, 2);
  const auto x = values(log_softmax(logits, 1)), t = values(targets), w = values(weight);
  const CrossEntropyOptions options{
      .weight = weight, .reduction = Reduction::none, .label_smoothing = 0.25};
  const auto losses = values(cross_entropy(logits, targets, options));
  for (std::size_t n = 0; n < 2; ++n) {
    for (std::size_t i = 0; i < 4; ++i) {
      double loss = 0;
      for (std::size_t c = 0; c < 3; ++c) {
        const std::size_t at = (n * 3 + c) * 4 + i;
        loss -= w[c] * (0.75 * t[at] + 0.25 / 3) * x[at];
      }
      EXPECT_NEAR(losses[n * 4 + i], loss, 1e-13);
    }
  }
  check_derivatives(
      [](std::span<const Tensor> in) {
        return std::vector<Tensor>{
            cross_entropy(in[0], in[1], {.weight = in[2], .label_smoothing = 0.25})};
      },
      {logits, targets, weight});
}

TEST(CrossEntropy, ProbabilitiesOfOneHotLabelsGiveTheLossOfTheLabels) {
  const Tensor logits = random_values({2, 3, 4}), labels = random_labels({2, 4}, 3);
  const Tensor hot = one_hot(labels, 3).permute({0, 2, 1}).to(DType::float64);
  for (const Reduction r : {Reduction::mean, Reduction::sum}) {
    EXPECT_NEAR(cross_entropy(logits, hot, {.reduction = r, .label_smoothing = 0.1}).item(),
                cross_entropy(logits, labels, {.reduction = r, .label_smoothing = 0.1}).item(),
                1e-13);
  }
  EXPECT_EQ(cross_entropy(random_values({3}), probabilities({3})).dim(), 0);
  EXPECT_THROW(cross_entropy(logits, hot.to(DType::float32)), DTypeError);
  EXPECT_THROW(cross_entropy(logits, hot, {.weight = random_values({2})}), ShapeError);
}

TEST(CosineSimilarity, IsTheCosineAlongAnAxis) {
  const Tensor x = Tensor::from(Values{3, 4, 0, 0, -1, 0}, {3, 2});
  const Tensor y = Tensor::from(Values{4, 3, 1, 2, 5, 0}, {3, 2});
  const auto cosines = values(cosine_similarity(x, y));
  EXPECT_NEAR(cosines[0], 0.96, 1e-15);
  EXPECT_EQ(cosines[1], 0);
  EXPECT_NEAR(cosines[2], -1, 1e-15);
  EXPECT_EQ(cosine_similarity(random_values({2, 3, 4}), random_values({3, 1}), -2).shape(),
            (Shape{2, 4}));
  check_derivatives(
      [](std::span<const Tensor> in) {
        return std::vector<Tensor>{cosine_similarity(in[0], in[1], 1)};
      },
      {leaf({2, 3, 4}), leaf({3, 1}, Layout::plain, 2)});
  EXPECT_THROW(cosine_similarity(x, random_values({3, 3})), ShapeError);
  EXPECT_THROW(cosine_similarity(x, y, 2), IndexError);
  EXPECT_THROW(cosine_similarity(x, random_labels({3, 2}, 2)), DTypeError);
}

TEST(CosineSimilarity, HasAFiniteGradientAtZero) {
  Tensor x = Tensor::from(Values{0, 0}, {1, 2});
  x.requires_grad_();
  sum(cosine_similarity(x, random_values({1, 2}))).backward();
  for (const double g : values(x.grad())) EXPECT_TRUE(std::isfinite(g));
}

TEST(Normalize, DividesByTheNorm) {
  const Tensor x = Tensor::from(Values{3, -4, 0, 0, 0, 8}, {3, 2});
  EXPECT_EQ(values(normalize(x)), (Values{0.6, -0.8, 0, 0, 0, 1}));
  EXPECT_EQ(values(normalize(x, kInfinity)), (Values{0.75, -1, 0, 0, 0, 1}));
  EXPECT_EQ(values(normalize(x, 0)), (Values{1.5, -2, 0, 0, 0, 8}));
  EXPECT_EQ(values(normalize(x, 1, 0, 10)), (Values{0.3, -0.4 * 10 / 12, 0, 0, 0, 8.0 / 12}));
  for (const double p : {0.5, 1.0, 2.0, 3.0, kInfinity}) {
    check_derivatives(
        [=](std::span<const Tensor> in) { return std::vector<Tensor>{normalize(in[0], p, 1)}; },
        {leaf({2, 3, 4}, Layout::channels_last)});
    Tensor zeros = Tensor::from(Values{0, 0, 0, 1}, {2, 2});
    zeros.requires_grad_();
    sum(normalize(zeros, p)).backward();
    for (const double g : values(zeros.grad())) EXPECT_TRUE(std::isfinite(g)) << p;
  }
  EXPECT_THROW(normalize(x, -1), ShapeError);
  EXPECT_THROW(normalize(x, 2, 2), IndexError);
  EXPECT_THROW(normalize(random_labels({3, 2}, 2)), DTypeError);
}

}  // namespace
}  // namespace voxgrad
