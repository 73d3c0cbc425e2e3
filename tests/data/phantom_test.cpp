#include <voxgrad/data/phantom.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include <voxgrad/core/error.h>
#include <voxgrad/data/metrics.h>
#include <voxgrad/data/volume.h>

namespace voxgrad {
namespace {

double share(const Tensor& mask) {
  const auto values = mask.to_vector<std::uint8_t>();
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

TEST(Phantom, IsAFunctionOfItsOptions) {
  const PhantomOptions options{.size = {30, 36, 32}, .seed = 3};
  const Phantom a = make_phantom(options);
  const Phantom b = make_phantom(options);
  EXPECT_EQ(a.image.to_vector<float>(), b.image.to_vector<float>());
  EXPECT_EQ(a.mask.to_vector<std::uint8_t>(), b.mask.to_vector<std::uint8_t>());
  const Phantom other = make_phantom({.size = {30, 36, 32}, .seed = 4});
  const double overlap = dice(a.mask, other.mask);
  EXPECT_GT(overlap, 0.7);
  EXPECT_LT(overlap, 0.99);
}

TEST(Phantom, HoldsABrainThatNoThresholdFinds) {
  const Phantom phantom = make_phantom({.size = {46, 55, 46}});
  EXPECT_EQ(phantom.image.shape(), (Shape{46, 55, 46}));
  EXPECT_GT(share(phantom.mask), 0.08);
  EXPECT_LT(share(phantom.mask), 0.3);
  const ThresholdResult threshold = best_threshold(phantom.image, phantom.mask);
  EXPECT_GT(threshold.dice, 0.4);
  EXPECT_LT(threshold.dice, 0.9);
  const auto values = phantom.image.to_vector<float>();
  EXPECT_TRUE(std::ranges::all_of(values, [](float v) { return v >= 0 && v < 200; }));
}

TEST(Phantom, TouchesNoEdgeWithItsBrain) {
  const Phantom phantom = make_phantom({.size = {40, 48, 40}, .seed = 1});
  const Tensor inner = crop_volume(phantom.mask, {1, 1, 1}, {38, 46, 38});
  EXPECT_NEAR(share(inner) * static_cast<double>(inner.numel()),
              share(phantom.mask) * static_cast<double>(phantom.mask.numel()), 0.5);
}

TEST(Phantom, RefusesBadOptions) {
  EXPECT_THROW(make_phantom({.size = {7, 20, 20}}), ShapeError);
  EXPECT_THROW(make_phantom({.size = {20, 20, 5000}}), ShapeError);
  EXPECT_THROW(make_phantom({.noise = -1}), ShapeError);
  EXPECT_THROW(make_phantom({.bias = 1}), ShapeError);
}

}  // namespace
}  // namespace voxgrad
