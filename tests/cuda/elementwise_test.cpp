#include <gtest/gtest.h>

#include <voxgrad/core/error.h>
#include <voxgrad/ops/elementwise.h>
#include <voxgrad/ops/layout.h>

#include "tests/ops/random_values.h"
#include "tests/support/on_cuda.h"

namespace voxgrad::testing {
namespace {

/// Whole numbers from -3 on, none where no negative ones exist.
Tensor small_numbers(const Shape& shape, DType dtype, Layout layout, std::uint32_t seed) {
  Tensor result = uninitialised(shape, dtype, layout);
  Tensor labels = random_labels(shape, dtype == DType::boolean ? 2 : 7, DType::int64, seed);
  if (dtype != DType::uint8 && dtype != DType::boolean) {
    labels = ops::binary(ops::BinaryOp::sub, labels, ops::scalar(3, DType::int64, {}));
  }
  ops::copy_into(result, labels);
  return result;
}

template <typename Op>
bool has(Op op, const Tensor& a) {
  try {
    if constexpr (std::is_same_v<Op, ops::UnaryOp>) ops::unary(op, a);
    else ops::binary(op, a, a);
    return true;
  } catch (const DTypeError&) {
    return false;
  }
}

class CudaElementwise : public Cuda {};

TEST_F(CudaElementwise, UnaryAgreesWithTheCpu) {
  for (const DType dtype : kAllDTypes) {
    for (int number = 0; number <= static_cast<int>(ops::UnaryOp::trunc); ++number) {
      const auto op = static_cast<ops::UnaryOp>(number);
      const Tensor x = is_floating(dtype) ? random_values({2, 3, 5}, dtype, Layout::reversed, 3)
                                          : small_numbers({2, 3, 5}, dtype, Layout::gaps, 5);
      if (!has(op, x)) {
        EXPECT_THROW(ops::unary(op, on_cuda(x)), DTypeError) << number;
        continue;
      }
      expect_agreement("unary " + std::to_string(number),
                       [op](const auto& in) { return ops::unary(op, in[0], 0.25); }, {x},
                       {.tolerance = number < static_cast<int>(ops::UnaryOp::exp) ? 0
                                     : dtype == DType::float32                    ? 1e-6
                                                                                  : 1e-14});
    }
  }
}

TEST_F(CudaElementwise, BinaryAgreesWithTheCpu) {
  for (const DType dtype : kAllDTypes) {
    for (int number = 0; number <= static_cast<int>(ops::BinaryOp::greater_equal); ++number) {
      const auto op = static_cast<ops::BinaryOp>(number);
      const Tensor a = small_numbers({2, 3, 5}, dtype, Layout::channels_last, 1);
      const Tensor b = small_numbers({3, 1}, dtype, Layout::plain, 2);
      if (!has(op, a)) {
        EXPECT_THROW(ops::binary(op, on_cuda(a), on_cuda(a)), DTypeError) << number;
        continue;
      }
      expect_agreement("binary " + std::to_string(number),
                       [op](const auto& in) { return ops::binary(op, in[0], in[1], 0.5); }, {a, b},
                       {.tolerance = dtype == DType::float32 ? 1e-6 : 1e-14});
    }
  }
}

TEST_F(CudaElementwise, GateWithoutSlopeLetsThroughWhereNanIs) {
  const Tensor a = random_values({2, 3, 4}, DType::float32);
  const Tensor b = ops::unary(ops::UnaryOp::log, random_values({2, 3, 4}, DType::float32, {}, 2));
  expect_agreement("gate",
                   [](const auto& in) { return ops::binary(ops::BinaryOp::gate, in[0], in[1]); },
                   {a, b});
}

TEST_F(CudaElementwise, WhereAndScaledSumsAgreeWithTheCpu) {
  const Tensor condition = small_numbers({5, 3}, DType::boolean, Layout::plain, 9);
  for (const DType dtype : kAllDTypes) {
    const Tensor a = small_numbers({5, 3}, dtype, Layout::reversed, 1);
    const Tensor b = small_numbers({3}, dtype, Layout::gaps, 2);
    expect_agreement("where", [](const auto& in) { return ops::where(in[0], in[1], in[2]); },
                     {condition, a, b});
    expect_agreement("add_scaled",
                     [](const auto& in) {
                       Tensor sum = ops::copy(in[0]);
                       ops::add_scaled_into(sum, in[1], -2);
                       return sum;
                     },
                     {a, b});
  }
}

TEST_F(CudaElementwise, CopiesConvertAndKeepLayouts) {
  for (const DType from : kAllDTypes) {
    for (const DType to : kAllDTypes) {
      const Tensor x = small_numbers({2, 3, 4, 5}, from, Layout::channels_last, 4);
      expect_agreement("convert", [to](const auto& in) { return ops::convert(in[0], to); }, {x});
    }
    for (const Layout layout : kAllLayouts) {
      const Tensor x = small_numbers({2, 3, 4, 5}, from, layout, 4);
      expect_agreement("plain", [](const auto& in) { return ops::to_contiguous(in[0]); }, {x});
      expect_agreement("channels-last", [](const auto& in) { return ops::to_channels_last(in[0]); },
                       {x});
      expect_agreement("flip",
                       [](const auto& in) {
                         return ops::flip(in[0], std::vector<Index>{1, 3});
                       },
                       {x});
    }
  }
}

TEST_F(CudaElementwise, EmptyTensorsStartNothing) {
  const Tensor x = Tensor::empty({0, 3}, DType::float32);
  expect_agreement("empty", [](const auto& in) { return ops::unary(ops::UnaryOp::exp, in[0]); },
                   {x});
}

}  // namespace
}  // namespace voxgrad::testing
