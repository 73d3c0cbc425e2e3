#include <voxgrad/data/volume.h>

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include <voxgrad/core/error.h>

namespace voxgrad {
namespace {

Tensor counting(const Shape& shape) {
  Tensor tensor = Tensor::empty(shape);
  std::iota(tensor.mutable_data<float>(), tensor.mutable_data<float>() + tensor.numel(), 0.F);
  return tensor;
}

// The same elements as counting({d, h, w}) with x slowest in memory.
Tensor turned(Index d, Index h, Index w) {
  Tensor tensor = Tensor::empty_strided({d, h, w}, {1, d, d * h}, DType::float32);
  float* data = tensor.mutable_data<float>();
  for (Index z = 0; z < d; ++z) {
    for (Index y = 0; y < h; ++y) {
      for (Index x = 0; x < w; ++x)
        data[z + y * d + x * d * h] = static_cast<float>((z * h + y) * w + x);
    }
  }
  return tensor;
}

TEST(CropVolume, CutsTheBoxOfAnyStrides) {
  for (const Tensor& volume : {counting({2, 3, 5}), turned(2, 3, 5)}) {
    const Tensor box = crop_volume(volume, {1, 1, 2}, {1, 2, 3});
    EXPECT_EQ(box.shape(), (Shape{1, 2, 3}));
    EXPECT_EQ(box.to_vector<float>(), (std::vector<float>{22, 23, 24, 27, 28, 29}));
  }
}

TEST(CropVolume, IsACopy) {
  Tensor volume = counting({2, 2, 2});
  const Tensor box = crop_volume(volume, {0, 0, 0}, {2, 2, 2});
  volume.mutable_data<float>()[0] = 9;
  EXPECT_EQ(box.data<float>()[0], 0);
}

TEST(CropVolume, RefusesBoxesThatLeaveTheVolume) {
  const Tensor volume = counting({2, 3, 5});
  constexpr Index kMost = std::numeric_limits<Index>::max();
  EXPECT_THROW(crop_volume(volume, {0, 0, 3}, {1, 1, 3}), ShapeError);
  EXPECT_THROW(crop_volume(volume, {-1, 0, 0}, {1, 1, 1}), ShapeError);
  EXPECT_THROW(crop_volume(volume, {0, 0, 0}, {1, -1, 1}), ShapeError);
  EXPECT_THROW(crop_volume(volume, {kMost, 0, 0}, {1, 1, 1}), ShapeError);
  EXPECT_THROW(crop_volume(volume, {1, 0, 0}, {kMost, 1, 1}), ShapeError);
  EXPECT_THROW(crop_volume(counting({2, 3}), {0, 0, 0}, {1, 1, 1}), ShapeError);
  EXPECT_THROW(crop_volume(Tensor(), {0, 0, 0}, {1, 1, 1}), ShapeError);
}

TEST(PadVolume, SurroundsAndIsUndoneByCrop) {
  const Tensor volume = turned(2, 3, 5);
  const Tensor padded = pad_volume(volume, {1, 0, 2}, {0, 3, 1}, -1);
  EXPECT_EQ(padded.shape(), (Shape{3, 6, 8}));
  EXPECT_EQ(crop_volume(padded, {1, 0, 2}, {2, 3, 5}).to_vector<float>(),
            volume.to_vector<float>());
  const std::vector<float> values = padded.to_vector<float>();
  EXPECT_EQ(std::count(values.begin(), values.end(), -1.F), 3 * 6 * 8 - 30);
}

TEST(PadVolume, RefusesNegativeWidths) {
  EXPECT_THROW(pad_volume(counting({2, 3, 5}), {-1, 0, 0}, {0, 0, 0}), ShapeError);
  EXPECT_THROW(
      pad_volume(counting({2, 3, 5}), {0, 0, 0}, {0, 0, std::numeric_limits<Index>::max()}),
      ShapeError);
}

TEST(PadVolume, RefusesValuesThatDoNotFit) {
  const auto pad = [](DType dtype, double value) {
    return pad_volume(Tensor::empty({0, 0, 0}, dtype), {1, 1, 1}, {0, 0, 0}, value).item();
  };
  EXPECT_EQ(pad(DType::uint8, 255), 255);
  EXPECT_EQ(pad(DType::int64, -0x1p63), -0x1p63);
  EXPECT_EQ(pad(DType::boolean, 7), 1);
  EXPECT_TRUE(std::isnan(pad(DType::float32, NAN)));
  EXPECT_THROW(pad(DType::uint8, -1), ShapeError);
  EXPECT_THROW(pad(DType::uint8, 256), ShapeError);
  EXPECT_THROW(pad(DType::int32, NAN), ShapeError);
  EXPECT_THROW(pad(DType::int64, 0x1p63), ShapeError);
}

TEST(FlipVolume, MirrorsTheAxesThatAreTrue) {
  const Tensor volume = Tensor::from(std::vector<std::uint8_t>{0, 1, 2, 3, 4, 5, 6, 7}, {2, 2, 2});
  const auto flipped = [&](bool z, bool y, bool x) {
    return flip_volume(volume, {z, y, x}).to_vector<std::uint8_t>();
  };
  using Bytes = std::vector<std::uint8_t>;
  EXPECT_EQ(flipped(false, false, false), (Bytes{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(flipped(true, false, false), (Bytes{4, 5, 6, 7, 0, 1, 2, 3}));
  EXPECT_EQ(flipped(false, true, false), (Bytes{2, 3, 0, 1, 6, 7, 4, 5}));
  EXPECT_EQ(flipped(false, false, true), (Bytes{1, 0, 3, 2, 5, 4, 7, 6}));
  EXPECT_EQ(flipped(true, true, true), (Bytes{7, 6, 5, 4, 3, 2, 1, 0}));
}

TEST(StandardizeVolume, GivesMeanZeroAndDeviationOne) {
  const Tensor result = standardize_volume(turned(2, 3, 5));
  const std::vector<float> values = result.to_vector<float>();
  double sum = 0;
  double squares = 0;
  for (const double v : values) {
    sum += v;
    squares += v * v;
  }
  EXPECT_NEAR(sum, 0, 30 * 1e-6);
  EXPECT_NEAR(squares / 30, 1, 1e-6);
  EXPECT_LT(values[0], values[1]);
}

TEST(StandardizeVolume, TakesIntegersAndConstants) {
  const Tensor bytes = Tensor::from(std::vector<std::uint8_t>{3, 5}, {1, 1, 2});
  EXPECT_EQ(standardize_volume(bytes).to_vector<float>(), (std::vector<float>{-1, 1}));
  const Tensor constant = Tensor::from(std::vector<float>{7, 7}, {1, 2, 1});
  EXPECT_EQ(standardize_volume(constant).to_vector<float>(), (std::vector<float>{0, 0}));
  EXPECT_THROW(standardize_volume(counting({0, 2, 2})), ShapeError);
}

TEST(StandardizeVolume, GivesZerosForAConstantWhoseMeanIsRounded) {
  const Tensor constant = Tensor::from(std::vector<double>(3 * 7 * 11, 0.1), {3, 7, 11});
  EXPECT_EQ(standardize_volume(constant).to_vector<float>(), std::vector<float>(3 * 7 * 11));
}

}  // namespace
}  // namespace voxgrad
