#include <voxgrad/ops/matmul.h>

#include <gtest/gtest.h>

#include <thread>

#include "tests/ops/layouts.h"

namespace voxgrad::ops {
namespace {

using namespace voxgrad::testing;

double product_at(const Tensor& a, const Tensor& b, const std::vector<Index>& index) {
  const std::size_t rank = index.size();
  double sum = 0;
  for (Index k = 0; k < a.size(-1); ++k) {
    auto left = index, right = index;
    left[rank - 1] = k;
    right[rank - 2] = k;
    sum += broadcast_value(a, left) * broadcast_value(b, right);
  }
  return sum;
}

void expect_product(const Tensor& a, const Tensor& b, const Shape& shape) {
  const Tensor product = matmul(a, b);
  ASSERT_EQ(product.shape(), shape);
  EXPECT_TRUE(product.is_contiguous());
  const std::vector<double> found = values(product);
  std::size_t i = 0;
  for (const auto& index : indices(shape)) ASSERT_EQ(found.at(i++), product_at(a, b, index));
}

// Small whole numbers: every order of summation is exact.
TEST(Matmul, FollowsTheDefinitionInEveryPairOfLayouts) {
  for (const DType dtype : {DType::float32, DType::float64, DType::int64, DType::int32}) {
    for (const Layout first : kAllLayouts) {
      for (const Layout second : kAllLayouts) {
        expect_product(numbers({3, 5}, dtype, first), numbers({5, 7}, dtype, second, 9), {3, 7});
        expect_product(numbers({2, 3, 5}, dtype, first), numbers({2, 5, 7}, dtype, second, 9),
                       {2, 3, 7});
      }
    }
  }
}

TEST(Matmul, BroadcastsBatches) {
  expect_product(numbers({4, 1, 3, 5}), numbers({2, 5, 7}), {4, 2, 3, 7});
  expect_product(numbers({3, 5}), numbers({2, 5, 7}), {2, 3, 7});
  expect_product(numbers({2, 3, 5}), numbers({5, 7}), {2, 3, 7});
}

TEST(Matmul, IntegersWrapAround) {
  const Tensor bytes = Tensor::from<std::uint8_t>({200, 3}, {1, 2});
  EXPECT_EQ(values(matmul(bytes, bytes.alias({2, 1}, {1, 1}, 0))),
            std::vector<double>{(40000 + 9) % 256});
  const Tensor large = Tensor::from<std::int64_t>({std::int64_t{1} << 62, 3}, {1, 2});
  const Tensor factors = Tensor::from<std::int64_t>({4, -5}, {2, 1});
  EXPECT_EQ(values(matmul(large, factors)), std::vector<double>{-15});
  EXPECT_EQ(
      values(matmul(Tensor::empty({2, 0}, DType::int32), Tensor::empty({0, 1}, DType::int32))),
      (std::vector<double>{0, 0}));
}

TEST(Matmul, TakesSingleRowsAndColumns) {
  for (const Layout layout : kAllLayouts) {
    expect_product(numbers({1, 5}, DType::float32, layout), numbers({5, 7}), {1, 7});
    expect_product(numbers({3, 5}), numbers({5, 1}, DType::float32, layout), {3, 1});
    expect_product(numbers({3, 1}, DType::float32, layout), numbers({1, 7}, DType::float32, layout),
                   {3, 7});
  }
}

TEST(Matmul, EmptySums) {
  expect_product(Tensor::empty({3, 0}), Tensor::empty({0, 7}), {3, 7});
  EXPECT_EQ(matmul(Tensor::empty({0, 5}), numbers({5, 7})).shape(), (Shape{0, 7}));
  EXPECT_EQ(matmul(Tensor::empty({0, 3, 5}), numbers({5, 7})).shape(), (Shape{0, 3, 7}));
}

TEST(Matmul, BlocksCoverLargeProducts) {
  constexpr Index m = 300, n = 1100, k = 50;
  const Tensor a = numbers({m, k});
  const Tensor b = numbers({k, n}, DType::float32, Layout::reversed);
  const std::vector<double> found = values(matmul(a, b));
  const std::vector<double> left = values(a), right = values(b);
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < n; ++j) {
      double sum = 0;
      for (Index l = 0; l < k; ++l) {
        sum +=
            left[static_cast<std::size_t>(i * k + l)] * right[static_cast<std::size_t>(l * n + j)];
      }
      ASSERT_EQ(found[static_cast<std::size_t>(i * n + j)], sum) << i << ", " << j;
    }
  }
}

TEST(Matmul, SameBitsForAnyNumberOfThreads) {
  const Tensor a = noise({500, 301});
  const Tensor b = noise({301, 400}, Layout::reversed);
  const Tensor c = noise({30, 40, 33});
  const Tensor d = noise({30, 33, 21});
  EXPECT_TRUE(same_on_any_threads([&] { return matmul(a, b); }));
  EXPECT_TRUE(same_on_any_threads([&] { return matmul(c, d); }));
}

TEST(Tf32Scope, HoldsOnItsThreadWhateverIsSet) {
  const bool before = allow_tf32();
  set_allow_tf32(false);
  {
    const Tf32Scope on(true);
    std::thread([] { EXPECT_FALSE(allow_tf32()); }).join();
    {
      const Tf32Scope off(false);
      set_allow_tf32(true);
      EXPECT_FALSE(allow_tf32());
    }
    set_allow_tf32(false);
    EXPECT_TRUE(allow_tf32());
  }
  EXPECT_FALSE(allow_tf32());
  set_allow_tf32(before);
}

TEST(MatrixLayout, ReadsTransposedAndPaddedMatricesWhereTheyLie) {
  EXPECT_FALSE(matrix_layout(3, 5, 5, 1)->transposed);
  EXPECT_EQ(matrix_layout(3, 5, 9, 1)->row, 9);
  EXPECT_TRUE(matrix_layout(3, 5, 1, 3)->transposed);
  EXPECT_EQ(matrix_layout(3, 5, 1, 4)->row, 4);
  EXPECT_FALSE(matrix_layout(3, 5, 10, 2).has_value());
  EXPECT_FALSE(matrix_layout(3, 5, 0, 1).has_value());
}

}  // namespace
}  // namespace voxgrad::ops
