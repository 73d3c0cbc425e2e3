#include <voxgrad/data/sampler.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include <voxgrad/core/error.h>

namespace voxgrad {
namespace {

std::vector<Index> epoch(EpochSampler& sampler, Index number) {
  std::vector<Index> all;
  for (Index i = 0; i < sampler.batches_per_epoch(); ++i) {
    const auto batch = sampler.batch(number * sampler.batches_per_epoch() + i);
    all.insert(all.end(), batch.begin(), batch.end());
  }
  return all;
}

TEST(EpochSampler, GivesEachSampleOncePerEpochInANewOrder) {
  EpochSampler sampler(23, 5, 1);
  EXPECT_EQ(sampler.batches_per_epoch(), 5);
  EXPECT_EQ(sampler.batch(4).size(), 3U);
  std::vector<Index> first = epoch(sampler, 0);
  std::vector<Index> second = epoch(sampler, 1);
  EXPECT_NE(first, second);
  for (auto* order : {&first, &second}) {
    std::ranges::sort(*order);
    for (Index i = 0; i < 23; ++i) EXPECT_EQ((*order)[static_cast<std::size_t>(i)], i);
  }
}

TEST(EpochSampler, DependsOnTheNumberAndTheSeedAlone) {
  EpochSampler forward(23, 5, 1);
  EpochSampler jumping(23, 5, 1);
  EpochSampler other(23, 5, 2);
  const auto expected = epoch(forward, 3);
  EXPECT_EQ(epoch(jumping, 3), expected);
  EXPECT_EQ(epoch(jumping, 0), epoch(forward, 0));
  EXPECT_NE(epoch(other, 3), expected);
}

TEST(EpochSampler, RefusesBadInput) {
  EXPECT_THROW(EpochSampler(0, 1, 0), ShapeError);
  EXPECT_THROW(EpochSampler(1, 0, 0), ShapeError);
  EXPECT_THROW(EpochSampler(1, 1, 0).batch(-1), IndexError);
}

TEST(MixSeed, SeparatesNeighbours) {
  std::set<std::uint32_t> low;  // a Generator uses the low 32 bits
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (std::uint64_t i = 0; i < 100; ++i)
      low.insert(static_cast<std::uint32_t>(mix_seed(seed, i)));
  }
  EXPECT_EQ(low.size(), 1000U);
}

TEST(TakeRows, CopiesRowsOfAnyStrides) {
  const Tensor data = Tensor::from(std::vector<std::int32_t>{0, 1, 2, 3, 4, 5}, {3, 2});
  const std::vector<Index> rows = {2, 0, 2};
  EXPECT_EQ(take_rows(data, rows).to_vector<std::int32_t>(),
            (std::vector<std::int32_t>{4, 5, 0, 1, 4, 5}));
  const Tensor turned = data.alias({2, 3}, {1, 2}, 0);
  const std::vector<Index> last = {1};
  EXPECT_EQ(take_rows(turned, last).to_vector<std::int32_t>(),
            (std::vector<std::int32_t>{1, 3, 5}));
  EXPECT_EQ(take_rows(data, {}).shape(), (Shape{0, 2}));
  const Tensor numbers = data.alias({6}, {1}, 0);
  EXPECT_EQ(take_rows(numbers, rows).to_vector<std::int32_t>(),
            (std::vector<std::int32_t>{2, 0, 2}));
}

TEST(TakeRows, RefusesRowsThatAreNotThere) {
  const Tensor data = Tensor::empty({3, 2});
  const std::vector<Index> beyond = {3};
  const std::vector<Index> negative = {-1};
  EXPECT_THROW(take_rows(data, beyond), IndexError);
  EXPECT_THROW(take_rows(data, negative), IndexError);
  EXPECT_THROW(take_rows(Tensor::empty({}), {}), ShapeError);
}

}  // namespace
}  // namespace voxgrad
