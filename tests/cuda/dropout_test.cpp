// Masks that are drawn on the GPU.
#include <gtest/gtest.h>
#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/dropout.h>
#include <voxgrad/ops/random_function.h>

#include <algorithm>
#include <set>

#include "tests/ops/random_values.h"
#include "tests/support/on_cuda.h"

namespace voxgrad::testing {
namespace {

// The known answers that the authors publish with their code (Random123, kat_vectors).
TEST(Philox, GivesItsAuthorsNumbers) {
  const auto expect = [](ops::PhiloxWords counter, std::uint64_t key, ops::PhiloxWords words) {
    const ops::PhiloxWords result = ops::philox(counter, key);
    EXPECT_TRUE(std::ranges::equal(result.word, words.word));
  };
  expect({{0, 0, 0, 0}}, 0, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});
  expect({{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}}, ~std::uint64_t{0},
         {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}});
  expect({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0x299f31d0a4093822,
         {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}});
}

class CudaDropout : public Cuda {};

TEST_F(CudaDropout, KeyedDrawsAreTheSameOnEveryDeviceInEveryLayout) {
  for (const DType dtype : {DType::float32, DType::float64}) {
    Tensor plain = Tensor::empty({3, 5, 7, 2}, dtype);
    ops::fill_keyed_bernoulli(plain, 0.3, 42);
    for (const Layout layout : kAllLayouts) {
      const Tensor like = random_values({3, 5, 7, 2}, dtype, layout);
      for (const Device device : {Device{}, kCuda}) {
        Tensor x = device == kCuda ? on_cuda(like) : like;
        ops::fill_keyed_bernoulli(x, 0.3, 42);
        EXPECT_EQ(x.to(Device{}).to(DType::float64).to_vector<double>(),
                  plain.to(DType::float64).to_vector<double>());
      }
    }
  }
  Tensor none = Tensor::empty({0, 3}, DType::float32, kCuda);
  ops::fill_keyed_bernoulli(none, 0.5, 1);
}

TEST_F(CudaDropout, KeepsTheShareThatWasAskedFor) {
  for (const double p : {0.0, 0.25, 0.5, 1.0}) {
    Tensor x = Tensor::empty({100000}, DType::float32, kCuda);
    ops::fill_keyed_bernoulli(x, p, 7);
    const auto values = x.to(Device{}).to_vector<float>();
    const auto kept = static_cast<double>(std::ranges::count(values, 1.0F));
    EXPECT_EQ(kept + static_cast<double>(std::ranges::count(values, 0.0F)), 1e5);
    EXPECT_NEAR(kept / 1e5, p, p == 0 || p == 1 ? 0 : 0.006);  // four deviations
  }
}

TEST_F(CudaDropout, FollowsFromTheSeed) {
  const Tensor x = ones({4, 6, 5, 3}, DType::float32, kCuda);
  const auto draw = [&](std::uint64_t seed, const Tensor& input) {
    Generator generator(seed);
    return dropout(input, 0.4, true, generator).to(Device{}).to_vector<float>();
  };
  const auto first = draw(1, x);
  EXPECT_EQ(draw(1, x), first);
  EXPECT_EQ(draw(1, x.channels_last()), first);
  EXPECT_NE(draw(2, x), first);
  EXPECT_EQ(std::set(first.begin(), first.end()), (std::set<float>{0, 1 / (1 - 0.4F)}));
  Generator generator(1);
  const Tensor once = dropout(x, 0.4, true, generator), again = dropout(x, 0.4, true, generator);
  EXPECT_NE(once.to(Device{}).to_vector<float>(), again.to(Device{}).to_vector<float>());
  EXPECT_TRUE(dropout(x, 0.4, false).is_same(x));
}

TEST_F(CudaDropout, DropsWholeChannelsAndPassesGradients) {
  Tensor x = ones({4, 6, 5, 3}, DType::float32, kCuda).channels_last().requires_grad_();
  Generator generator(3);
  const Tensor y = feature_dropout(x, 0.5, true, generator);
  const auto values = y.detach().to(Device{}).to_vector<float>();
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], values[i / 15 * 15]);
  EXPECT_EQ((std::set(values.begin(), values.end())), (std::set<float>{0, 2}));
  y.backward(ones(y.shape(), DType::float32, kCuda));
  EXPECT_EQ(x.grad().to(Device{}).to_vector<float>(), values);
  Generator other(3);
  const Tensor z = alpha_dropout(x.detach(), 0.5, true, other).to(Device{});
  const auto scaled = z.to_vector<float>();
  EXPECT_EQ(std::set(scaled.begin(), scaled.end()).size(), 2U);
}

}  // namespace
}  // namespace voxgrad::testing
