#include <voxgrad/ops/reduce.h>

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include <voxgrad/ops/layout.h>

#include "tests/ops/random_values.h"
#include "tests/support/on_cuda.h"

namespace voxgrad::testing {
namespace {

using ops::AxisMask;
using ops::ReduceOp;

constexpr ReduceOp kAllReductions[] = {ReduceOp::sum, ReduceOp::maximum, ReduceOp::minimum,
                                       ReduceOp::product};

AxisMask mask_from_bits(std::size_t rank, unsigned bits) {
  AxisMask mask(rank);
  for (std::size_t i = 0; i < rank; ++i) mask[i] = (bits >> i & 1) != 0;
  return mask;
}

void expect_reduction_agrees(ReduceOp op, const Tensor& x, const AxisMask& axes,
                             double tolerance = 0) {
  expect_agreement(
      "reduction " + std::to_string(static_cast<int>(op)) + " of " + to_string(x.shape()),
      [&](const auto& in) { return ops::reduce(op, in[0], axes, true); }, {x},
      {.tolerance = tolerance});
}

class CudaReduce : public Cuda {};

TEST_F(CudaReduce, AllAxesDTypesAndLayoutsAgreeWithTheCpu) {
  for (const DType dtype : kAllDTypes) {
    for (const Layout layout : kAllLayouts) {
      if (layout != Layout::gaps && dtype != DType::float32) continue;
      const Tensor x = numbers({2, 3, 2, 4}, dtype, layout);
      for (unsigned bits = 0; bits < 16; ++bits) {
        for (const ReduceOp op : kAllReductions)
          expect_reduction_agrees(op, x, mask_from_bits(4, bits));
      }
    }
  }
}

TEST_F(CudaReduce, WholeNumbersInManyPartsHaveTheSameBits) {
  for (const Layout layout : {Layout::plain, Layout::channels_last, Layout::gaps}) {
    for (const Shape& shape : {Shape{2, 3, 300, 131}, Shape{1, 33, 90, 77}, Shape{3, 700, 130}}) {
      const Tensor x = numbers(shape, DType::float32, layout);
      for (const unsigned bits : {1u, 2u, 4u, 5u, 7u, 12u, 13u, 15u}) {
        const AxisMask axes = mask_from_bits(shape.size(), bits);
        expect_reduction_agrees(ReduceOp::sum, x, axes);
        expect_reduction_agrees(ReduceOp::maximum, x, axes);
      }
    }
  }
}

TEST_F(CudaReduce, RoundedSumsAgreeWithTheCpu) {
  const Tensor x = random_values({3, 5, 7, 11, 13}, DType::float64, Layout::reversed);
  for (unsigned bits = 1; bits < 32; ++bits)
    expect_reduction_agrees(ReduceOp::sum, x, mask_from_bits(5, bits), 1e-13);
  const Tensor many = noise({4, 50021});
  for (unsigned bits = 1; bits < 4; ++bits) {
    expect_reduction_agrees(ReduceOp::sum, many, mask_from_bits(2, bits), 1e-6);
    expect_reduction_agrees(ReduceOp::product, many, mask_from_bits(2, bits), 1e-6);
  }
}

TEST_F(CudaReduce, BroadcastAndReversedInputsAgreeWithTheCpu) {
  const Tensor x = numbers({5, 7}, DType::int64);
  const Tensor backwards = ops::flip(x, std::vector<Index>{0, 1});
  const Tensor repeated = x.alias({3, 5, 7}, {0, 7, 1}, 0);
  for (unsigned bits = 1; bits < 8; ++bits) {
    expect_reduction_agrees(ReduceOp::sum, repeated, mask_from_bits(3, bits));
    if (bits < 4) expect_reduction_agrees(ReduceOp::minimum, backwards, mask_from_bits(2, bits));
  }
  expect_agreement("sum_to", [](const auto& in) { return ops::sum_to(in[0], {5, 1}); }, {repeated});
}

TEST_F(CudaReduce, NanWinsExtremaAndPlaces) {
  Tensor x = numbers({3, 700}, DType::float32);
  x.mutable_data<float>()[700 + 311] = std::numeric_limits<float>::quiet_NaN();
  x.mutable_data<float>()[700 + 312] = std::numeric_limits<float>::quiet_NaN();
  x.mutable_data<float>()[5] = std::numeric_limits<float>::infinity();
  for (const ReduceOp op : {ReduceOp::maximum, ReduceOp::minimum}) {
    expect_reduction_agrees(op, x, {false, true});
    expect_reduction_agrees(op, x, {true, false});
  }
  expect_agreement("argmax", [](const auto& in) { return ops::argmax(in[0], 1, true); }, {x});
  expect_agreement("argmin", [](const auto& in) { return ops::argmin(in[0], 0, false); }, {x});
}

TEST_F(CudaReduce, PlacesOfEqualsAgreeWithTheCpu) {
  for (const DType dtype : kAllDTypes) {
    for (const Layout layout : kAllLayouts) {
      const Tensor x = numbers({3, 5, 7}, dtype, layout);
      for (int axis = 0; axis < 3; ++axis) {
        expect_agreement("argmax", [&](const auto& in) { return ops::argmax(in[0], axis, false); },
                         {x});
        expect_agreement("argmin", [&](const auto& in) { return ops::argmin(in[0], axis, true); },
                         {x});
      }
    }
  }
  for (const Tensor& x : {numbers({30011}), numbers({2, 5003, 3}), noise({2, 5003, 3})}) {
    for (int axis = 0; axis < static_cast<int>(x.dim()); ++axis) {
      expect_agreement("argmax of many",
                       [&](const auto& in) { return ops::argmax(in[0], axis, false); }, {x});
    }
  }
}

TEST_F(CudaReduce, EmptyTensorsGiveIdentities) {
  const Tensor x = Tensor::empty({0, 3}, DType::float32);
  for (const ReduceOp op : {ReduceOp::sum, ReduceOp::product}) {
    for (unsigned bits = 0; bits < 4; ++bits)
      expect_reduction_agrees(op, x, mask_from_bits(2, bits));
  }
}

}  // namespace
}  // namespace voxgrad::testing
