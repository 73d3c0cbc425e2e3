#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/core/error.h>

#include "tests/ops/layouts.h"

namespace voxgrad {
namespace {

using namespace voxgrad::testing;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Tensor row(const std::vector<double>& data) {
  return Tensor::from(data, {static_cast<Index>(data.size())});
}

Tensor whole(const std::vector<std::int64_t>& data) {
  return Tensor::from(data, {static_cast<Index>(data.size())});
}

void check(const std::function<Tensor(std::span<const Tensor>)>& f,
           const std::vector<Tensor>& inputs) {
  const TensorFunction g = [&](std::span<const Tensor> in) { return std::vector<Tensor>{f(in)}; };
  gradcheck(g, inputs);
  gradgradcheck(g, inputs);
}

Tensor leaf(const std::vector<double>& data, const Shape& shape) {
  return Tensor::from(data, shape).requires_grad_();
}

TEST(Arithmetic, IntegerQuotientsAreRoundedAsAsked) {
  const Tensor a = whole({7, -7, 7, -7, 6, -6}), b = whole({2, 2, -2, -2, 3, 3});
  EXPECT_EQ(values(floor_divide(a, b)), (std::vector<double>{3, -4, -4, 3, 2, -2}));
  EXPECT_EQ(values(div(a, b, Rounding::trunc)), (std::vector<double>{3, -3, -3, 3, 2, -2}));
  EXPECT_EQ(values(remainder(a, b)), (std::vector<double>{1, 1, -1, -1, 0, 0}));
  EXPECT_EQ(values(fmod(a, b)), (std::vector<double>{1, -1, 1, -1, 0, 0}));
  EXPECT_EQ(floor_divide(a, b).dtype(), DType::int64);
  EXPECT_EQ(div(a, b, Rounding::none).dtype(), DType::float32);
  EXPECT_EQ(floor_divide(a, 2).dtype(), DType::int64);
  EXPECT_EQ(floor_divide(a, 2.5).dtype(), DType::float32);
  EXPECT_EQ(values(remainder(7, whole({4, -4}))), (std::vector<double>{3, -1}));
  EXPECT_EQ(values(floor_divide(7, whole({4, -4}))), (std::vector<double>{1, -2}));
  EXPECT_EQ(values(fmod(a, 4.0)), (std::vector<double>{3, -3, 3, -3, 2, -2}));
  EXPECT_EQ(values(floor_divide(numbers({3}, DType::uint8), 3)).size(), 3u);
}

TEST(Arithmetic, IntegerDivisionNeverTraps) {
  const Tensor least = whole({INT64_MIN, 5});
  EXPECT_EQ(floor_divide(least, -1).to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{INT64_MIN, -5}));
  EXPECT_EQ(values(remainder(least, -1)), (std::vector<double>{0, 0}));
  const Tensor narrow = Tensor::from<std::int32_t>({INT32_MIN}, {1});
  EXPECT_EQ(div(narrow, -1, Rounding::trunc).item(), static_cast<double>(INT32_MIN));
  EXPECT_THROW(floor_divide(least, 0), Error);
  EXPECT_THROW(div(least, whole({1, 0}), Rounding::trunc), Error);
  EXPECT_THROW(remainder(1, whole({1, 0})), Error);
  EXPECT_THROW(fmod(least, 0), Error);
  EXPECT_EQ(floor_divide(zeros({0}, DType::int64), zeros({0}, DType::int64)).numel(), 0);
  EXPECT_THROW(floor_divide(ones({1}, DType::boolean), ones({1}, DType::boolean)), DTypeError);
}

TEST(Arithmetic, FloatingQuotientsAreRoundedAsAsked) {
  const Tensor a = row({7, -7, 7, -7, 1, -1, 0}), b = row({2, 2, -2, -2, 0, 0, 0});
  const std::vector<double> floors = values(floor_divide(a, b));
  EXPECT_EQ((std::vector<double>(floors.begin(), floors.end() - 1)),
            (std::vector<double>{3, -4, -4, 3, kInfinity, -kInfinity}));
  EXPECT_TRUE(std::isnan(floors.back()));
  // 1 / 0.1 is 10 when rounded, but 0.1 is a little more than a tenth.
  EXPECT_EQ(floor_divide(row({1}), row({0.1})).item(), 9);
  EXPECT_EQ(values(remainder(row({5.5, -5.5}), 2)), (std::vector<double>{1.5, 0.5}));
  EXPECT_EQ(values(fmod(row({5.5, -5.5}), 2)), (std::vector<double>{1.5, -1.5}));
  EXPECT_TRUE(std::isnan(remainder(row({1}), 0).item()));
}

TEST(Arithmetic, Derivatives) {
  const Tensor a = leaf({1.3, -0.7, 2.6, 0.4, -1.8, 3.1}, {2, 3}), b = leaf({0.8, -1.1, 0.9}, {3});
  const Tensor weight = leaf({0.3, 0.6}, {2, 1});
  check([](auto x) { return atan2(x[0], x[1]); }, {a, b});
  check([](auto x) { return remainder(x[0], x[1]); }, {a, b});
  check([](auto x) { return fmod(x[0], x[1]); }, {a, b});
  check([](auto x) { return remainder(x[0], 0.75); }, {a});
  check([](auto x) { return mul(x[0], floor_divide(x[0], x[1])); }, {a, b});
  check([](auto x) { return mul(x[1], div(x[0], x[1], Rounding::trunc)); }, {a, b});
  check([](auto x) { return lerp(x[0], x[1], 0.3); }, {a, b});
  check([](auto x) { return lerp(x[0], x[1], 0.8); }, {a, b});
  check([](auto x) { return lerp(x[0], x[1], x[2]); }, {a, b, weight});
  check([](auto x) { return addcmul(x[0], x[1], x[2], 0.7); }, {a, b, weight});
  check([](auto x) { return addcdiv(x[0], x[1], x[2], 0.7); }, {a, b, weight});
  check([](auto x) { return pow(1.7, x[0]); }, {a});
  check([](auto x) { return nan_to_num(square(x[0])); }, {a});
  check([](auto x) { return square(clamp(x[0], x[1], x[2])); }, {a, b, leaf({0.5, -2}, {2, 1})});
  check([](auto x) { return square(clamp(x[0], x[1], Tensor{})); }, {a, b});
  check([](auto x) { return square(clamp(x[0], Tensor{}, x[1])); }, {a, b});
}

/// Gradients of clamp in x, low and high.
std::vector<std::vector<double>> clamp_slopes(const std::vector<std::vector<double>>& at) {
  std::vector<Tensor> t;
  for (const auto& each : at) t.push_back(leaf(each, {static_cast<Index>(each.size())}));
  sum(clamp(t[0], t[1], t[2])).backward();
  return {values(t[0].grad()), values(t[1].grad()), values(t[2].grad())};
}

TEST(Arithmetic, ClampSharesItsGradientWithBoundsThatAreTensors) {
  EXPECT_EQ(clamp_slopes({{-2, -1, 0, 1, 2}, {-1, -1, -1, -1, -1}, {1, 1, 1, 1, 1}}),
            (std::vector<std::vector<double>>{
                {0, 0.5, 1, 0.5, 0}, {1, 0.5, 0, 0, 0}, {0, 0, 0, 0.5, 1}}));
  EXPECT_EQ(clamp_slopes({{0, 1, 2}, {1, 1, 1}, {1, 1, 1}}),  // equal bounds
            (std::vector<std::vector<double>>{{0, 1, 0}, {1, 0, 0}, {0, 0, 1}}));
  EXPECT_EQ(clamp_slopes({{-2, 0, 2}, {1, 1, 1}, {-1, -1, -1}}),  // in the wrong order
            (std::vector<std::vector<double>>{{0, 0, 0}, {0, 0, 0}, {1, 1, 1}}));
  EXPECT_EQ(clamp_slopes({{kNan, 0, 0}, {-1, kNan, 0}, {1, 1, kNan}}),
            (std::vector<std::vector<double>>{{1, 1, 1}, {0, 0, 0}, {0, 0, 0}}));
}

TEST(Arithmetic, ValuesOfComposedFunctions) {
  EXPECT_EQ(values(lerp(row({1, 2}), row({3, 6}), 0.25)), (std::vector<double>{1.5, 3}));
  EXPECT_EQ(values(lerp(row({1, 2}), row({3, 6}), row({0, 1}))), (std::vector<double>{1, 6}));
  EXPECT_EQ(values(addcmul(row({1}), row({2}), row({3}), 2)), std::vector<double>{13});
  EXPECT_EQ(values(addcdiv(row({1}), row({6}), row({3}), 2)), std::vector<double>{5});
  EXPECT_EQ(values(clamp(row({-2, 0, 2}), row({-1}), row({1, 1, -3}))),
            (std::vector<double>{-1, 0, -3}));
  EXPECT_EQ(clamp(whole({1}), row({0.5}), Tensor{}).dtype(), DType::float64);
  EXPECT_EQ(values(nan_to_num(row({kNan, kInfinity, -kInfinity, 3}), 7, 8)),
            (std::vector<double>{7, 8, std::numeric_limits<double>::lowest(), 3}));
  EXPECT_EQ(atan2(row({0}), row({-1})).item(), std::atan2(0, -1));
  const Tensor origin = leaf({0}, {1}), other = leaf({0}, {1});
  atan2(origin, other).backward();
  EXPECT_EQ(origin.grad().item(), 0);
  EXPECT_EQ(values(pow(2, whole({0, 3, 5}))), (std::vector<double>{1, 8, 32}));
  const Tensor exponent = leaf({2}, {1});
  pow(0.0, exponent).backward();
  EXPECT_EQ(exponent.grad().item(), 0);
}

TEST(Arithmetic, LogicAndBits) {
  const Tensor a = row({0, 2, 0, kNan}), b = row({0, 0, 3, 1});
  EXPECT_EQ(values(logical_and(a, b)), (std::vector<double>{0, 0, 0, 1}));
  EXPECT_EQ(values(logical_or(a, b)), (std::vector<double>{0, 1, 1, 1}));
  EXPECT_EQ(values(logical_xor(a, b)), (std::vector<double>{0, 1, 1, 0}));
  EXPECT_EQ(logical_and(a, b).dtype(), DType::boolean);
  const Tensor x = whole({12, -1}), y = Tensor::from<std::uint8_t>({10, 255}, {2});
  EXPECT_EQ(values(bitwise_and(x, y)), (std::vector<double>{8, 255}));
  EXPECT_EQ(values(bitwise_or(x, y)), (std::vector<double>{14, -1}));
  EXPECT_EQ(values(bitwise_xor(x, y)), (std::vector<double>{6, -256}));
  EXPECT_EQ(values(bitwise_not(x)), (std::vector<double>{-13, 0}));
  EXPECT_EQ(values(bitwise_not(y)), (std::vector<double>{245, 0}));
  EXPECT_EQ(values(bitwise_not(gt(x, 0))), (std::vector<double>{0, 1}));
  EXPECT_EQ(bitwise_xor(gt(x, 0), gt(x, 0)).dtype(), DType::boolean);
  EXPECT_THROW(bitwise_and(a, b), DTypeError);
  EXPECT_THROW(bitwise_not(a), DTypeError);
}

TEST(Arithmetic, ClosenessAndEquality) {
  const Tensor a = row({1, kInfinity, kNan, 1, kInfinity});
  const Tensor b = row({1 + 1e-9, kInfinity, kNan, 1.1, 3});
  EXPECT_EQ(values(isclose(a, b)), (std::vector<double>{1, 1, 0, 0, 0}));
  EXPECT_EQ(values(isclose(a, b, 0.2, 0, true)), (std::vector<double>{1, 1, 1, 1, 0}));
  EXPECT_TRUE(allclose(row({1, 2}), row({1, 2})));
  EXPECT_FALSE(allclose(a, b));
  EXPECT_TRUE(equal(whole({1, 2}), whole({1, 2})));
  EXPECT_FALSE(equal(whole({1, 2}), whole({1, 3})));
  EXPECT_FALSE(equal(whole({1}), whole({1, 1})));
  EXPECT_TRUE(equal(zeros({0}), zeros({0})));
  EXPECT_EQ(values(isinf(a)), (std::vector<double>{0, 1, 0, 0, 1}));
  EXPECT_EQ(values(isfinite(a)), (std::vector<double>{1, 0, 0, 1, 0}));
  EXPECT_EQ(values(isfinite(whole({5}))), std::vector<double>{1});
  EXPECT_EQ(values(isinf(whole({5}))), std::vector<double>{0});
}

}  // namespace
}  // namespace voxgrad
