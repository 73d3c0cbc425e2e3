#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <random>
#include <span>

#include <voxgrad/autograd/functions/conv.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/core/device_name.h>
#include <voxgrad/core/error.h>
#include <voxgrad/ops/conv.h>
#include <voxgrad/ops/layout.h>
#include <voxgrad/ops/matmul.h>

#include "tests/ops/random_values.h"
#include "tests/support/conv_oracle.h"
#include "tests/support/forced_algorithm.h"
#include "tests/support/geometries.h"
#include "tests/support/on_cuda.h"
#include "tests/support/recomputed.h"

namespace voxgrad::testing {
namespace {

using test::kSlots;

/// conv_partial with the three slots' tensors, of which the produced one is not read.
Function partial(Slot produced, const ConvGeometry& g, bool bias) {
  return [=](const std::vector<Tensor>& in) {
    ops::ConvOperands operands{&in[0], &in[1], &in[2]};
    (produced == Slot::x ? operands.x : produced == Slot::w ? operands.w : operands.y) = nullptr;
    ops::ConvEpilogue epilogue;
    if (bias && produced != Slot::w) epilogue.bias = produced == Slot::y ? &in[3] : &in[4];
    return ops::conv_partial(produced, g, operands, epilogue);
  };
}

Tensor whole_numbers(const Shape& shape, DType dtype, std::uint32_t seed) {
  return ops::convert(random_labels(shape, 5, DType::int64, seed), dtype);
}

/// x, w, y, bias of y, bias of x.
std::vector<Tensor> operands_of(const ConvGeometry& g, DType dtype, bool whole) {
  std::vector<Tensor> result;
  const Shape shapes[] = {slot_shape(g, Slot::x),
                          slot_shape(g, Slot::w),
                          slot_shape(g, Slot::y),
                          {g.y_channels},
                          {g.x_channels}};
  for (std::uint32_t i = 0; i < 5; ++i) {
    result.push_back(
        whole ? whole_numbers(shapes[i], dtype, i + 1)
              : random_values(shapes[i], dtype,
                              i % 2 == 0 && i < 3 ? Layout::channels_last : Layout::plain, i + 1));
  }
  return result;
}

class CudaConv : public Cuda, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    Cuda::SetUp();
    // A library without CUDA has none of its algorithms either.
    if (!IsSkipped()) forced_.emplace(GetParam());
  }

 private:
  std::optional<test::ForcedAlgorithm> forced_;
};

INSTANTIATE_TEST_SUITE_P(Algorithms, CudaConv, ::testing::Values("im2col", "direct"));

TEST_P(CudaConv, AgreesWithTheCpuOverRandomGeometries) {
  std::mt19937 random(11);
  for (int i = 0; i < 60; ++i) {
    const ConvGeometry g = test::random_geometry(random);
    const DType dtype = i % 3 == 0 ? DType::float32 : DType::float64;
    const std::vector<Tensor> operands = operands_of(g, dtype, false);
    for (const Slot slot : kSlots) {
      expect_agreement(std::string(name(slot)) + " " + to_string(g), partial(slot, g, i % 2 == 0),
                       operands, {.tolerance = dtype == DType::float32 ? 1e-5 : 1e-13});
    }
  }
}

TEST_P(CudaConv, IsExactOnWholeNumbers) {
  std::mt19937 random(12);
  for (int i = 0; i < 20; ++i) {
    const ConvGeometry g = test::random_geometry(random);
    const std::vector<Tensor> operands = operands_of(g, DType::float32, true);
    for (const Slot slot : kSlots)
      expect_agreement(std::string(name(slot)) + " " + to_string(g), partial(slot, g, true),
                       operands);
  }
}

TEST_P(CudaConv, AgreesWithTheCpuOverManyChunks) {
  for (const ConvGeometry& g : test::large_geometries()) {
    const std::vector<Tensor> operands = operands_of(g, DType::float64, true);
    for (const Slot slot : kSlots)
      expect_agreement(std::string(name(slot)) + " " + to_string(g), partial(slot, g, true),
                       operands);
  }
}

TEST_P(CudaConv, PhasesWithoutTapsHoldTheBias) {
  const Shape x{1, 4, 5, 3, 4}, w{4, 1, 1, 2, 1};
  const ConvGeometry g = conv_geometry(x, w, {.stride = 2, .groups = 4});
  for (const bool bias : {false, true})
    expect_agreement("x", partial(Slot::x, g, bias), operands_of(g, DType::float32, true));
}

// The fourth and fifth have more columns than a chunk, the sixth phases without taps, the seventh
// more products than a grid has blocks on its last axis (65535); the eighth has too short lines,
// and those of the last do not lie evenly.
TEST_P(CudaConv, WritesLinesOfAnUpsamplingInPlace) {
  struct Case {
    Shape x, w;
    Spatial stride;
    bool in_place;
  };
  const Case cases[] = {{{3, 5, 8, 64}, {7, 5, 2, 2}, 2, true},
                        {{2, 5, 9, 105}, {7, 5, 3, 3}, 3, true},
                        {{2, 5, 3, 8, 66}, {4, 5, 1, 2, 2}, {1, 2, 2}, true},
                        {{1, 2, 900, 128}, {600, 2, 2, 2}, 2, true},
                        {{1, 2, 600, 210}, {600, 2, 2, 2}, 2, true},
                        {{3, 5, 8, 64}, {7, 5, 1, 2}, 2, true},
                        {{1, 1, 131'080, 64}, {1, 1, 2, 2}, 2, true},
                        {{3, 5, 8, 32}, {7, 5, 2, 2}, 2, false},
                        {{1, 5, 4, 8, 64}, {7, 5, 2, 2, 2}, 2, false}};
  for (const auto& [x, w, stride, in_place] : cases) {
    const ConvGeometry g = conv_geometry(x, w, {.stride = stride});
    for (const bool bias : {false, true}) {
      expect_agreement(to_string(g), partial(Slot::x, g, bias),
                       operands_of(g, DType::float32, true));
    }
    if (GetParam() != "im2col") continue;
    // Memory for columns; for results as well unless they are written in place.
    constexpr Index kColumns = Index{16} << 20;
    const Index columns = std::min(g.batch * g.y_size() * g.y_channels, kColumns);
    const Index bytes = static_cast<Index>(ops::last_conv()->workspace.per_tile);
    EXPECT_EQ(bytes <= columns * 4, in_place) << to_string(g);
  }
}

TEST_P(CudaConv, CutsRowsIntoChunksAndTapsIntoBlocks) {
  // Columns of 300 MB; and of 200 MB, of which 128 rows alone would be 77 MB.
  const ConvGeometry rows = conv_geometry(Shape{1, 20, 41, 40, 43}, Shape{3, 20, 3, 3, 3});
  const ConvGeometry taps =
      conv_geometry(Shape{1, 600, 7, 7, 7}, Shape{2, 600, 5, 5, 5}, {.padding = 2});
  for (const ConvGeometry& g : {rows, taps}) {
    const std::vector<Tensor> operands = operands_of(g, DType::float64, true);
    for (const Slot slot : {Slot::w, Slot::y}) {
      expect_agreement(std::string(name(slot)) + " " + to_string(g), partial(slot, g, true),
                       operands);
      if (GetParam() == "im2col") {
        EXPECT_GT(ops::last_conv()->workspace.tiles, 1) << to_string(g);
      }
    }
  }
}

TEST_P(CudaConv, ReadsPartsOfTensorsAndBroadcasts) {
  const ConvGeometry g = conv_geometry(Shape{2, 4, 5, 6, 7}, Shape{6, 4, 3, 3, 3}, {.padding = 1});
  std::vector<Tensor> operands = operands_of(g, DType::float64, false);
  const auto cut = [&](const Shape& larger, const Shape& shape) {
    const Tensor whole = random_values(larger, DType::float64, Layout::channels_last, 9);
    return whole.alias(shape, whole.strides(), 0);
  };
  const Shape x = slot_shape(g, Slot::x), y = slot_shape(g, Slot::y);
  operands[0] = cut({3, 7, 6, 8, 9}, x);
  operands[2] = cut({2, 9, 7, 6, 8}, y);
  const Tensor one = random_values({1, 6, 1, 1, 1}, DType::float64);
  for (const Slot slot : kSlots) {
    expect_agreement("part", partial(slot, g, true), operands, {.tolerance = 1e-13});
    std::vector<Tensor> expanded = operands;
    expanded[2] = one.alias(y, {0, 1, 0, 0, 0}, 0);
    expect_agreement("expanded", partial(slot, g, false), expanded, {.tolerance = 1e-13});
  }
}

TEST_P(CudaConv, HasGradientsOfEveryOrder) {
  const auto twice = [](const std::vector<Tensor>& in) {
    const Tensor y = conv(in[0], in[1], in[2], {.stride = 2, .padding = 1});
    return conv_transpose(y, in[3], Tensor(), {.stride = 2, .output_padding = 1});
  };
  expect_agreement("conv, conv_transpose", twice,
                   {random_values({2, 3, 7, 6}, DType::float64, Layout::channels_last, 1),
                    random_values({4, 3, 3, 3}, DType::float64, Layout::plain, 2),
                    random_values({4}, DType::float64, Layout::plain, 3),
                    random_values({4, 2, 2, 2}, DType::float64, Layout::plain, 4)},
                   {.tolerance = 1e-12, .gradients = true});
}

TEST_P(CudaConv, ComesBackFromARecipeWithTf32AsItWas) {
  Tensor leaf = on_cuda(random_values({2, 12, 9, 10}, DType::float32, Layout::channels_last, 1));
  Tensor w = on_cuda(random_values({12, 8, 2, 2}, DType::float32, Layout::plain, 2));
  leaf.requires_grad_();
  w.requires_grad_();
  for (const bool on : {false, true}) {
    ops::set_allow_tf32(on);
    const Tensor up = conv_transpose(leaf * 1.5, w, {.stride = 2});
    ops::set_allow_tf32(!on);
    EXPECT_TRUE(same_bits(test::recomputed(up).to(Device{}), up.detach().to(Device{}))) << on;
    ops::set_allow_tf32(false);
  }
}

TEST_P(CudaConv, ReportsWhatRan) {
  const Tensor x = random_values({1, 3, 8, 8}, DType::float32).to(kCuda);
  const Tensor w = random_values({5, 3, 3, 3}, DType::float32).to(kCuda);
  conv(x, w);
  ASSERT_TRUE(ops::last_conv().has_value());
  EXPECT_EQ(ops::last_conv()->algorithm, GetParam());
  EXPECT_GT(ops::last_conv()->workspace_bytes(), 0U);
}

class CudaMatmul : public Cuda {};

TEST_F(CudaMatmul, AgreesWithTheCpu) {
  for (const DType dtype :
       {DType::float32, DType::float64, DType::int64, DType::int32, DType::uint8}) {
    const auto values = [&](const Shape& shape, std::uint32_t seed) {
      return ops::convert(random_labels(shape, 7, DType::int64, seed), dtype);
    };
    const auto product = [](const auto& in) { return ops::matmul(in[0], in[1]); };
    expect_agreement("plain", product, {values({5, 7}, 1), values({7, 3}, 2)});
    expect_agreement("batch", product, {values({2, 1, 3, 5, 7}, 1), values({4, 1, 7, 2}, 2)});
    const Tensor transposed = values({7, 5}, 3).alias({5, 7}, {1, 5}, 0);
    expect_agreement("transposed", product, {transposed, values({7, 3}, 2)});
    expect_agreement("nothing to sum", product, {values({5, 0}, 1), values({0, 3}, 2)});
    expect_agreement("empty", product, {values({0, 4}, 1), values({4, 3}, 2)});
    const Tensor strided = values({10, 14}, 3).alias({5, 7}, {28, 2}, 0);
    expect_agreement("gaps", product, {strided, values({7, 3}, 2)});
  }
}

TEST_F(CudaMatmul, MayRoundFactorsToTf32OnlyWhereAllowed) {
  const auto product = [](const auto& in) { return ops::matmul(in[0], in[1]); };
  const std::vector<Tensor> in = {random_values({2, 65, 70}, DType::float32, Layout::plain, 1),
                                  random_values({70, 33}, DType::float32, Layout::plain, 2)};
  expect_agreement("float32", product, in, {.tolerance = 1e-6});
  const ops::Tf32Scope allowed(true);
  expect_agreement("tf32", product, in, {.tolerance = 2e-3});
  if (device_name(kCuda).find("emulated") == std::string::npos) return;
  const auto on_gpu = [&] { return product(std::vector{on_cuda(in[0]), on_cuda(in[1])}); };
  const Tensor rounded = on_gpu();
  const ops::Tf32Scope refused(false);
  EXPECT_FALSE(same_bits(rounded.to(Device{}), on_gpu().to(Device{})));
}

TEST_F(CudaMatmul, RefusesOperandsOnTwoDevices) {
  const Tensor x = random_values({1, 3, 8, 8}, DType::float32).to(kCuda);
  const Tensor w = random_values({5, 3, 3, 3}, DType::float32);
  EXPECT_THROW(conv(x, w), DeviceError);
}

}  // namespace
}  // namespace voxgrad::testing
