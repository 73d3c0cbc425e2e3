#include <voxgrad/autograd/functions/dropout.h>

#include <gtest/gtest.h>

#include <cmath>

#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/core/error.h>

#include "tests/ops/random_values.h"

namespace voxgrad {
namespace {

using namespace voxgrad::testing;
using Values = std::vector<double>;

/// 1 or 0 for each draw, by the definition: 53 bits of two draws, below 1 - p.
Values draws(std::uint64_t seed, std::size_t count, double p) {
  Generator generator(seed);
  Values kept;
  for (std::size_t i = 0; i < count; ++i) {
    const auto bits = generator.draw64() & ((std::uint64_t{1} << 53) - 1);
    kept.push_back(static_cast<double>(bits) * 0x1p-53 < 1 - p ? 1 : 0);
  }
  return kept;
}

TEST(Dropout, KeepsByTheGeneratorsDrawsInLogicalOrder) {
  const Values kept = draws(5, 120, 0.25);
  for (const DType dtype : {DType::float32, DType::float64}) {
    for (const Layout layout : kAllLayouts) {
      const Tensor x = random_values({2, 3, 4, 5}, dtype, layout);
      Generator generator(5);
      const Tensor y = dropout(x, 0.25, true, generator);
      EXPECT_EQ(y.dtype(), dtype);
      const auto in = values(x), out = values(y);
      for (std::size_t i = 0; i < in.size(); ++i)
        EXPECT_NEAR(out[i], in[i] * kept[i] / 0.75, dtype == DType::float32 ? 1e-6 : 1e-15);
    }
  }
}

TEST(FeatureDropout, DropsWholeChannels) {
  const Values kept = draws(9, 6, 0.5);
  const Tensor x = random_values({2, 3, 4, 5}, DType::float64, Layout::channels_last);
  Generator generator(9);
  const auto in = values(x), out = values(feature_dropout(x, 0.5, true, generator));
  for (std::size_t i = 0; i < in.size(); ++i) EXPECT_EQ(out[i], 2 * in[i] * kept[i / 20]);
}

TEST(AlphaDropout, KeepsMeanAndVariance) {
  const Values kept = draws(3, 4, 0.5);
  const Tensor x = random_values({2, 2});
  Generator generator(3);
  const auto in = values(x), out = values(alpha_dropout(x, 0.5, true, generator));
  // Dropped elements become -least; then all are mapped to mean 0 and variance 1.
  const double least = 1.7580993408473766;
  const double scale = 1 / std::sqrt((1 + 0.5 * least * least) * 0.5), shift = scale * 0.5 * least;
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(out[i], (kept[i] == 1 ? in[i] : -least) * scale + shift, 1e-14);
  EXPECT_EQ(feature_alpha_dropout(random_values({2, 3, 4})).shape(), (Shape{2, 3, 4}));
}

TEST(Dropout, DoesNothingOutsideTrainingOrWithoutProbability) {
  const Tensor x = random_values({2, 3});
  Generator generator(1), untouched(1);
  EXPECT_TRUE(dropout(x, 0.5, false, generator).is_same(x));
  EXPECT_TRUE(feature_dropout(x, 0, true, generator).is_same(x));
  EXPECT_TRUE(alpha_dropout(x, 0, true, generator).is_same(x));
  EXPECT_EQ(values(dropout(x, 1, true, generator)), Values(6));
  EXPECT_EQ(generator.draw(), untouched.draw());
}

TEST(Dropout, UsesTheDefaultGenerator) {
  const Tensor x = random_values({30});
  manual_seed(4);
  const auto first = values(dropout(x)), second = values(dropout(x));
  manual_seed(4);
  EXPECT_EQ(values(dropout(x)), first);
  EXPECT_NE(second, first);
}

TEST(Dropout, Differentiates) {
  using Function = Tensor (*)(const Tensor&, double, bool, Generator&);
  for (const Function f : {Function{dropout}, Function{feature_dropout}, Function{alpha_dropout},
                           Function{[](const Tensor& x, double p, bool training, Generator& g) {
                             Tensor doubled = x * 2;
                             return dropout_(doubled, p, training, g);
                           }},
                           Function{[](const Tensor& x, double p, bool training, Generator& g) {
                             Tensor doubled = x * 2;
                             return feature_dropout_(doubled, p, training, g);
                           }}}) {
    Tensor x = random_values({2, 3, 4});
    x.requires_grad_();
    const TensorFunction same_draws = [&](std::span<const Tensor> in) {
      Generator generator(2);
      return std::vector<Tensor>{f(in[0], 0.5, true, generator)};
    };
    EXPECT_NO_THROW(gradcheck(same_draws, {x}));
    EXPECT_NO_THROW(gradgradcheck(same_draws, {x}));
  }
}

TEST(Dropout, RefusesWhatHasNoMeaning) {
  Tensor x = random_values({3});
  EXPECT_THROW(dropout(x, -0.1), ShapeError);
  EXPECT_THROW(dropout(x, 1.1), ShapeError);
  EXPECT_THROW(dropout(x, std::nan("")), ShapeError);
  EXPECT_THROW(feature_dropout(x), ShapeError);
  EXPECT_THROW(dropout(random_labels({3}, 2)), DTypeError);
  x.requires_grad_();
  EXPECT_THROW(dropout_(x), AutogradError);
}

}  // namespace
}  // namespace voxgrad
