#include <voxgrad/autograd/functions/activation.h>

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

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
using Values = std::vector<double>;

struct Named {
  const char* name;
  std::function<Tensor(const Tensor&)> f;
  std::function<double(double)> expected;  // the definition
};

double softplus_of(double x) { return std::log(1 + std::exp(x)); }

std::vector<Named> all() {
  return {
      {"elu", [](const Tensor& x) { return elu(x, 1.5); },
       [](double x) { return x > 0 ? x : 1.5 * (std::exp(x) - 1); }},
      {"celu", [](const Tensor& x) { return celu(x, 1.5); },
       [](double x) { return x > 0 ? x : 1.5 * (std::exp(x / 1.5) - 1); }},
      {"selu", selu,
       [](double x) {
         return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * (std::exp(x) - 1));
       }},
      {"gelu", gelu, [](double x) { return x * 0.5 * (1 + std::erf(x / std::sqrt(2))); }},
      {"gelu_tanh", gelu_tanh,
       [](double x) {
         return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * std::pow(x, 3))));
       }},
      {"silu", silu, [](double x) { return x / (1 + std::exp(-x)); }},
      {"mish", mish, [](double x) { return x * std::tanh(softplus_of(x)); }},
      {"softplus", [](const Tensor& x) { return softplus(x, 2, 0.5); },
       [](double x) { return 2 * x > 0.5 ? x : softplus_of(2 * x) / 2; }},
      {"logsigmoid", logsigmoid, [](double x) { return -softplus_of(-x); }},
      {"softsign", softsign, [](double x) { return x / (1 + std::abs(x)); }},
      {"tanhshrink", tanhshrink, [](double x) { return x - std::tanh(x); }},
      {"hardtanh", [](const Tensor& x) { return hardtanh(x, -0.5, 0.25); },
       [](double x) { return std::min(std::max(x, -0.5), 0.25); }},
      {"relu6", [](const Tensor& x) { return relu6(x * 8); },
       [](double x) { return std::min(std::max(8 * x, 0.0), 6.0); }},
      {"hardsigmoid", [](const Tensor& x) { return hardsigmoid(x * 4); },
       [](double x) { return std::min(std::max(4 * x / 6 + 0.5, 0.0), 1.0); }},
      {"hardswish", [](const Tensor& x) { return hardswish(x * 4); },
       [](double x) { return 4 * x * std::min(std::max(4 * x / 6 + 0.5, 0.0), 1.0); }},
      {"hardshrink", [](const Tensor& x) { return hardshrink(x, 0.25); },
       [](double x) { return std::abs(x) > 0.25 ? x : 0; }},
      {"softshrink", [](const Tensor& x) { return softshrink(x, 0.25); },
       [](double x) { return x > 0.25    ? x - 0.25
                             : x < -0.25 ? x + 0.25
                                         : 0; }},
      {"threshold", [](const Tensor& x) { return threshold(x, 0.25, -3); },
       [](double x) { return x > 0.25 ? x : -3; }},
  };
}

Tensor leaf(const Shape& shape, Layout layout = Layout::plain, std::uint32_t seed = 1) {
  Tensor x = random_values(shape, DType::float64, layout, seed);
  x.requires_grad_();
  return x;
}

TEST(Activations, HaveTheirDefinitionsValuesAndKeepTheMemoryOrder) {
  for (const Named& activation : all()) {
    for (const Layout layout : {Layout::plain, Layout::channels_last, Layout::reversed}) {
      const Tensor x = random_values({2, 3, 4, 5}, DType::float64, layout);
      const Tensor y = activation.f(x);
      EXPECT_EQ(y.strides(), x.strides()) << activation.name;
      const auto in = values(x), out = values(y);
      for (std::size_t i = 0; i < in.size(); ++i)
        EXPECT_NEAR(out[i], activation.expected(in[i]), 1e-14) << activation.name;
    }
    EXPECT_EQ(activation.f(random_values({0, 3})).shape(), (Shape{0, 3}));
    EXPECT_EQ(activation.f(random_values({})).shape(), Shape{});
    const Tensor nan = Tensor::from(Values{std::nan("")}, {1});
    EXPECT_TRUE(std::isnan(activation.f(nan).item())) << activation.name;
    EXPECT_THROW(activation.f(random_labels({3}, 2)), DTypeError) << activation.name;
  }
}

TEST(Activations, Differentiate) {
  for (const Named& activation : all()) {
    const TensorFunction f = [&](std::span<const Tensor> x) {
      return std::vector<Tensor>{activation.f(x[0])};
    };
    const std::vector<Tensor> inputs{leaf({2, 3, 5}, Layout::gaps)};
    EXPECT_NO_THROW(gradcheck(f, inputs)) << activation.name;
    EXPECT_NO_THROW(gradgradcheck(f, inputs)) << activation.name;
  }
}

TEST(Activations, FusedAndComposedGradientsAgree) {
  for (const Named& activation : all()) {
    const std::array inputs{leaf({2, 3, 5, 4})};
    const std::array outputs{activation.f(inputs[0])};
    const std::array seeds{random_values({2, 3, 5, 4}, DType::float64, Layout::reversed, 9)};
    const Tensor fused = grad(outputs, inputs, seeds, {.retain_graph = true})[0];
    const Tensor composed = grad(outputs, inputs, seeds, {.create_graph = true})[0];
    EXPECT_LE(largest_difference(values(fused), values(composed)), 1e-14) << activation.name;
  }
}

TEST(Activations, SecondDerivativesStayFiniteFarAway) {
  for (const double at : {-1000.0, 1000.0}) {
    for (const auto& f : std::vector<std::function<Tensor(const Tensor&)>>{
             [](const Tensor& x) { return elu(x); }, selu, gelu, silu, mish, logsigmoid}) {
      Tensor x = Tensor::from(Values{at}, {1});
      x.requires_grad_();
      const std::array inputs{x},
          first{grad(std::array{f(x)}, inputs, {}, {.create_graph = true})[0]};
      EXPECT_TRUE(std::isfinite(first[0].item()));
      EXPECT_NEAR(grad(first, inputs)[0].item(), 0, 1e-300);
    }
  }
}

TEST(Hardtanh, PassesNoGradientAtItsBounds) {
  Tensor x = Tensor::from(Values{-1, 0, 1, 2}, {4});
  x.requires_grad_();
  sum(hardtanh(x)).backward();
  EXPECT_EQ(values(x.grad()), (Values{0, 1, 0, 0}));
}

TEST(Softshrink, PassesNoGradientAtItsBounds) {
  Tensor x = Tensor::from(Values{-2, -0.5, 0, 0.5, 1}, {5});
  x.requires_grad_();
  sum(softshrink(x, 0.5)).backward();
  EXPECT_EQ(values(x.grad()), (Values{1, 0, 0, 0, 1}));
}

TEST(PRelu, HasASlopeForEachChannel) {
  const Tensor x = Tensor::from(Values{-1, 2, -3, 4, -5, -6}, {1, 2, 3});
  const Tensor two = Tensor::from(Values{0.5, 10}, {2}), one = Tensor::from(Values{2}, {1});
  EXPECT_EQ(values(prelu(x, two)), (Values{-0.5, 2, -1.5, 4, -50, -60}));
  EXPECT_EQ(values(prelu(x, one)), (Values{-2, 2, -6, 4, -10, -12}));
  EXPECT_EQ(values(prelu(Tensor::from(Values{-1, 1}, {2}), one)), (Values{-2, 1}));
  const TensorFunction f = [](std::span<const Tensor> in) {
    return std::vector<Tensor>{prelu(in[0], in[1])};
  };
  for (const Index weights : {1, 3}) {
    const std::vector<Tensor> inputs{leaf({2, 3, 4}, Layout::channels_last), leaf({weights})};
    EXPECT_NO_THROW(gradcheck(f, inputs));
    EXPECT_NO_THROW(gradgradcheck(f, inputs));
  }
  EXPECT_THROW(prelu(x, random_values({3})), ShapeError);
  EXPECT_THROW(prelu(x, random_values({1, 2})), ShapeError);
  EXPECT_THROW(prelu(x, random_values({2}, DType::float32)), DTypeError);
}

TEST(Glu, GatesTheFirstHalfByTheSecond) {
  const Tensor x = random_values({2, 4, 3});
  EXPECT_EQ(values(glu(x, 1)), values(x.narrow(1, 0, 2) * sigmoid(x.narrow(1, 2, 2))));
  EXPECT_THROW(glu(x), ShapeError);
  EXPECT_THROW(glu(x, 3), IndexError);
  EXPECT_EQ(values(softmin(x, 1)), values(softmax(neg(x), 1)));
}

TEST(Activations, InPlaceFormsWriteTheirArgumentAndDifferentiate) {
  using InPlace = std::function<Tensor&(Tensor&)>;
  const std::vector<std::pair<InPlace, std::function<Tensor(const Tensor&)>>> forms = {
      {[](Tensor& x) -> Tensor& { return elu_(x, 2); }, [](const Tensor& x) { return elu(x, 2); }},
      {[](Tensor& x) -> Tensor& { return celu_(x, 2); },
       [](const Tensor& x) { return celu(x, 2); }},
      {selu_, selu},
      {silu_, silu},
      {mish_, mish},
      {[](Tensor& x) -> Tensor& { return hardtanh_(x, -0.5, 0.5); },
       [](const Tensor& x) { return hardtanh(x, -0.5, 0.5); }},
      {relu6_, relu6},
      {hardsigmoid_, hardsigmoid},
      {hardswish_, hardswish},
      {[](Tensor& x) -> Tensor& { return threshold_(x, 0.1, 5); },
       [](const Tensor& x) { return threshold(x, 0.1, 5); }}};
  for (const auto& [write, compute] : forms) {
    Tensor x = random_values({2, 3, 5});
    const Tensor expected = compute(x);
    EXPECT_TRUE(write(x).is_same(x));
    EXPECT_EQ(values(x), values(expected));
    const TensorFunction f = [&](std::span<const Tensor> in) {
      Tensor scaled = in[0] * 2;
      return std::vector<Tensor>{write(scaled) * 3};
    };
    EXPECT_NO_THROW(gradcheck(f, {leaf({2, 3, 5})}));
    EXPECT_NO_THROW(gradgradcheck(f, {leaf({2, 3, 5})}));
    Tensor parameter = leaf({3});
    EXPECT_THROW(write(parameter), AutogradError);
  }
}

TEST(Activations, RefuseWhatHasNoMeaning) {
  const Tensor x = random_values({3});
  EXPECT_THROW(celu(x, 0), ShapeError);
  EXPECT_THROW(softplus(x, 0), ShapeError);
  EXPECT_THROW(hardtanh(x, 1, -1), ShapeError);
  EXPECT_THROW(softshrink(x, -1), ShapeError);
}

}  // namespace
}  // namespace voxgrad
