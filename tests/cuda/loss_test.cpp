#include <voxgrad/autograd/functions/loss.h>

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/core/error.h>
#include <voxgrad/ops/loss.h>

#include "tests/ops/random_values.h"
#include "tests/support/on_cuda.h"

namespace voxgrad::testing {
namespace {

constexpr DType kFloating[] = {DType::float32, DType::float64};
constexpr DType kLabels[] = {DType::int64, DType::int32, DType::uint8};

double tolerance_of(DType dtype) { return dtype == DType::float32 ? 1e-5 : 1e-12; }

/// (batch, classes, size...) and (batch, size...).
struct Pair {
  Tensor scores, labels;
};

Pair random_pair(const Shape& shape, DType dtype, Layout layout, DType labels = DType::int64) {
  Shape positions = shape;
  positions.erase(positions.begin() + 1);
  return {random_values(shape, dtype, layout), random_labels(positions, shape[1], labels, 5)};
}

void set_label(Tensor& labels, Index at, Index value) {
  visit_dtype(labels.dtype(),
              [&]<typename T>() { labels.mutable_data<T>()[at] = static_cast<T>(value); });
}

/// What f(scores, labels) says of the labels, on the CPU and on the GPU.
void expect_same_refusal(const Function& f, const Pair& pair) {
  const auto text = [&](const std::vector<Tensor>& inputs) -> std::string {
    try {
      f(inputs);
    } catch (const IndexError& error) {
      return error.what();
    }
    return "";
  };
  const std::string expected = text({pair.scores, pair.labels});
  EXPECT_NE(expected, "");
  EXPECT_EQ(text({on_cuda(pair.scores), on_cuda(pair.labels)}), expected);
}

class CudaLoss : public Cuda {};

TEST_F(CudaLoss, CrossEntropyAgreesWithTheCpuInAllLayoutsAndReductions) {
  for (const DType dtype : kFloating) {
    for (const Layout layout : kAllLayouts) {
      for (const auto reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
        for (const double smoothing : {0.0, 0.2}) {
          const auto [scores, labels] = random_pair({2, 5, 3, 7}, dtype, layout);
          const Tensor weight = random_values({5}, dtype, Layout::gaps, 3);
          expect_agreement("cross_entropy",
                           [&](const auto& in) {
                             return cross_entropy(in[0], in[1],
                                                  {.weight = exp(in[2]).detach(),
                                                   .ignore_index = 2,
                                                   .reduction = reduction,
                                                   .label_smoothing = smoothing});
                           },
                           {scores, labels, weight},
                           {.tolerance = tolerance_of(dtype), .gradients = true});
        }
      }
    }
  }
}

TEST_F(CudaLoss, CrossEntropyOfManyPositionsOrClassesAgreesWithTheCpu) {
  for (const DType dtype : kFloating) {
    for (const Shape& shape : {Shape{2, 3, 70, 80}, Shape{7, 700}, Shape{1, 1, 5}}) {
      for (const DType type : kLabels) {
        if (type == DType::uint8 && shape[1] > 255) continue;
        for (const double smoothing : {0.0, 0.1}) {
          const auto [scores, labels] = random_pair(shape, dtype, Layout::plain, type);
          expect_agreement("cross_entropy of " + to_string(shape),
                           [&](const auto& in) {
                             return cross_entropy(in[0], in[1], {.label_smoothing = smoothing});
                           },
                           {scores, labels}, {.tolerance = tolerance_of(dtype), .gradients = true});
        }
      }
    }
  }
}

TEST_F(CudaLoss, IgnoredPositionsMayHoldAnything) {
  auto [scores, labels] = random_pair({3, 4, 5}, DType::float32, Layout::plain);
  set_label(labels, 0, -100);
  for (Index c = 0; c < 4; ++c)
    scores.mutable_data<float>()[c * 5] = std::numeric_limits<float>::quiet_NaN();
  expect_agreement("cross_entropy", [](const auto& in) { return cross_entropy(in[0], in[1]); },
                   {scores, labels}, {.tolerance = 1e-5, .gradients = true});
  for (Index i = 0; i < labels.numel(); ++i) set_label(labels, i, -100);
  expect_agreement("nothing counts", [](const auto& in) { return cross_entropy(in[0], in[1]); },
                   {scores, labels}, {.gradients = true});
}

TEST_F(CudaLoss, TargetsAndOneHotAgreeWithTheCpu) {
  for (const DType dtype : kFloating) {
    for (const Layout layout : kAllLayouts) {
      const auto [scores, labels] = random_pair({2, 5, 3}, dtype, layout);
      const Tensor weight = random_values({5}, dtype, Layout::plain, 3);
      const ops::LabelTerms terms{.op = "target", .ignore_index = 1, .smoothing = 0.3};
      expect_agreement(
          "target",
          [&](const auto& in) { return ops::target(terms, in[0], 5, in[1], in[1].dtype()); },
          {labels, weight}, {.tolerance = tolerance_of(dtype)});
      expect_agreement("nll_loss", [](const auto& in) { return nll_loss(in[0], in[1]); },
                       {scores, labels}, {.tolerance = tolerance_of(dtype), .gradients = true});
    }
  }
  for (const DType dtype : kLabels) {
    expect_agreement("one_hot", [](const auto& in) { return one_hot(in[0], 7); },
                     {random_labels({3, 5}, 7, dtype)});
  }
}

TEST_F(CudaLoss, DiceAgreesWithTheCpu) {
  for (const DType dtype : kFloating) {
    for (const Layout layout : kAllLayouts) {
      for (const Index classes : {Index{1}, Index{4}}) {
        for (const bool batch : {false, true}) {
          auto [scores, labels] = random_pair({3, classes, 5, 7}, dtype, layout, DType::uint8);
          if (classes == 1) labels = random_labels({3, 5, 7}, 2, DType::uint8);
          set_label(labels, 3, 9);
          expect_agreement("dice_loss",
                           [&](const auto& in) {
                             return dice_loss(in[0], in[1],
                                              {.batch_dice = batch, .ignore_index = 9});
                           },
                           {scores, labels}, {.tolerance = tolerance_of(dtype), .gradients = true});
        }
      }
    }
  }
}

TEST_F(CudaLoss, OverlapsOfManyPositionsAgreeWithTheCpu) {
  for (const Layout layout : {Layout::plain, Layout::channels_last}) {
    const auto [scores, labels] = random_pair({2, 3, 90, 101}, DType::float64, layout);
    const ops::LabelTerms terms{.op = "overlap", .ignore_index = {}, .first_class = 1};
    const Function sums = [&](const auto& in) { return ops::overlap(terms, in[0], in[1]).scores; };
    const Function shared = [&](const auto& in) {
      return ops::overlap(terms, in[0], in[1]).shared;
    };
    const Function counts = [&](const auto& in) {
      return ops::overlap(terms, in[0], in[1]).labels;
    };
    expect_agreement("scores", sums, {scores, labels}, {.tolerance = 1e-12});
    expect_agreement("shared", shared, {scores, labels}, {.tolerance = 1e-12});
    expect_agreement("labels", counts, {scores, labels});
  }
}

TEST_F(CudaLoss, RefusesLabelsWithTheTextsOfTheCpu) {
  for (const DType dtype : kLabels) {
    for (const Index wrong : {Index{3}, Index{-1}}) {
      if (dtype == DType::uint8 && wrong < 0) continue;
      Pair pair = random_pair({2, 3, 40, 70}, DType::float32, Layout::plain, dtype);
      set_label(pair.labels, 4001, wrong);
      expect_same_refusal([](const auto& in) { return cross_entropy(in[0], in[1]); }, pair);
      expect_same_refusal([](const auto& in) { return nll_loss(in[0], in[1]); }, pair);
      expect_same_refusal([](const auto& in) { return dice_loss(in[0], in[1]); }, pair);
      expect_same_refusal(
          [](const auto& in) { return dice_loss(in[0], in[1], {.ignore_index = 77}); }, pair);
      expect_same_refusal([](const auto& in) { return one_hot(in[1], 3); }, pair);
    }
  }
}

TEST_F(CudaLoss, EmptyBatchesGiveTheCpusResults) {
  const auto [scores, labels] = random_pair({0, 3, 4}, DType::float32, Layout::plain);
  for (const auto reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
    expect_agreement(
        "cross_entropy",
        [&](const auto& in) { return cross_entropy(in[0], in[1], {.reduction = reduction}); },
        {scores, labels}, {.gradients = true});
  }
  expect_agreement("one_hot", [](const auto& in) { return one_hot(in[0], 3); }, {labels});
}

}  // namespace
}  // namespace voxgrad::testing
