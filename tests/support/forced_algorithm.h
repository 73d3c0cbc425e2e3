// Convolutions by one algorithm.
#pragma once

#include <string>
#include <string_view>

#include <voxgrad/ops/conv.h>

namespace voxgrad::test {

/// Forces an algorithm wherever it supports the problem, until it leaves scope. Empty: the
/// library's own choice.
class ForcedAlgorithm {
 public:
  explicit ForcedAlgorithm(std::string_view name) { ops::set_forced_conv_algorithm(name); }
  ~ForcedAlgorithm() { ops::set_forced_conv_algorithm(before_); }
  ForcedAlgorithm(const ForcedAlgorithm&) = delete;
  ForcedAlgorithm& operator=(const ForcedAlgorithm&) = delete;

 private:
  std::string before_ = ops::forced_conv_algorithm();
};

}  // namespace voxgrad::test
