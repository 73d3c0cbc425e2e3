// What a recipe gives.
#pragma once

#include <gtest/gtest.h>

#include <voxgrad/autograd/saved_tensor.h>

namespace voxgrad::test {

/// The values that a rule which saves `y` would get, computed again.
inline Tensor recomputed(const Tensor& y) {
  EXPECT_TRUE(has_recipe(y));
  const SavedTensor saved(y);
  const RecomputeScope scope;
  return saved.unpack("test").detach();
}

}  // namespace voxgrad::test
