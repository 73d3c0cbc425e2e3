#include <voxgrad/autograd/functions/loss.h>

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include <voxgrad/autograd/engine.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/functions/softmax.h>
#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/core/error.h>

#include "tests/ops/random_values.h"

namespace voxgrad {
namespace {

using namespace voxgrad::testing;

constexpr Reduction kReductions[] = {Reduction::mean, Reduction::sum, Reduction::none};

Tensor leaf(const Shape& shape, Layout layout = Layout::plain, std::uint32_t seed = 1) {
  Tensor x = random_values(shape, DType::float64, layout, seed);
  x.requires_grad_();
  return x;
}

Tensor in_unit_interval(const Shape& shape, std::uint32_t seed = 1) {
  return (random_values(shape, DType::float64, Layout::plain, seed) * 0.45 + 0.5).detach();
}

void check_derivatives(const TensorFunction& f, const std::vector<Tensor>& inputs) {
  EXPECT_NO_THROW(gradcheck(f, inputs));
  EXPECT_NO_THROW(gradgradcheck(f, inputs));
}

/// Losses of all positions and their weights, from the definition.
struct Naive {
  std::vector<double> losses;
  double weight = 0;
};

Naive naive_cross_entropy(const Tensor& logits, const Tensor& labels,
                          const CrossEntropyOptions& o) {
  const auto x = values(logits), y = values(labels);
  const auto w = o.weight.defined()
                     ? values(o.weight)
                     : std::vector<double>(static_cast<std::size_t>(logits.size(1)), 1.0);
  Naive result;
  std::size_t i = 0;
  for (auto index : indices(labels.shape())) {
    index.insert(index.begin() + 1, 0);
    const auto label = static_cast<Index>(y[i++]);
    double loss = 0;
    if (label != o.ignore_index) {
      std::vector<double> z;
      for (index[1] = 0; index[1] < logits.size(1); ++index[1])
        z.push_back(x[flat(logits.shape(), index)]);
      double total = 0;
      for (const double value : z) total += std::exp(value);
      for (std::size_t c = 0; c < z.size(); ++c) {
        const double target = (c == static_cast<std::size_t>(label) ? 1 - o.label_smoothing : 0) +
                              o.label_smoothing / static_cast<double>(z.size());
        loss -= w[c] * target * (z[c] - std::log(total));
      }
      result.weight += w[static_cast<std::size_t>(label)];
    }
    result.losses.push_back(loss);
  }
  return result;
}

std::vector<double> combined(const Naive& naive, Reduction reduction) {
  if (reduction == Reduction::none) return naive.losses;
  double total = 0;
  for (const double loss : naive.losses) total += loss;
  return {reduction == Reduction::mean ? total / naive.weight : total};
}

TEST(CrossEntropy, FollowsTheDefinition) {
  for (const DType dtype : {DType::float32, DType::float64}) {
    for (const Shape& shape :
         {Shape{2, 3, 5, 4}, Shape{1, 2, 9, 70}, Shape{3, 17}, Shape{2, 1, 4}}) {
      for (const Layout layout : kAllLayouts) {
        Shape positions = shape;
        positions.erase(positions.begin() + 1);
        const Tensor logits = random_values(shape, dtype, layout);
        for (const DType label_dtype : {DType::int64, DType::int32, DType::uint8}) {
          const Tensor labels = random_labels(positions, shape[1], label_dtype);
          for (const Reduction reduction : kReductions) {
            for (const double smoothing : {0.0, 0.3}) {
              const CrossEntropyOptions plain{
                  .weight = {}, .reduction = reduction, .label_smoothing = smoothing};
              const CrossEntropyOptions weighted{.weight = abs(random_values({shape[1]}, dtype)),
                                                 .ignore_index = shape[1] > 1 ? 1 : -1,
                                                 .reduction = reduction,
                                                 .label_smoothing = smoothing};
              for (const CrossEntropyOptions& o : {plain, weighted}) {
                const auto expected = combined(naive_cross_entropy(logits, labels, o), reduction);
                const double scale =
                    reduction == Reduction::sum ? static_cast<double>(labels.numel()) : 1;
                EXPECT_LE(largest_difference(values(cross_entropy(logits, labels, o)), expected),
                          scale * (dtype == DType::float32 ? 1e-6 : 1e-14));
              }
            }
          }
        }
      }
    }
  }
}

TEST(CrossEntropy, Differentiates) {
  const Tensor labels = random_labels({2, 4, 3}, 3);
  for (const Reduction reduction : kReductions) {
    for (const double smoothing : {0.0, 0.2}) {
      for (const Tensor& weight : {Tensor(), in_unit_interval({3})}) {
        const CrossEntropyOptions o{.weight = weight,
                                    .ignore_index = weight.defined() ? 2 : -100,
                                    .reduction = reduction,
                                    .label_smoothing = smoothing};
        const auto f = [&](std::span<const Tensor> x) {
          return std::vector<Tensor>{cross_entropy(x[0], labels, o)};
        };
        check_derivatives(f, {leaf({2, 3, 4, 3}, Layout::channels_last)});
        check_derivatives(f, {leaf({2, 3, 4, 3}, Layout::gaps)});
        const std::vector<Tensor> inputs{leaf({2, 3, 4, 3})};
        const auto outputs = f(inputs);
        const std::array seeds{random_values(outputs[0].shape(), DType::float64, Layout::plain, 4)};
        const auto fused = grad(outputs, inputs, seeds, {.retain_graph = true});
        const auto composed = grad(outputs, inputs, seeds, {.create_graph = true});
        EXPECT_LE(largest_difference(values(fused[0]), values(composed[0])), 1e-14);
      }
    }
  }
}

TEST(CrossEntropy, TakesOneSample) {
  const Tensor logits = leaf({5});
  const Tensor label = random_labels({}, 5);
  const Tensor batch = cross_entropy(logits.unsqueeze(0), label.unsqueeze(0));
  for (const Reduction reduction : kReductions) {
    const Tensor loss = cross_entropy(logits, label, {.weight = {}, .reduction = reduction});
    EXPECT_EQ(loss.dim(), 0);
    EXPECT_EQ(loss.item(), batch.item());
  }
}

TEST(CrossEntropy, IgnoredPositionsGetNoGradientWhateverTheyHold) {
  Tensor logits = Tensor::from(std::vector<double>{1, 2, std::nan(""), 3}, {2, 2});
  logits.requires_grad_();
  cross_entropy(logits, Tensor::from(std::vector<std::int64_t>{0, -100}, {2})).backward();
  const auto g = values(logits.grad());
  EXPECT_NEAR(g[0], 1 / (1 + std::exp(1.0)) - 1, 1e-15);
  EXPECT_EQ(g[2], 0);
  EXPECT_EQ(g[3], 0);
}

TEST(CrossEntropy, MeanOverNothingIsNaN) {
  const Tensor none = cross_entropy(random_values({2, 3}),
                                    Tensor::from(std::vector<std::int64_t>{-100, -100}, {2}));
  EXPECT_TRUE(std::isnan(none.item()));
  EXPECT_TRUE(std::isnan(cross_entropy(leaf({0, 3, 4}), random_labels({0, 4}, 3)).item()));
}

TEST(CrossEntropy, IsSafeForLargeLogits) {
  const Tensor logits = Tensor::from(std::vector<float>{1e4f, 0, 0, 1e4f}, {2, 2});
  const Tensor losses = cross_entropy(logits, Tensor::from(std::vector<std::uint8_t>{0, 0}, {2}),
                                      {.weight = {}, .reduction = Reduction::none});
  EXPECT_EQ(values(losses), (std::vector<double>{0, 1e4}));
}

TEST(CrossEntropy, RefusesLabelsOutOfRange) {
  const Tensor logits = random_values({3, 2});
  for (const std::int64_t wrong : {-1, 2, 1000}) {
    const Tensor labels = Tensor::from(std::vector<std::int64_t>{0, wrong, 1}, {3});
    EXPECT_THROW(cross_entropy(logits, labels), IndexError);
    EXPECT_THROW(nll_loss(logits, labels), IndexError);
    EXPECT_THROW(dice_loss(logits, labels), IndexError);
    EXPECT_THROW(one_hot(labels, 2), IndexError);
  }
}

TEST(CrossEntropy, RefusesWhatDoesNotFit) {
  const Tensor logits = random_values({2, 3, 4}), labels = random_labels({2, 4}, 3);
  EXPECT_THROW(cross_entropy(logits, random_labels({2, 5}, 3)), ShapeError);
  EXPECT_THROW(cross_entropy(logits, random_labels({2, 4, 1}, 3)), ShapeError);
  EXPECT_THROW(cross_entropy(logits, random_values({2, 4})), DTypeError);
  EXPECT_THROW(cross_entropy(labels, labels), DTypeError);
  EXPECT_THROW(cross_entropy(logits, Tensor()), DTypeError);
  EXPECT_THROW(cross_entropy(logits, labels, {.weight = random_values({4})}), ShapeError);
  EXPECT_THROW(cross_entropy(logits, labels, {.weight = random_values({3}, DType::float32)}),
               DTypeError);
  EXPECT_THROW(cross_entropy(logits, labels, {.weight = {}, .label_smoothing = 1.5}), ShapeError);
  EXPECT_THROW(cross_entropy(random_values({}), random_labels({}, 1)), ShapeError);
}

TEST(CrossEntropy, SameBitsOnAnyNumberOfThreads) {
  Tensor logits = random_values({2, 3, 30, 31, 17}, DType::float32, Layout::channels_last);
  logits.requires_grad_();
  const Tensor labels = random_labels({2, 30, 31, 17}, 3);
  const std::array inputs{logits};
  EXPECT_TRUE(same_on_any_threads([&] { return cross_entropy(logits, labels).detach(); }));
  EXPECT_TRUE(same_on_any_threads([&] {
    const std::array y{cross_entropy(logits, labels)};
    return grad(y, inputs)[0];
  }));
  EXPECT_TRUE(same_on_any_threads([&] { return dice_loss(logits, labels).detach(); }));
  EXPECT_TRUE(same_on_any_threads([&] {
    const std::array y{dice_loss(logits, labels)};
    return grad(y, inputs)[0];
  }));
}

TEST(NllLoss, IsCrossEntropyAfterLogSoftmax) {
  const Tensor logits = random_values({2, 3, 5}), labels = random_labels({2, 5}, 3);
  for (const Reduction reduction : kReductions) {
    const Tensor weight = in_unit_interval({3});
    const Tensor expected = cross_entropy(
        logits, labels, {.weight = weight, .ignore_index = 1, .reduction = reduction});
    const Tensor found = nll_loss(log_softmax(logits, 1), labels,
                                  {.weight = weight, .ignore_index = 1, .reduction = reduction});
    EXPECT_LE(largest_difference(values(found), values(expected)), 1e-14);
    check_derivatives(
        [&](std::span<const Tensor> x) {
          return std::vector<Tensor>{nll_loss(
              x[0], labels, {.weight = weight, .ignore_index = 1, .reduction = reduction})};
        },
        {leaf({2, 3, 5})});
  }
}

TEST(NllLoss, OtherClassesMayHaveProbabilityZero) {
  const Tensor logp = Tensor::from(std::vector<double>{0, -INFINITY}, {1, 2});
  EXPECT_EQ(nll_loss(logp, Tensor::from(std::vector<std::int64_t>{0}, {1})).item(), 0);
}

TEST(MseAndL1, FollowTheDefinition) {
  const Tensor x = Tensor::from(std::vector<double>{1, -2, 4}, {3}),
               y = Tensor::from(std::vector<double>{3, -2, 1}, {3});
  EXPECT_DOUBLE_EQ(mse_loss(x, y).item(), 13.0 / 3);
  EXPECT_DOUBLE_EQ(l1_loss(x, y).item(), 5.0 / 3);
  EXPECT_EQ(mse_loss(x, y, Reduction::sum).item(), 13);
  EXPECT_EQ(values(l1_loss(x, y, Reduction::none)), (std::vector<double>{2, 0, 3}));
  check_derivatives(
      [](std::span<const Tensor> in) {
        return std::vector<Tensor>{mse_loss(in[0], in[1]), l1_loss(in[0], in[1])};
      },
      {leaf({2, 3}), leaf({2, 3}, Layout::plain, 2)});
  EXPECT_THROW(mse_loss(x, random_values({1, 3})), ShapeError);
  EXPECT_THROW(l1_loss(x, random_values({3}, DType::float32)), DTypeError);
}

TEST(BinaryCrossEntropy, FollowsTheDefinition) {
  const Tensor p = in_unit_interval({2, 5}), y = in_unit_interval({2, 5}, 2);
  const auto ps = values(p), ys = values(y);
  std::vector<double> expected;
  for (std::size_t i = 0; i < ps.size(); ++i)
    expected.push_back(-(ys[i] * std::log(ps[i]) + (1 - ys[i]) * std::log(1 - ps[i])));
  EXPECT_LE(largest_difference(values(binary_cross_entropy(p, y, Reduction::none)), expected),
            1e-14);
  const Tensor logits = log(p / (1.0 - p));
  EXPECT_LE(largest_difference(values(binary_cross_entropy_with_logits(
                                   logits, y, {.pos_weight = {}, .reduction = Reduction::none})),
                               expected),
            1e-14);
  Tensor a = p.clone(), b = y.clone();
  a.requires_grad_();
  b.requires_grad_();
  check_derivatives(
      [](std::span<const Tensor> in) {
        return std::vector<Tensor>{binary_cross_entropy(in[0], in[1])};
      },
      {a, b});
  const Tensor factor = in_unit_interval({5}, 9);
  check_derivatives(
      [&](std::span<const Tensor> in) {
        return std::vector<Tensor>{
            binary_cross_entropy_with_logits(in[0], in[1]),
            binary_cross_entropy_with_logits(in[0], in[1], {.pos_weight = factor})};
      },
      {leaf({2, 5}), b});
}

TEST(BinaryCrossEntropy, IsFiniteAtTheEnds) {
  Tensor p = Tensor::from(std::vector<double>{0, 1, 0, 1}, {4});
  p.requires_grad_();
  const Tensor loss =
      binary_cross_entropy(p, Tensor::from(std::vector<double>{0, 1, 1, 0}, {4}), Reduction::none);
  EXPECT_EQ(values(loss), (std::vector<double>{0, 0, 100, 100}));
  sum(loss).backward();
  const auto gradient = values(p.grad());
  EXPECT_EQ(gradient[0], 0);
  EXPECT_EQ(gradient[1], 0);
  EXPECT_NEAR(gradient[2], -1e12, 1);
  EXPECT_NEAR(gradient[3], 1e12, 1);
  EXPECT_THROW(
      binary_cross_entropy(Tensor::from(std::vector<double>{1.5}, {1}), random_values({1})),
      ShapeError);
  EXPECT_THROW(binary_cross_entropy(Tensor::from(std::vector<double>{std::nan("")}, {1}),
                                    random_values({1})),
               ShapeError);
}

TEST(BinaryCrossEntropyWithLogits, HasItsGradientAtZeroAndIsSafeForLargeLogits) {
  Tensor x = Tensor::from(std::vector<double>{0, 1e4, -1e4}, {3});
  x.requires_grad_();
  const Tensor loss =
      binary_cross_entropy_with_logits(x, Tensor::from(std::vector<double>{1, 0, 1}, {3}),
                                       {.pos_weight = {}, .reduction = Reduction::none});
  EXPECT_EQ(values(loss), (std::vector<double>{std::log(2.0), 1e4, 1e4}));
  sum(loss).backward();
  EXPECT_EQ(values(x.grad()), (std::vector<double>{-0.5, 1, -1}));
}

double naive_dice(const Tensor& logits, const Tensor& labels, const DiceLossOptions& o) {
  const Index classes = logits.size(1), samples = logits.size(0);
  const auto p = values(classes == 1 ? sigmoid(logits) : softmax(logits, 1)), y = values(labels);
  const Index first = classes > 1 && !o.include_background ? 1 : 0;
  const auto size = static_cast<std::size_t>(samples * classes);
  std::vector<double> shared(size), scores(size), counts(size);
  for (const auto& index : indices(logits.shape())) {
    std::vector<Index> position = index;
    position.erase(position.begin() + 1);
    const auto label = static_cast<Index>(y[flat(labels.shape(), position)]);
    if (o.ignore_index && label == *o.ignore_index) continue;
    const auto at = static_cast<std::size_t>((o.batch_dice ? 0 : index[0] * classes) + index[1]);
    const double prob = p[flat(logits.shape(), index)];
    const bool mine = label == index[1] + (classes == 1 ? 1 : 0);
    shared[at] += mine ? prob : 0;
    scores[at] += prob;
    counts[at] += mine;
  }
  double total = 0;
  Index count = 0;
  for (Index n = 0; n < (o.batch_dice ? 1 : samples); ++n) {
    for (Index c = first; c < classes; ++c, ++count) {
      const auto at = static_cast<std::size_t>(n * classes + c);
      total += (2 * shared[at] + o.smooth) / std::max(counts[at] + scores[at] + o.smooth, 1e-8);
    }
  }
  return 1 - total / static_cast<double>(count);
}

TEST(DiceLoss, FollowsTheDefinition) {
  for (const Shape& shape :
       {Shape{2, 3, 5, 7}, Shape{1, 2, 30, 31, 33}, Shape{3, 1, 11}, Shape{2, 17, 5}}) {
    Shape positions = shape;
    positions.erase(positions.begin() + 1);
    for (const Layout layout : kAllLayouts) {
      const Tensor logits = random_values(shape, DType::float64, layout);
      const Tensor labels = random_labels(positions, std::max<Index>(2, shape[1]), DType::uint8);
      for (const DiceLossOptions& o : {DiceLossOptions{}, DiceLossOptions{.batch_dice = true},
                                       DiceLossOptions{.include_background = true},
                                       DiceLossOptions{.smooth = 0.5, .ignore_index = 1}}) {
        EXPECT_NEAR(dice_loss(logits, labels, o).item(), naive_dice(logits, labels, o), 1e-13);
      }
    }
  }
}

TEST(DiceLoss, Differentiates) {
  for (const Index classes : {1, 3}) {
    const Tensor labels = random_labels({2, 4, 3}, std::max<Index>(classes, 2));
    for (const bool batch_dice : {false, true}) {
      check_derivatives(
          [&](std::span<const Tensor> x) {
            return std::vector<Tensor>{
                dice_loss(x[0], labels, {.batch_dice = batch_dice, .ignore_index = 0})};
          },
          {leaf({2, classes, 4, 3}, Layout::channels_last)});
    }
  }
}

TEST(DiceLoss, IsNearZeroForAPerfectPredictionAndOneForAWrongOne) {
  const Tensor labels = Tensor::from(std::vector<std::int64_t>{0, 1, 1, 0}, {1, 4});
  const Tensor logits =
      Tensor::from(std::vector<float>{50, -50, -50, 50, -50, 50, 50, -50}, {1, 2, 4});
  EXPECT_NEAR(dice_loss(logits, labels).item(), 0, 1e-6);
  EXPECT_NEAR(dice_loss(-logits, labels).item(), 1, 1e-5);
  EXPECT_THROW(dice_loss(random_values({0, 2, 3}), random_labels({0, 3}, 2)), ShapeError);
  EXPECT_THROW(dice_loss(logits, labels, {.smooth = -1}), ShapeError);
}

TEST(OneHot, MarksTheLabel) {
  const Tensor labels = Tensor::from(std::vector<std::uint8_t>{2, 0}, {2, 1});
  const Tensor hot = one_hot(labels, 3);
  EXPECT_EQ(hot.shape(), (Shape{2, 1, 3}));
  EXPECT_EQ(hot.dtype(), DType::int64);
  EXPECT_EQ(values(hot), (std::vector<double>{0, 0, 1, 1, 0, 0}));
  EXPECT_THROW(one_hot(labels, 0), ShapeError);
  EXPECT_THROW(one_hot(random_values({2}), 3), DTypeError);
}

}  // namespace
}  // namespace voxgrad
