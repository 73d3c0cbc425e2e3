#include <gtest/gtest.h>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/linear.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/functions/shape.h>
#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/core/error.h>

#include "tests/ops/layouts.h"

namespace voxgrad {
namespace {

using namespace voxgrad::testing;

Tensor leaf(const Shape& shape, Index seed = 0, Layout layout = Layout::plain) {
  return numbers(shape, DType::float64, layout, seed).requires_grad_();
}

void expect_same(const Tensor& got, const Tensor& expected) {
  EXPECT_EQ(got.shape(), expected.shape());
  EXPECT_EQ(values(got), values(expected));  // small whole numbers: exact in any order
}

TEST(Einsum, IsWhatTheEquationSays) {
  const Tensor a = leaf({2, 3, 4}), b = leaf({2, 4, 5}, 7), m = leaf({3, 4}, 3), v = leaf({4}, 5);
  expect_same(einsum("bij,bjk->bik", {a, b}), bmm(a, b));
  expect_same(einsum("bij,bjk", {a, b}), sum(bmm(a, b), {0}));
  expect_same(einsum("ij->ji", {m}), m.transpose(0, 1));
  expect_same(einsum("ba", {m}), m.transpose(0, 1));
  expect_same(einsum(" i j -> ", {m}), sum(m));
  expect_same(einsum("i,j->ij", {v, v}), outer(v, v));
  expect_same(einsum("i,i", {v, v}), dot(v, v));
  expect_same(einsum("...ij,j->...i", {a, v}), matmul(a, v));
  expect_same(einsum("...,...", {m, v}), mul(m, v));
  expect_same(einsum("i...->...", {a}), sum(a, {0}));
  const Tensor square_matrix = leaf({3, 3}, 2);
  expect_same(einsum("ii->i", {square_matrix}), square_matrix.diagonal());
  expect_same(einsum("ii", {square_matrix}), sum(square_matrix.diagonal()));
  expect_same(einsum("ij,bjk,bkl->bil", {m, b, leaf({2, 5, 3}, 9)}),
              matmul(matmul(m, b), leaf({2, 5, 3}, 9)));
  expect_same(einsum("ij,ij->j", {m, leaf({1, 4}, 1)}), sum(mul(m, leaf({1, 4}, 1)), {0}));
  expect_same(einsum("ij->j", {numbers({2, 3}, DType::int64)}),
              sum(numbers({2, 3}, DType::int64), {0}));
}

TEST(Einsum, SumsWhatOneTermAloneHas) {
  const Tensor a = leaf({2, 3}), b = leaf({4, 5}, 7);
  expect_same(einsum("ij,kl->jl", {a, b}), outer(sum(a, {0}), sum(b, {0})));
}

TEST(Einsum, WithoutASumIsAProductThatPromotes) {
  const Tensor a = numbers({2, 3}, DType::int32), b = numbers({3}, DType::float64);
  expect_same(einsum("ij,j->ij", {a, b}), a * b);
  EXPECT_THROW(einsum("ij,j->i", {a, b}), DTypeError);
  expect_same(einsum("ij,ij->i", {a, a}), sum(a * a, {1}).to(DType::int32));
}

TEST(Einsum, TensordotContractsPairsOfAxes) {
  const Tensor a = leaf({2, 3, 4}), b = leaf({4, 5, 2}, 7);
  expect_same(tensordot(a, b, std::vector<Index>{2, 0}, std::vector<Index>{0, -1}),
              einsum("ijk,kli->jl", {a, b}));
  EXPECT_EQ(tensordot(a, b, {}, {}).shape(), (Shape{2, 3, 4, 4, 5, 2}));
  const std::vector<Index> first{0}, twice{0, 0};
  EXPECT_THROW(tensordot(a, b, first, first), ShapeError);
  EXPECT_THROW(tensordot(a, a, twice, twice), ShapeError);
  EXPECT_THROW(tensordot(a, a, first, twice), ShapeError);
}

TEST(Einsum, Derivatives) {
  const TensorFunction f = [](std::span<const Tensor> x) {
    return std::vector<Tensor>{einsum("bii,...bk,k->...bi", x)};
  };
  for (const Layout layout : kAllLayouts) {
    const std::vector<Tensor> inputs{leaf({2, 3, 3}, 0, layout), leaf({4, 1, 5}, 3, layout),
                                     leaf({5}, 8, layout)};
    gradcheck(f, inputs);
    gradgradcheck(f, inputs);
  }
}

TEST(Einsum, RefusesWhatDoesNotFit) {
  const Tensor a = zeros({2, 3});
  EXPECT_THROW(einsum("ij", std::span<const Tensor>{}), ShapeError);
  EXPECT_THROW(einsum("ijk", {a}), ShapeError);
  EXPECT_THROW(einsum("ij,ij", {a}), ShapeError);
  EXPECT_THROW(einsum("ij", {a, a}), ShapeError);
  EXPECT_THROW(einsum("ii", {a}), ShapeError);
  EXPECT_THROW(einsum("ij,jk", {a, a}), ShapeError);
  EXPECT_THROW(einsum("ij->ik", {a}), ShapeError);
  EXPECT_THROW(einsum("ij->ii", {a}), ShapeError);
  EXPECT_THROW(einsum("i1", {a}), ShapeError);
  EXPECT_THROW(einsum("......", {a}), ShapeError);
  EXPECT_THROW(einsum("ijk...", {a}), ShapeError);
  const Tensor truth = zeros({2, 2}, DType::boolean);
  try {
    einsum("ij,jk->ik", {truth, truth});
    FAIL();
  } catch (const DTypeError& error) {
    EXPECT_EQ(std::string(error.what()).rfind("einsum: ", 0), 0u) << error.what();
  }
}

}  // namespace
}  // namespace voxgrad
