// Division with rounding and bits, of ops/cpu/divide.cpp.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <voxgrad/core/error.h>
#include <voxgrad/ops/elementwise.h>

#include "tests/ops/layouts.h"

namespace voxgrad::ops {
namespace {

using namespace voxgrad::testing;

struct Case {
  BinaryOp op;
  double (*expected)(double, double);
};

void expect(const Case& c, const Tensor& a, const Tensor& b) {
  const std::vector<double> found = values(binary(c.op, a, b));
  std::size_t i = 0;
  for (const auto& index : indices(a.shape())) {
    EXPECT_EQ(found.at(i++), c.expected(broadcast_value(a, index), broadcast_value(b, index)));
  }
}

/// numbers() without zeros.
Tensor divisors(const Shape& shape, DType dtype, Layout layout) {
  Tensor x = numbers(shape, dtype, layout, 70);
  visit_dtype(dtype, [&]<typename T>() {
    T* data = x.mutable_data<T>();
    for (const auto& index : indices(shape)) {
      T& value = data[offset(index, x.strides())];
      if (value == T(0)) value = T(3);
    }
  });
  return x;
}

TEST(Divide, RoundsEveryDTypeInEveryLayout) {
  // Small whole numbers: quotients in double are exact or far enough from whole numbers.
  constexpr Case kCases[] = {
      {BinaryOp::floor_divide, [](double a, double b) { return std::floor(a / b); }},
      {BinaryOp::trunc_divide, [](double a, double b) { return std::trunc(a / b); }},
      {BinaryOp::remainder, [](double a, double b) { return a - std::floor(a / b) * b; }},
      {BinaryOp::fmod, [](double a, double b) { return a - std::trunc(a / b) * b; }},
  };
  for (const DType dtype : kAllDTypes) {
    if (dtype == DType::boolean) continue;
    for (const Layout layout : kAllLayouts) {
      const Tensor a = numbers({3, 4, 11}, dtype, Layout::plain);
      const Tensor b = divisors({3, 4, 11}, dtype, layout);
      for (const Case& c : kCases) expect(c, a, b);
    }
  }
}

std::int64_t whole(double x) { return static_cast<std::int64_t>(x); }

TEST(Divide, CombinesBitsOfEveryDTypeInEveryLayout) {
  constexpr Case kCases[] = {
      {BinaryOp::bit_and, [](double a, double b) { return double(whole(a) & whole(b)); }},
      {BinaryOp::bit_or, [](double a, double b) { return double(whole(a) | whole(b)); }},
      {BinaryOp::bit_xor, [](double a, double b) { return double(whole(a) ^ whole(b)); }},
  };
  for (const DType dtype : {DType::int64, DType::int32, DType::uint8, DType::boolean}) {
    for (const Layout layout : kAllLayouts) {
      const Tensor a = numbers({3, 4, 11}, dtype, Layout::plain);
      for (const Case& c : kCases) expect(c, a, numbers({3, 4, 11}, dtype, layout, 70));
    }
  }
}

TEST(Divide, SignedZerosAndInfinities) {
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor a = Tensor::from<double>({-1, 1, 5, -5, infinity}, {5});
  const Tensor b = Tensor::from<double>({infinity, -infinity, infinity, infinity, 2}, {5});
  const std::vector<double> floors = values(binary(BinaryOp::floor_divide, a, b));
  EXPECT_EQ((std::vector<double>(floors.begin(), floors.end() - 1)),
            (std::vector<double>{-1, -1, 0, -1}));
  EXPECT_TRUE(std::isnan(floors.back()));
  const Tensor zero = Tensor::from<double>({-0.0, 0.0}, {2}),
               two = Tensor::from<double>({2, -2}, {2});
  for (const double quotient : values(binary(BinaryOp::floor_divide, zero, two))) {
    EXPECT_TRUE(quotient == 0 && std::signbit(quotient));
  }
}

TEST(Divide, RefusesDTypesWithoutTheOperation) {
  const Tensor flags = numbers({2}, DType::boolean), real = numbers({2}, DType::float32);
  EXPECT_THROW(binary(BinaryOp::floor_divide, flags, flags), DTypeError);
  EXPECT_THROW(binary(BinaryOp::remainder, flags, flags), DTypeError);
  EXPECT_THROW(binary(BinaryOp::bit_and, real, real), DTypeError);
}

}  // namespace
}  // namespace voxgrad::ops
