#include <voxgrad/ops/scan.h>

#include <gtest/gtest.h>

#include <limits>

#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/functions/sort.h>

#include "tests/ops/random_values.h"
#include "tests/support/on_cuda.h"

namespace voxgrad::testing {
namespace {

class CudaScan : public Cuda {};

TEST_F(CudaScan, RunningSumsAgreeForAllDTypesAndLayouts) {
  for (const DType dtype : kAllDTypes) {
    for (const Layout layout : kAllLayouts) {
      const Tensor x = numbers({2, 3, 150, 4}, dtype, layout);
      for (int axis = 0; axis < 4; ++axis) {
        expect_agreement("cumsum", [axis](const auto& in) { return ops::cumsum(in[0], axis); },
                         {x});
      }
    }
  }
}

TEST_F(CudaScan, LongAndManyLinesAgree) {
  const struct {
    Shape shape;
    int axis;
  } cases[] = {
      {{9001}, 0}, {{3, 700, 2}, 1}, {{(1 << 15) + 1, 70}, 1}, {{4097, 3}, 0}, {{0, 3}, 1}};
  for (const auto& [shape, axis] : cases) {
    const Tensor x = random_values(shape, DType::float32);
    expect_agreement("cumsum", [axis = axis](const auto& in) { return ops::cumsum(in[0], axis); },
                     {x}, {.tolerance = 1e-6});
    const Tensor whole = numbers(shape, DType::float64);
    expect_agreement("cumsum of whole numbers",
                     [axis = axis](const auto& in) { return ops::cumsum(in[0], axis); }, {whole});
  }
}

Function order(int axis, bool descending) {
  return [=](const auto& in) { return ops::argsort(in[0], axis, descending); };
}

TEST_F(CudaScan, OrderAgreesForAllDTypesAndLayouts) {
  for (const DType dtype : kAllDTypes) {
    for (const Layout layout : kAllLayouts) {
      const Tensor x = numbers({2, 40, 3}, dtype, layout);
      for (int axis = 0; axis < 3; ++axis) {
        expect_agreement("ascending", order(axis, false), {x});
        expect_agreement("descending", order(axis, true), {x});
      }
    }
  }
}

TEST_F(CudaScan, LongLinesAreSortedStablyByAllBits) {
  for (const DType dtype : kAllDTypes) {
    expect_agreement("ties", order(1, false), {numbers({2, 700, 3}, dtype, Layout::reversed)});
    expect_agreement("one line", order(0, true), {numbers({1500}, dtype)});
  }
  for (const DType dtype : {DType::float32, DType::float64})
    expect_agreement("fractions", order(1, false), {random_values({2, 3001}, dtype)});
}

TEST_F(CudaScan, NanIsLargestAndZerosAreEqual) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const Index repeats : {1, 80}) {
    std::vector<double> some;
    for (Index i = 0; i < repeats; ++i) {
      for (const double value : {0.0, nan, -0.0, infinity, -nan, 5e-324, -infinity, -1.0})
        some.push_back(value);
    }
    const Tensor x = Tensor::from(some, {8 * repeats});
    expect_agreement("float64", order(0, false), {x});
    expect_agreement("float32", order(0, true), {x.to(DType::float32)});
  }
}

TEST_F(CudaScan, SortedValuesDifferentiate) {
  const Agreement with_gradients{.gradients = true};
  for (const Index length : {7, 600}) {
    const Tensor x = random_values({3, length, 2}, DType::float32, Layout::reversed);
    expect_agreement(
        "sort", [](const auto& in) { return sort(in[0], 1, true).values; }, {x}, with_gradients);
    expect_agreement(
        "topk", [](const auto& in) { return topk(in[0], 5, 1).values; }, {x}, with_gradients);
    expect_agreement("topk's places",
                     [](const auto& in) { return topk(in[0], 5, 1, false).indices; }, {x});
    expect_agreement(
        "max", [](const auto& in) { return max(in[0], 1).values; }, {x}, with_gradients);
    expect_agreement(
        "median", [](const auto& in) { return median(in[0], 1).values; }, {x}, with_gradients);
    expect_agreement(
        "median of all", [](const auto& in) { return median(in[0]); }, {x}, with_gradients);
    expect_agreement("cumsum", [](const auto& in) { return cumsum(in[0], 1); }, {x},
                     {.tolerance = 1e-6, .gradients = true});
  }
  expect_agreement(
      "rank 0", [](const auto& in) { return sort(in[0]).values; },
      {random_values({}, DType::float32)}, with_gradients);
  expect_agreement(
      "empty", [](const auto& in) { return sort(in[0], 0).values; },
      {random_values({4, 0}, DType::float32)}, with_gradients);
}

}  // namespace
}  // namespace voxgrad::testing
