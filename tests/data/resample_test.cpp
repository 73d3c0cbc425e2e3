#include <voxgrad/data/resample.h>

#include <gtest/gtest.h>

#include <numeric>

#include <voxgrad/core/error.h>
#include <voxgrad/core/random.h>

namespace voxgrad {
namespace {

Tensor random_volume(const Shape& shape) {
  Tensor tensor = Tensor::empty(shape);
  Generator generator(7);
  fill_uniform(tensor.mutable_data<float>(), tensor.numel(), -1, 1, generator);
  return tensor;
}

TEST(CoarseSize, RoundsUp) {
  EXPECT_EQ(coarse_size({6, 7, 1}, 2), (Size3{3, 4, 1}));
  EXPECT_EQ(coarse_size({6, 7, 1}, 1), (Size3{6, 7, 1}));
  EXPECT_THROW(coarse_size({6, 7, 1}, 0), ShapeError);
  EXPECT_THROW(coarse_size({6, 7, 1}, 65), ShapeError);
}

TEST(BlockMean, AveragesWholeAndPartialBlocks) {
  Tensor volume = Tensor::empty({2, 3, 5});
  std::iota(volume.mutable_data<float>(), volume.mutable_data<float>() + 30, 0.F);
  const Tensor mean = block_mean(volume, 2);
  EXPECT_EQ(mean.shape(), (Shape{1, 2, 3}));
  // Rows 0 and 1 of both planes: the mean of {0, 1, 5, 6} and of the same + 15; then the last
  // column; then row 2 alone.
  EXPECT_EQ(mean.to_vector<float>(), (std::vector<float>{10.5, 12.5, 14, 18, 20, 21.5}));
}

TEST(BlockMean, KeepsTheSumWhereBlocksAreWhole) {
  const Tensor volume = random_volume({4, 6, 8});
  const auto fine = volume.to_vector<float>();
  const auto coarse = block_mean(volume, 2).to_vector<float>();
  EXPECT_NEAR(std::accumulate(coarse.begin(), coarse.end(), 0.0) * 8,
              std::accumulate(fine.begin(), fine.end(), 0.0), 192 * 1e-7);
}

TEST(BlockMean, TakesIntegersAndAnyStrides) {
  const Tensor bytes = Tensor::from(std::vector<std::uint8_t>{0, 1, 2, 3, 4, 5, 6, 7}, {2, 2, 2});
  EXPECT_EQ(block_mean(bytes, 2).item(), 3.5);
  const Tensor turned = bytes.alias({2, 2, 2}, {1, 2, 4}, 0);
  EXPECT_EQ(block_mean(turned, 1).to_vector<float>(), (std::vector<float>{0, 4, 2, 6, 1, 5, 3, 7}));
}

TEST(BlockMajority, TakesTheMostFrequentAndTheSmallestOfEquals) {
  const auto majority = [](const std::vector<std::uint8_t>& block) {
    return block_majority(Tensor::from(block, {2, 2, 2}), 2).item();
  };
  EXPECT_EQ(majority({1, 1, 1, 1, 1, 0, 0, 0}), 1);
  EXPECT_EQ(majority({1, 1, 1, 1, 0, 0, 0, 0}), 0);
  EXPECT_EQ(majority({3, 3, 2, 2, 1, 3, 2, 0}), 2);
  EXPECT_EQ(majority({9, 9, 2, 1, 0, 3, 5, 4}), 9);
}

TEST(BlockMajority, KeepsTheDtypeAndTreatsPartialBlocks) {
  const Tensor labels = Tensor::from(std::vector<std::int64_t>{4, 4, 7}, {1, 1, 3});
  const Tensor coarse = block_majority(labels, 2);
  EXPECT_EQ(coarse.to_vector<std::int64_t>(), (std::vector<std::int64_t>{4, 7}));
}

TEST(UpsampleBlocks, RepeatsEachBlock) {
  const Tensor coarse = Tensor::from(std::vector<std::uint8_t>{1, 2, 3}, {1, 1, 3});
  EXPECT_EQ(upsample_blocks(coarse, 2, {1, 2, 5}).to_vector<std::uint8_t>(),
            (std::vector<std::uint8_t>{1, 1, 2, 2, 3, 1, 1, 2, 2, 3}));
}

TEST(UpsampleBlocks, IsUndoneByMajorityAndMean) {
  const Tensor coarse = random_volume({2, 3, 4});
  const Tensor fine = upsample_blocks(coarse, 3, {5, 7, 11});
  EXPECT_EQ(block_majority(fine, 3).to_vector<float>(), coarse.to_vector<float>());
  const auto mean = block_mean(fine, 3).to_vector<float>();
  for (std::size_t i = 0; i < mean.size(); ++i) EXPECT_FLOAT_EQ(mean[i], coarse.data<float>()[i]);
}

TEST(UpsampleLinear, InterpolatesBetweenCentres) {
  const Tensor coarse = Tensor::from(std::vector<float>{0, 4}, {1, 1, 2});
  // What PyTorch's align_corners=False gives for factor 2.
  EXPECT_EQ(upsample_linear(coarse, 2, {1, 1, 4}).to_vector<float>(),
            (std::vector<float>{0, 1, 3, 4}));
}

TEST(UpsampleLinear, KnowsTheCentreOfASmallerLastBlock) {
  // Both directions along every axis: what is linear comes back between the outermost centres.
  for (const Index factor : {2, 3, 4}) {
    for (const Index size : {5, 7, 9, 10, 11}) {
      Tensor ramp = Tensor::empty({size, size, size});
      float* out = ramp.mutable_data<float>();
      for (Index i = 0; i < ramp.numel(); ++i)
        out[i] = static_cast<float>(100 * (i / size / size) + 10 * (i / size % size) + i % size);
      const Tensor back = upsample_linear(block_mean(ramp, factor), factor, {size, size, size});
      const Index first = factor / 2;
      const Index last = size - 1 - (size % factor == 0 ? factor : size % factor) / 2;
      for (Index i = 0; i < ramp.numel(); ++i) {
        bool inside = true;
        for (const Index at : {i / size / size, i / size % size, i % size})
          inside = inside && at >= first && at <= last;
        if (!inside) continue;
        EXPECT_NEAR(back.data<float>()[i], out[i], 1e-3) << factor << ' ' << size << ' ' << i;
      }
    }
  }
}

TEST(UpsampleLinear, IsExactForLinearFunctionsAwayFromTheEdge) {
  Tensor coarse = Tensor::empty({4, 5, 6});
  float* out = coarse.mutable_data<float>();
  for (Index z = 0; z < 4; ++z) {
    for (Index y = 0; y < 5; ++y) {
      for (Index x = 0; x < 6; ++x) *out++ = static_cast<float>(100 * z + 10 * y + x);
    }
  }
  const std::vector<float> fine = upsample_linear(coarse, 2, {8, 10, 12}).to_vector<float>();
  const auto centre = [](Index i) { return (static_cast<double>(i) + 0.5) / 2 - 0.5; };
  for (Index z = 1; z < 7; ++z) {
    for (Index y = 1; y < 9; ++y) {
      for (Index x = 1; x < 11; ++x) {
        const double expected = 100 * centre(z) + 10 * centre(y) + centre(x);
        EXPECT_NEAR(fine[static_cast<std::size_t>((z * 10 + y) * 12 + x)], expected, 1e-3);
      }
    }
  }
}

TEST(Upsample, ChecksSizesAndDtype) {
  const Tensor coarse = random_volume({2, 3, 4});
  EXPECT_THROW(upsample_blocks(coarse, 2, {4, 6, 9}), ShapeError);
  EXPECT_THROW(upsample_blocks(coarse, 2, {4, 6, -1}), ShapeError);
  EXPECT_THROW(upsample_linear(coarse, 2, {4, 6, 6}), ShapeError);
  EXPECT_THROW(upsample_linear(coarse, 0, {4, 6, 8}), ShapeError);
  EXPECT_THROW(upsample_linear(Tensor::empty({2, 3, 4}, DType::uint8), 2, {4, 6, 8}), DTypeError);
  EXPECT_THROW(block_mean(Tensor::empty({2, 3}), 2), ShapeError);
  EXPECT_THROW(block_majority(coarse, 0), ShapeError);
}

TEST(Upsample, TakesEmptyVolumes) {
  const Tensor none = Tensor::empty({0, 3, 4});
  EXPECT_EQ(upsample_linear(none, 2, {0, 6, 8}).shape(), (Shape{0, 6, 8}));
  EXPECT_EQ(block_mean(none, 2).shape(), (Shape{0, 2, 2}));
}

}  // namespace
}  // namespace voxgrad
