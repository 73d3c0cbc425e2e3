#include <voxgrad/ops/elementwise.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <voxgrad/core/error.h>

#include "tests/ops/layouts.h"

namespace voxgrad::ops {
namespace {

using namespace voxgrad::testing;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// What a C++ expression on doubles gives, in the dtype.
double as_dtype(double value, DType dtype) {
  return visit_dtype(dtype, [&]<typename T>() {
    if constexpr (std::is_same_v<T, std::uint8_t>) {
      return static_cast<double>(static_cast<T>(static_cast<int>(value)));
    } else if constexpr (std::is_same_v<T, bool>) {
      return value != 0 ? 1.0 : 0.0;
    } else {
      return static_cast<double>(static_cast<T>(value));
    }
  });
}

void expect_unary(UnaryOp op, const Tensor& x, double (*expected)(double)) {
  const std::vector<double> result = values(unary(op, x));
  const std::vector<double> input = values(x);
  for (std::size_t i = 0; i < input.size(); ++i) {
    EXPECT_EQ(result[i], as_dtype(expected(input[i]), x.dtype()))
        << "op " << static_cast<int>(op) << " of " << input[i] << " as " << name(x.dtype());
  }
}

TEST(Unary, ComputesEveryDTypeInEveryLayout) {
  for (const Layout layout : kAllLayouts) {
    for (const DType dtype : kAllDTypes) {
      const Tensor x = numbers({2, 3, 5, 7}, dtype, layout);
      expect_unary(UnaryOp::square, x, [](double v) { return v * v; });
      expect_unary(UnaryOp::relu, x, [](double v) { return v > 0 ? v : 0; });
      expect_unary(UnaryOp::sign, x, [](double v) { return v > 0 ? 1.0 : v < 0 ? -1.0 : 0.0; });
      if (dtype == DType::boolean) continue;
      expect_unary(UnaryOp::abs, x, [](double v) { return std::abs(v); });
      expect_unary(UnaryOp::negate, x, [](double v) { return -v; });
    }
  }
}

TEST(Unary, RealFunctionsAgreeWithTheStandardLibrary) {
  const Tensor x = Tensor::from<double>({-2.5, -0.5, 0, 0.5, 1.5, 2.5}, {6});
  expect_unary(UnaryOp::exp, x, [](double v) { return std::exp(v); });
  expect_unary(UnaryOp::expm1, x, [](double v) { return std::expm1(v); });
  expect_unary(UnaryOp::sin, x, [](double v) { return std::sin(v); });
  expect_unary(UnaryOp::cos, x, [](double v) { return std::cos(v); });
  expect_unary(UnaryOp::tanh, x, [](double v) { return std::tanh(v); });
  expect_unary(UnaryOp::reciprocal, x, [](double v) { return 1 / v; });
  expect_unary(UnaryOp::floor, x, [](double v) { return std::floor(v); });
  expect_unary(UnaryOp::ceil, x, [](double v) { return std::ceil(v); });
  expect_unary(UnaryOp::round, x, [](double v) { return std::nearbyint(v); });
  const Tensor y = Tensor::from<double>({0.25, 0.5, 3}, {3});
  expect_unary(UnaryOp::log, y, [](double v) { return std::log(v); });
  expect_unary(UnaryOp::log1p, y, [](double v) { return std::log1p(v); });
  expect_unary(UnaryOp::sqrt, y, [](double v) { return std::sqrt(v); });
}

TEST(Unary, SigmoidAndExpHoldInFloat32AtTheEnds) {
  const Tensor x = Tensor::from<float>({-200, -100, -1, 0, 1, 100, 200}, {7});
  const auto sigmoid = unary(UnaryOp::sigmoid, x).to_vector<float>();
  const auto exp = unary(UnaryOp::exp, x).to_vector<float>();
  const auto input = x.to_vector<float>();
  for (std::size_t i = 0; i < input.size(); ++i) {
    EXPECT_NEAR(sigmoid[i], 1 / (1 + std::exp(-static_cast<double>(input[i]))), 1e-7) << input[i];
    EXPECT_FLOAT_EQ(exp[i], std::exp(input[i])) << input[i];
  }
}

TEST(Unary, NanPassesThroughRelu) {
  const Tensor x = Tensor::from<float>({static_cast<float>(kNan)}, {1});
  EXPECT_TRUE(std::isnan(unary(UnaryOp::relu, x).item()));
  EXPECT_TRUE(std::isnan(unary(UnaryOp::leaky_relu, x, 0.1).item()));
  EXPECT_EQ(unary(UnaryOp::sign, x).item(), 0);
  EXPECT_EQ(unary(UnaryOp::is_nan, x).item(), 1);
}

TEST(Unary, LeakyReluScalesWhatIsBelowZero) {
  const Tensor x = Tensor::from<float>({-2, 0, 3}, {3});
  EXPECT_EQ(unary(UnaryOp::leaky_relu, x, 0.25).to_vector<float>(),
            (std::vector<float>{-0.5, 0, 3}));
}

TEST(Unary, KeepsTheMemoryOrder) {
  const Tensor x = numbers({2, 3, 5, 7}, DType::float32, Layout::channels_last);
  EXPECT_TRUE(unary(UnaryOp::relu, x).is_channels_last());
  const Tensor y = numbers({2, 3, 5, 7}, DType::float32, Layout::reversed);
  EXPECT_EQ(unary(UnaryOp::relu, y).strides(), y.strides());
}

TEST(Elementwise, OperationsHaveNames) {
  EXPECT_EQ(name(UnaryOp::negate), "negate");
  EXPECT_EQ(name(UnaryOp::exp), "exp");
  EXPECT_EQ(name(UnaryOp::trunc), "trunc");
  EXPECT_EQ(name(BinaryOp::floor_divide), "floor_divide");
  EXPECT_EQ(name(BinaryOp::greater_equal), "greater_equal");
  try {
    unary(UnaryOp::sqrt, Tensor::empty({2}, DType::int32));
    FAIL();
  } catch (const DTypeError& error) {
    EXPECT_EQ(std::string(error.what()).substr(0, 6), "sqrt: ");
  }
}

TEST(Unary, RealFunctionsRefuseIntegers) {
  EXPECT_THROW(unary(UnaryOp::exp, numbers({3}, DType::int64)), DTypeError);
}

TEST(Unary, WorksInPlaceAndRaisesTheVersion) {
  Tensor x = Tensor::from<float>({-1, 2, -3}, {3});
  const auto before = x.version();
  unary_into(UnaryOp::relu, x, x);
  EXPECT_EQ(x.to_vector<float>(), (std::vector<float>{0, 2, 0}));
  EXPECT_GT(x.version(), before);
}

struct BinaryCase {
  BinaryOp op;
  double (*expected)(double, double);
};

constexpr BinaryCase kBinaryCases[] = {
    {BinaryOp::add, [](double a, double b) { return a + b; }},
    {BinaryOp::mul, [](double a, double b) { return a * b; }},
    {BinaryOp::maximum, [](double a, double b) { return a > b ? a : b; }},
    {BinaryOp::minimum, [](double a, double b) { return a < b ? a : b; }},
    {BinaryOp::equal, [](double a, double b) { return a == b ? 1.0 : 0.0; }},
    {BinaryOp::not_equal, [](double a, double b) { return a != b ? 1.0 : 0.0; }},
    {BinaryOp::less, [](double a, double b) { return a < b ? 1.0 : 0.0; }},
    {BinaryOp::less_equal, [](double a, double b) { return a <= b ? 1.0 : 0.0; }},
    {BinaryOp::greater, [](double a, double b) { return a > b ? 1.0 : 0.0; }},
    {BinaryOp::greater_equal, [](double a, double b) { return a >= b ? 1.0 : 0.0; }},
};

void expect_binary(const BinaryCase& c, const Tensor& a, const Tensor& b) {
  const Tensor result = binary(c.op, a, b);
  EXPECT_EQ(result.dtype(), gives_boolean(c.op) ? DType::boolean : a.dtype());
  const std::vector<double> found = values(result);
  std::size_t i = 0;
  for (const auto& index : indices(broadcast_shape("test", a.shape(), b.shape()))) {
    const double x = broadcast_value(a, index);
    const double y = broadcast_value(b, index);
    ASSERT_EQ(found.at(i++), as_dtype(c.expected(x, y), result.dtype()))
        << "op " << static_cast<int>(c.op) << " of " << x << " and " << y << " as "
        << name(a.dtype());
  }
  EXPECT_EQ(i, found.size());
}

TEST(Binary, ComputesEveryDTypeInEveryPairOfLayouts) {
  for (const BinaryCase& c : kBinaryCases) {
    for (const DType dtype : kAllDTypes) {
      for (const Layout first : kAllLayouts) {
        for (const Layout second : kAllLayouts) {
          expect_binary(c, numbers({2, 3, 5, 7}, dtype, first),
                        numbers({2, 3, 5, 7}, dtype, second, 99));
        }
      }
    }
  }
}

TEST(Binary, Broadcasts) {
  const Shape shapes[] = {{2, 3, 5, 7}, {3, 1, 7}, {1, 3, 1, 1}, {7}, {}, {2, 1, 1, 1}, {1}};
  for (const BinaryCase& c : kBinaryCases) {
    for (const Shape& a : shapes) {
      for (const Shape& b : shapes) {
        for (const Layout layout : kAllLayouts) {
          expect_binary(c, numbers(a, DType::float64, layout),
                        numbers(b, DType::float64, layout, 7));
        }
      }
    }
  }
}

TEST(Binary, EmptyGivesEmpty) {
  EXPECT_EQ(binary(BinaryOp::add, numbers({2, 0, 3}), numbers({3})).shape(), (Shape{2, 0, 3}));
  EXPECT_EQ(binary(BinaryOp::add, numbers({0}), numbers({1})).shape(), Shape{0});
}

TEST(Binary, LargeOperandsOfDifferentLayoutsAgreeWithElementwiseValues) {
  const Tensor a = numbers({2, 8, 40, 40}, DType::float32, Layout::channels_last);
  const Tensor b = numbers({2, 8, 40, 40}, DType::float32, Layout::plain, 5);
  expect_binary(kBinaryCases[0], a, b);
  expect_binary(kBinaryCases[0], b, a);
  EXPECT_TRUE(binary(BinaryOp::add, a, b).is_channels_last());
  EXPECT_TRUE(binary(BinaryOp::add, b, a).is_contiguous());
}

TEST(Binary, IntegersWrapAround) {
  constexpr auto kLargest = std::numeric_limits<std::int64_t>::max();
  const Tensor a = Tensor::from<std::int64_t>({kLargest}, {1});
  const Tensor one = Tensor::from<std::int64_t>({1}, {1});
  EXPECT_EQ(binary(BinaryOp::add, a, one).to_vector<std::int64_t>()[0],
            std::numeric_limits<std::int64_t>::min());
  const Tensor b = Tensor::from<std::uint8_t>({3}, {1});
  const Tensor c = Tensor::from<std::uint8_t>({5}, {1});
  EXPECT_EQ(binary(BinaryOp::sub, b, c).item(), 254);
}

TEST(Binary, PowersOfIntegersAreExact) {
  const Tensor a = Tensor::from<std::int64_t>({3, -3, 0, 2}, {4});
  const Tensor b = Tensor::from<std::int64_t>({39, 3, 0, 62}, {4});
  EXPECT_EQ(binary(BinaryOp::pow, a, b).to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{4052555153018976267, -27, 1, std::int64_t{1} << 62}));
}

TEST(Binary, NegativePowersOfIntegersAreWholeForOneAndMinusOneOnly) {
  const Tensor a = Tensor::from<std::int32_t>({1, -1, -1, 2, -2, 0}, {6});
  const Tensor b = Tensor::from<std::int32_t>({-3, -3, -4, -1, -1, -1}, {6});
  EXPECT_EQ(values(binary(BinaryOp::pow, a, b)), (std::vector<double>{1, -1, 1, 0, 0, 0}));
}

TEST(Binary, ExtremaPropagateNan) {
  const Tensor a = Tensor::from<double>({kNan, 1, kInfinity}, {3});
  const Tensor b = Tensor::from<double>({1, kNan, 2}, {3});
  for (const BinaryOp op : {BinaryOp::maximum, BinaryOp::minimum}) {
    const std::vector<double> result = values(binary(op, a, b));
    EXPECT_TRUE(std::isnan(result[0]));
    EXPECT_TRUE(std::isnan(result[1]));
  }
}

TEST(Binary, GateAndGradientKernels) {
  const Tensor g = Tensor::from<double>({2, 3, 5}, {3});
  const Tensor y = Tensor::from<double>({-1, 0, 0.5}, {3});
  EXPECT_EQ(values(binary(BinaryOp::gate, g, y)), (std::vector<double>{0, 0, 5}));
  EXPECT_EQ(values(binary(BinaryOp::gate, g, y, 0.5)), (std::vector<double>{1, 1.5, 5}));
  EXPECT_EQ(values(binary(BinaryOp::sigmoid_gradient, g, y)), (std::vector<double>{-4, 0, 1.25}));
  EXPECT_EQ(values(binary(BinaryOp::tanh_gradient, g, y)), (std::vector<double>{0, 3, 3.75}));
}

TEST(Binary, ReluGateLetsTheGradientThroughWhereTheResultIsNan) {
  const Tensor g = Tensor::from<double>({2, 3}, {2});
  const Tensor y = Tensor::from<double>({kNan, -1}, {2});
  EXPECT_EQ(values(binary(BinaryOp::gate, g, y)), (std::vector<double>{2, 0}));
}

TEST(Binary, WritesInPlaceOverEitherOperand) {
  Tensor a = numbers({3, 5});
  const Tensor b = numbers({3, 5}, DType::float32, Layout::reversed, 3);
  const Tensor expected = binary(BinaryOp::sub, a, b);
  Tensor c = numbers({3, 5}, DType::float32, Layout::reversed, 3);
  binary_into(BinaryOp::sub, a, c, c);
  binary_into(BinaryOp::sub, a, b, a);
  EXPECT_EQ(values(a), values(expected));
  EXPECT_EQ(values(c), values(expected));
}

TEST(Where, ChoosesAndBroadcasts) {
  for (const DType dtype : kAllDTypes) {
    for (const Layout layout : kAllLayouts) {
      const Tensor cond = numbers({3, 1}, DType::boolean, layout);
      const Tensor a = numbers({2, 3, 5}, dtype, layout, 1);
      const Tensor b = numbers({5}, dtype, layout, 2);
      const std::vector<double> result = values(where(cond, a, b));
      std::size_t i = 0;
      for (const auto& index : indices({2, 3, 5})) {
        EXPECT_EQ(result.at(i++),
                  broadcast_value(broadcast_value(cond, index) != 0 ? a : b, index));
      }
    }
  }
}

TEST(AddScaled, AddsInPlace) {
  for (const DType dtype : {DType::float32, DType::float64, DType::int64, DType::int32}) {
    for (const Layout layout : kAllLayouts) {
      Tensor a = numbers({2, 3, 5}, dtype, layout);
      const std::vector<double> before = values(a);
      const Tensor b = numbers({3, 1}, dtype, layout, 9);
      add_scaled_into(a, b, -2);
      const std::vector<double> after = values(a);
      std::size_t i = 0;
      for (const auto& index : indices({2, 3, 5})) {
        EXPECT_EQ(after.at(i), before.at(i) - 2 * broadcast_value(b, index));
        ++i;
      }
    }
  }
}

TEST(Scalar, HasRankZero) {
  EXPECT_EQ(scalar(2.5, DType::float64, {}).shape(), Shape{});
  EXPECT_EQ(scalar(2.5, DType::float64, {}).item(), 2.5);
  EXPECT_EQ(scalar(-3, DType::int32, {}).item(), -3);
}

TEST(Elementwise, SameBitsForAnyNumberOfThreads) {
  const Tensor x = noise({3, 7, 41, 113});
  const Tensor y = noise({7, 1, 113});
  EXPECT_TRUE(same_on_any_threads([&] { return unary(UnaryOp::sigmoid, x); }));
  EXPECT_TRUE(same_on_any_threads([&] { return binary(BinaryOp::div, x, y); }));
}

TEST(Elementwise, ResultsOfCutsKeepTheirOrder) {
  const Tensor x = Tensor::empty_channels_last({2, 6, 3, 5, 7}, DType::float32, {});
  const Tensor product = binary(BinaryOp::mul, x.narrow(1, 0, 3), x.narrow(1, 3, 3));
  EXPECT_EQ(product.stride(1), 1);
  EXPECT_TRUE(product.is_dense());
}

}  // namespace
}  // namespace voxgrad::ops
