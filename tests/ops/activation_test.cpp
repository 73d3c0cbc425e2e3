#include <voxgrad/ops/activation.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/ops/random_values.h"

namespace voxgrad::ops {
namespace {

using namespace voxgrad::testing;

constexpr ActivationOp kAll[] = {
    ActivationOp::elu,  ActivationOp::gelu,     ActivationOp::gelu_tanh, ActivationOp::silu,
    ActivationOp::mish, ActivationOp::softplus, ActivationOp::normal_cdf};
constexpr ActivationParameters kParameters{.a = 1.5, .b = 0.5, .c = 0.7};

/// The definitions, word for word.
double reference(ActivationOp op, double x) {
  switch (op) {
    case ActivationOp::elu: return x > 0 ? 0.5 * x : 0.75 * (std::exp(0.7 * x) - 1);
    case ActivationOp::gelu: return x * 0.5 * (1 + std::erf(x / std::sqrt(2)));
    case ActivationOp::gelu_tanh:
      return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * std::pow(x, 3))));
    case ActivationOp::silu: return x / (1 + std::exp(-x));
    case ActivationOp::mish: return x * std::tanh(std::log(1 + std::exp(x)));
    case ActivationOp::softplus: return 1.5 * x > 0.5 ? x : std::log(1 + std::exp(1.5 * x)) / 1.5;
    case ActivationOp::normal_cdf: return 0.5 * (1 + std::erf(x / std::sqrt(2)));
  }
  return 0;
}

TEST(Activation, HasItsDefinitionsValuesAndSlopesInAnyLayout) {
  const Shape shape{2, 3, 4, 5};
  for (const ActivationOp op : kAll) {
    for (const DType dtype : {DType::float32, DType::float64}) {
      const double tolerance = dtype == DType::float32 ? 1e-6 : 1e-14;
      for (const Layout layout : kAllLayouts) {
        const Tensor x = random_values(shape, dtype, layout);
        const Tensor grad = random_values(shape, dtype, Layout::reversed, 2);
        const auto in = values(x), factor = values(grad),
                   out = values(activation(op, x, kParameters)),
                   slope = values(activation_gradient(op, grad, x, kParameters));
        for (std::size_t i = 0; i < in.size(); ++i) {
          EXPECT_NEAR(out[i], reference(op, in[i]), tolerance);
          const double step = 1e-6;
          const double numeric =
              (reference(op, in[i] + step) - reference(op, in[i] - step)) / (2 * step);
          if (op == ActivationOp::softplus && std::abs(in[i] - 1.0 / 3) < 2 * step) continue;
          EXPECT_NEAR(slope[i], factor[i] * numeric, tolerance + 1e-9);
        }
      }
    }
  }
}

TEST(Activation, IsExactAtBothEnds) {
  const Tensor x = Tensor::from(std::vector<float>{-80, 80}, {2});
  const auto at_ends = [&](ActivationOp op) {
    return values(activation(op, x, {.b = std::numeric_limits<double>::infinity()}));
  };
  const auto softplus = at_ends(ActivationOp::softplus);
  EXPECT_NEAR(softplus[0] / std::exp(-80.0), 1, 1e-5);
  EXPECT_EQ(softplus[1], 80);
  for (const ActivationOp op :
       {ActivationOp::gelu, ActivationOp::gelu_tanh, ActivationOp::silu, ActivationOp::mish}) {
    EXPECT_NEAR(at_ends(op)[0], 0, 1e-30);
    EXPECT_EQ(at_ends(op)[1], 80);
    const Tensor one = Tensor::from(std::vector<float>{1}, {1});
    const auto slopes = values(activation_gradient(op, one, x));
    EXPECT_NEAR(slopes[0], 0, 1e-30);
    EXPECT_EQ(slopes[1], 1);
  }
}

}  // namespace
}  // namespace voxgrad::ops
