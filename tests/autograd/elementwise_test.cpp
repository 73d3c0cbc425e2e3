#include <voxgrad/autograd/functions/elementwise.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include <voxgrad/autograd/engine.h>
#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/autograd/node.h>
#include <voxgrad/core/error.h>

#include "tests/ops/layouts.h"

namespace voxgrad {
namespace {

using namespace voxgrad::testing;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const Shape kShape{2, 3, 5};

/// Values in (0.3, 1.7), away from every corner of the functions below, in a layout.
Tensor positive(const Shape& shape = kShape, Layout layout = Layout::plain, Index seed = 0) {
  Tensor x = uninitialised(shape, DType::float64, layout);
  double* data = x.mutable_data<double>();
  Index i = seed;
  for (const auto& index : indices(shape)) {
    const double fraction = static_cast<double>(++i) * std::numbers::phi;
    data[offset(index, x.strides())] = 0.3 + 1.4 * (fraction - std::floor(fraction));
  }
  return x.requires_grad_();
}

/// The same with both signs.
Tensor mixed(const Shape& shape = kShape, Layout layout = Layout::plain) {
  Tensor x = positive(shape, layout).detach();
  double* data = x.mutable_data<double>();
  Index i = 0;
  for (const auto& index : indices(shape)) {
    if (i++ % 2 == 1) data[offset(index, x.strides())] *= -1;
  }
  return x.requires_grad_();
}

void check(const TensorFunction& f, const std::vector<Tensor>& inputs) {
  gradcheck(f, inputs);
  gradgradcheck(f, inputs);
}

template <typename F>
void check_unary(F f, const Tensor& x) {
  check([f](std::span<const Tensor> in) { return std::vector<Tensor>{f(in[0])}; }, {x});
}

template <typename F>
void check_binary(F f) {
  // Other seeds, so that no two values are equal, where maximum has no derivative.
  const TensorFunction g = [f](std::span<const Tensor> in) {
    return std::vector<Tensor>{f(in[0], in[1])};
  };
  check(g, {positive({2, 3, 5}), positive({2, 3, 5}, Layout::reversed, 70)});
  check(g, {positive({2, 3, 5}, Layout::channels_last), positive({3, 1}, Layout::plain, 70)});
  check(g, {positive({}), positive({2, 3}, Layout::gaps, 70)});
  check(g, {positive({2, 3}), positive({2, 3}, Layout::plain, 70).detach()});
  check(g, {positive({2, 3}).detach(), positive({2, 3}, Layout::plain, 70)});
}

TEST(Elementwise, RealFunctionsAgreeWithTheStandardLibrary) {
  const std::vector<std::pair<Tensor (*)(const Tensor&), double (*)(double)>> pairs{
      {exp2, std::exp2},   {expm1, std::expm1}, {log2, std::log2}, {log10, std::log10},
      {log1p, std::log1p}, {tan, std::tan},     {asin, std::asin}, {acos, std::acos},
      {atan, std::atan},   {sinh, std::sinh},   {cosh, std::cosh}, {erf, std::erf},
      {erfc, std::erfc},   {floor, std::floor}, {ceil, std::ceil}, {round, std::nearbyint},
      {trunc, std::trunc}};
  for (const auto& [f, standard] : pairs) {
    for (const double x : {-2.5, -0.4, 0.0, 0.5, 1.5, 3.0}) {
      const double expected = standard(x), got = f(scalar(x, DType::float64)).item();
      EXPECT_TRUE(got == expected || (std::isnan(got) && std::isnan(expected))) << x;
    }
  }
  EXPECT_EQ(rsqrt(scalar(4)).item(), 0.5);
  EXPECT_EQ(reciprocal(scalar(-4)).item(), -0.25);
  EXPECT_EQ(erf(scalar(1, DType::int64)).dtype(), DType::float32);
  EXPECT_EQ(floor(scalar(1, DType::int64)).dtype(), DType::int64);
  EXPECT_EQ(sign(scalar(-7, DType::int32)).item(), -1);
}

TEST(Elementwise, UnaryDerivatives) {
  for (const Layout layout : kAllLayouts) {
    check_unary([](const Tensor& x) { return exp(x); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return log(x); }, positive(kShape, layout));
    check_unary([](const Tensor& x) { return sqrt(x); }, positive(kShape, layout));
    check_unary([](const Tensor& x) { return exp2(x); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return expm1(x); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return log2(x); }, positive(kShape, layout));
    check_unary([](const Tensor& x) { return log10(x); }, positive(kShape, layout));
    check_unary([](const Tensor& x) { return log1p(x); }, positive(kShape, layout));
    check_unary([](const Tensor& x) { return rsqrt(x); }, positive(kShape, layout));
    check_unary([](const Tensor& x) { return reciprocal(x); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return tan(mul(x, 0.5)); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return asin(mul(x, 0.5)); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return acos(mul(x, 0.5)); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return atan(x); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return sinh(x); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return cosh(x); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return erf(x); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return erfc(x); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return mul(x, floor(mul(x, 7))); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return mul(x, ceil(mul(x, 7))); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return mul(x, round(mul(x, 7))); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return mul(x, trunc(mul(x, 7))); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return mul(x, sign(x)); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return sin(x); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return cos(x); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return abs(x); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return square(x); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return neg(x); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return sigmoid(x); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return tanh(x); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return relu(x); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return leaky_relu(x, 0.3); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return leaky_relu(x, -0.3); }, mixed(kShape, layout));
    check_unary([](const Tensor& x) { return clamp(x, -0.5, 0.8); }, mixed(kShape, layout));
  }
}

TEST(Elementwise, DerivativesBesideNumbers) {
  check_unary([](const Tensor& x) { return 2 - (x + 3) * 4; }, mixed());
  check_unary([](const Tensor& x) { return (x - 3) / 4; }, mixed());
  check_unary([](const Tensor& x) { return 2 / x; }, mixed());
  for (const double power : {0.0, 1.0, 2.0, 3.0, -1.0}) {
    check_unary([power](const Tensor& x) { return pow(x, power); }, mixed());
  }
  check_unary([](const Tensor& x) { return pow(x, 2.5); }, positive());
}

TEST(Elementwise, BinaryDerivatives) {
  check_binary([](const Tensor& a, const Tensor& b) { return a + b; });
  check_binary([](const Tensor& a, const Tensor& b) { return a - b; });
  check_binary([](const Tensor& a, const Tensor& b) { return a * b; });
  check_binary([](const Tensor& a, const Tensor& b) { return a / b; });
  check_binary([](const Tensor& a, const Tensor& b) { return pow(a, b); });
  check_binary([](const Tensor& a, const Tensor& b) { return maximum(a, b); });
  check_binary([](const Tensor& a, const Tensor& b) { return minimum(a, b); });
  const Tensor cond = numbers({3, 1}, DType::boolean);
  check([cond](std::span<const Tensor> x) { return std::vector<Tensor>{where(cond, x[0], x[1])}; },
        {positive({2, 3, 5}), positive({5}, Layout::plain, 3)});
}

TEST(Elementwise, OneTensorAsBothOperands) {
  check_unary([](const Tensor& x) { return x * x / (x + x); }, mixed());
}

/// d(sum of f(x))/dx.
template <typename F>
std::vector<double> slope(F f, const std::vector<double>& at) {
  const Tensor x = Tensor::from(at, {static_cast<Index>(at.size())}).requires_grad_();
  sum(f(x)).backward();
  return values(x.grad());
}

TEST(Elementwise, GradientsAtCornersArePyTorchs) {
  const std::vector<double> at{-1, 0, 1};
  EXPECT_EQ(slope([](const Tensor& x) { return abs(x); }, at), (std::vector<double>{-1, 0, 1}));
  EXPECT_EQ(slope([](const Tensor& x) { return relu(x); }, at), (std::vector<double>{0, 0, 1}));
  EXPECT_EQ(slope([](const Tensor& x) { return leaky_relu(x, 0.5); }, at),
            (std::vector<double>{0.5, 0.5, 1}));
  EXPECT_EQ(slope([](const Tensor& x) { return clamp(x, -1, 0); }, at),
            (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(slope([](const Tensor& x) { return clamp(x, -1, kInfinity); }, at),
            (std::vector<double>{0, 1, 1}));
  EXPECT_EQ(slope([](const Tensor& x) { return maximum(x, zeros({1}, DType::float64)); }, at),
            (std::vector<double>{0, 0.5, 1}));
  EXPECT_EQ(slope([](const Tensor& x) { return minimum(x, zeros({1}, DType::float64)); }, at),
            (std::vector<double>{1, 0.5, 0}));
  EXPECT_EQ(slope([](const Tensor& x) { return pow(x, 0); }, at), (std::vector<double>{0, 0, 0}));
  const Tensor zero = zeros({3}, DType::float64);
  EXPECT_EQ(slope([&](const Tensor& y) { return pow(zero, y); }, at),
            (std::vector<double>{-kInfinity, 0, 0}));
  EXPECT_EQ(slope([](const Tensor& y) { return pow(0, y); }, at),
            (std::vector<double>{-kInfinity, 0, 0}));
}

TEST(Elementwise, ClampLeavesInfiniteBoundsOut) {
  const Tensor x = Tensor::from<double>({-3, 0.5, 4}, {3});
  EXPECT_EQ(values(clamp(x, -kInfinity, 1)), (std::vector<double>{-3, 0.5, 1}));
  EXPECT_EQ(values(clamp(x, 0, kInfinity)), (std::vector<double>{0, 0.5, 4}));
  EXPECT_EQ(values(clamp(x, -kInfinity, kInfinity)), values(x));
  EXPECT_FALSE(clamp(x, -kInfinity, kInfinity).is_same(x));
  EXPECT_EQ(clamp(numbers({3}, DType::int64), 0, 2).dtype(), DType::int64);
}

TEST(Elementwise, DTypesPromoteAsInPyTorch) {
  const Tensor i = numbers({2}, DType::int64);
  const Tensor b = numbers({2}, DType::boolean);
  const Tensor f = numbers({2}, DType::float32);
  const Tensor d = numbers({2}, DType::float64);
  EXPECT_EQ((i + f).dtype(), DType::float32);
  EXPECT_EQ((f + d).dtype(), DType::float64);
  EXPECT_EQ((b + i).dtype(), DType::int64);
  EXPECT_EQ((i + 1).dtype(), DType::int64);
  EXPECT_EQ((i + 0.5).dtype(), DType::float32);
  EXPECT_EQ((b * 2).dtype(), DType::int64);
  EXPECT_EQ((f * 0.1).dtype(), DType::float32);
  EXPECT_EQ((i / i).dtype(), DType::float32);
  EXPECT_EQ((i / 2).dtype(), DType::float32);
  EXPECT_EQ(exp(i).dtype(), DType::float32);
  EXPECT_EQ(eq(i, f).dtype(), DType::boolean);
  // A tensor of rank 0 widens only to another kind.
  const Tensor scalar64 = scalar(1, DType::float64);
  EXPECT_EQ((f + scalar64).dtype(), DType::float32);
  EXPECT_EQ((i + scalar64).dtype(), DType::float64);
  EXPECT_EQ((scalar64 + scalar(1, DType::float32)).dtype(), DType::float64);
}

TEST(Elementwise, GradientsComeBackInTheInputsDType) {
  const Tensor a = numbers({3}, DType::float32).requires_grad_();
  const Tensor b = numbers({3}, DType::float64, Layout::plain, 4).requires_grad_();
  sum(a * b).backward();
  EXPECT_EQ(a.grad().dtype(), DType::float32);
  EXPECT_EQ(b.grad().dtype(), DType::float64);
  EXPECT_EQ(values(a.grad()), values(b));
}

TEST(Elementwise, ComparisonsCarryNoGradient) {
  const Tensor x = Tensor::from<double>({1, 2, 3}, {3}).requires_grad_();
  EXPECT_EQ(values(eq(x, 2)), (std::vector<double>{0, 1, 0}));
  EXPECT_EQ(values(ne(x, 2)), (std::vector<double>{1, 0, 1}));
  EXPECT_EQ(values(lt(x, 2)), (std::vector<double>{1, 0, 0}));
  EXPECT_EQ(values(le(x, 2)), (std::vector<double>{1, 1, 0}));
  EXPECT_EQ(values(gt(x, 2)), (std::vector<double>{0, 0, 1}));
  EXPECT_EQ(values(ge(x, 2)), (std::vector<double>{0, 1, 1}));
  EXPECT_EQ(values(logical_not(gt(x, 2))), (std::vector<double>{1, 1, 0}));
  EXPECT_FALSE(gt(x, x).requires_grad());
  EXPECT_EQ(values(gt(numbers({3}, DType::int64), 0.5)),
            values(gt(numbers({3}, DType::float64), 0.5)));
}

TEST(Elementwise, RefusesWhatDoesNotFit) {
  const Tensor x = zeros({2, 3});
  const Tensor b = numbers({2}, DType::boolean);
  EXPECT_THROW(x + zeros({2}), ShapeError);
  EXPECT_THROW(maximum(x, zeros({4})), ShapeError);
  EXPECT_THROW(where(b, zeros({3}), zeros({3})), ShapeError);
  EXPECT_THROW(where(zeros({2}), x, x), DTypeError);
  EXPECT_THROW(b - b, DTypeError);
  EXPECT_THROW(-b, DTypeError);
  EXPECT_THROW(pow(numbers({2}, DType::int64), -1), DTypeError);
  try {
    add(x, zeros({2}));
    FAIL();
  } catch (const ShapeError& error) {
    EXPECT_EQ(std::string(error.what()).find("add:"), 0u) << error.what();
  }
}

TEST(ReluInPlace, DifferentiatesThroughItsResult) {
  check(
      [](std::span<const Tensor> in) {
        Tensor y = in[0] * 2;
        leaky_relu_(y, 0.5);
        return std::vector<Tensor>{y * in[0]};
      },
      {mixed()});
}

TEST(ReluInPlace, DifferentiatesOnAView) {
  check(
      [](std::span<const Tensor> in) {
        Tensor y = in[0] * 2;
        Tensor part = y.narrow(2, 1, 3);
        relu_(part);
        return std::vector<Tensor>{y * y};
      },
      {mixed()});
}

TEST(ReluInPlace, NoticesThatItsResultWasChanged) {
  Tensor y = mixed() * 2;
  relu_(y);
  leaky_relu_(y);
  EXPECT_THROW(sum(y).backward(), AutogradError);
}

/// As in PyTorch: their rules keep what they read.
TEST(Elementwise, QuotientsAndLeakyReluMayBeChangedAfterwards) {
  const std::function<Tensor(const Tensor&)> inputs[] = {
      [](const Tensor& x) { return x * 2.0; }, [](const Tensor& x) { return x; },
      [](const Tensor& x) { return x.narrow(0, 1, 2); }};
  const auto x_gradient = [](const auto& input, const auto& f, bool changed) {
    const Tensor x = Tensor::from<double>({1.5, -2, 3}, {3}).requires_grad_();
    Tensor y = f(input(x));
    if (changed) y.mul_(1.0);
    sum(y).backward();
    return x.grad().to_vector<double>();
  };
  const std::function<Tensor(const Tensor&)> functions[] = {
      [](const Tensor& x) { return (x + 1.0) / x; }, [](const Tensor& x) { return 1.0 / x; },
      [](const Tensor& x) { return leaky_relu(x, 0.1); },
      [](const Tensor& x) { return leaky_relu(x, -0.1); }};
  for (const auto& input : inputs) {
    for (const auto& f : functions) {
      EXPECT_EQ(x_gradient(input, f, true), x_gradient(input, f, false));
    }
  }
}

TEST(ReluInPlace, WritesTheTensorItself) {
  Tensor x = Tensor::from<float>({-2, 3}, {2});
  EXPECT_TRUE(relu_(x).is_same(x));
  EXPECT_EQ(values(x), (std::vector<double>{0, 3}));
}

TEST(ReluInPlace, RefusesLeavesAndNegativeSlopes) {
  Tensor leaf = mixed();
  EXPECT_THROW(relu_(leaf), AutogradError);
  Tensor y = leaf * 2;
  EXPECT_THROW(leaky_relu_(y, -1), AutogradError);
  const NoGrad values_only;
  EXPECT_NO_THROW(leaky_relu_(y, -1));
}

TEST(Relu, PassesARecipeOn) {
  const Tensor x = mixed();
  const Tensor w = positive();
  Tensor y = x * 3;  // stands for a norm, whose output can be computed again
  std::vector<SavedTensor> inputs;
  inputs.emplace_back(x);
  attach_recipe(y, std::move(inputs), [](std::span<const Tensor> in) { return mul(in[0], 3); });
  relu_(y);
  std::weak_ptr<Storage> storage = y.impl()->storage();
  Tensor loss = sum(y * w);
  y = Tensor();
  EXPECT_TRUE(storage.expired()) << "the activation was kept although it can be computed again";
  loss.backward();
  EXPECT_EQ(values(w.grad()), values(relu(x.detach() * 3)));
  EXPECT_EQ(values(x.grad()), values(where(gt(x, 0), w.detach() * 3, 0.0)));
}

}  // namespace
}  // namespace voxgrad
