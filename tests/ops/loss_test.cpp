#include <voxgrad/ops/loss.h>

#include <gtest/gtest.h>

#include <limits>

#include <voxgrad/core/error.h>

#include "tests/ops/random_values.h"

namespace voxgrad::ops {
namespace {

using namespace voxgrad::testing;

TEST(Labels, OutsideTheirRangeAreRefusedToTheEndsOfInt64) {
  const Tensor scores = random_values({1, 3, 2});
  for (const Index first_class : {Index{0}, Index{1}}) {
    const LabelTerms terms{.op = "overlap", .ignore_index = {}, .first_class = first_class};
    for (const Index label : {std::numeric_limits<Index>::min(), Index{-1}, 3 + first_class,
                              std::numeric_limits<Index>::max()}) {
      const Tensor labels = Tensor::from(std::vector<std::int64_t>{0, label}, {1, 2});
      EXPECT_THROW(overlap(terms, scores, labels), IndexError) << label;
    }
  }
}

TEST(Labels, BelowTheFirstClassCountInNoChannel) {
  const Tensor scores = Tensor::from(std::vector<double>{1, 2, 3, 10, 20, 30}, {1, 2, 3});
  const Tensor labels = Tensor::from(std::vector<std::int64_t>{0, 1, 2}, {1, 3});
  const Overlap sums =
      overlap({.op = "overlap", .ignore_index = {}, .first_class = 1}, scores, labels);
  EXPECT_EQ(values(sums.shared), (std::vector<double>{2, 30}));
  EXPECT_EQ(values(sums.scores), (std::vector<double>{6, 60}));
  EXPECT_EQ(values(sums.labels), (std::vector<double>{1, 1}));
}

TEST(CrossEntropy, OfOneNaNScoreIsNaNWhereverItStands) {
  const LabelTerms terms{.op = "cross_entropy", .ignore_index = {}};
  for (std::size_t place = 0; place < 3; ++place) {
    std::vector<float> scores{1000, 1, -1000};
    scores[place] = std::numeric_limits<float>::quiet_NaN();
    const Tensor labels = Tensor::from(std::vector<std::int64_t>{0}, {1});
    const CrossEntropy loss = cross_entropy(terms, Tensor::from(scores, {1, 3}), labels, {}, true);
    EXPECT_NE(values(loss.losses)[0], values(loss.losses)[0]) << place;
  }
}

}  // namespace
}  // namespace voxgrad::ops
