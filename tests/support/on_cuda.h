// Functions of tensors on the CPU and on the first GPU must agree.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include <voxgrad/core/tensor.h>

namespace voxgrad::testing {

inline constexpr Device kCuda{DeviceType::cuda, 0};

/// Skips the tests where there is no GPU, not even an emulated one.
class Cuda : public ::testing::Test {
 protected:
  void SetUp() override;
};

/// The same values on the GPU, lying there as they do here: with the gaps and overlaps.
Tensor on_cuda(const Tensor& x);

using Function = std::function<Tensor(const std::vector<Tensor>&)>;

/// What "agree" means.
struct Agreement {
  /// Largest difference, relative to the largest element of the CPU's result. 0: the same bits.
  double tolerance = 0;
  /// Also compare the gradients of the inputs that are floating, for a random gradient of the
  /// result.
  bool gradients = false;
};

/// Runs f on the inputs and on their copies on the GPU, there twice: expects the GPU's results on
/// the GPU, with the same bits both times, of the CPU's shape, dtype and strides, and its values.
void expect_agreement(const std::string& name, const Function& f, const std::vector<Tensor>& inputs,
                      const Agreement& agreement = {});

}  // namespace voxgrad::testing
