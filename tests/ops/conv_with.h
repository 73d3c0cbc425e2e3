// Convolutions of operands in several layouts, and a fixture that each algorithm runs in turn.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include <voxgrad/core/allocator.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/conv.h>

#include "tests/support/conv_oracle.h"
#include "tests/support/forced_algorithm.h"

namespace voxgrad::test {

/// plain; channels-last; reversed axes, cut out of a larger tensor.
enum class Layout { plain, channels_last, awkward };

inline Tensor make(const FormValues& values, const ConvGeometry& geometry, Slot slot, DType dtype,
                   Layout layout) {
  const Shape shape = slot_shape(geometry, slot);
  if (layout == Layout::awkward) return to_awkward_tensor(values.at(slot), shape, dtype);
  return to_tensor(values.at(slot), shape, dtype, layout == Layout::channels_last);
}

/// The partial derivative by `produced`, of operands in the layout.
inline Tensor partial(Slot produced, const ConvGeometry& geometry, const FormValues& values,
                      DType dtype, Layout layout = Layout::channels_last,
                      const Tensor* bias = nullptr) {
  Tensor tensors[3];
  ops::ConvOperands operands;
  const Tensor** places[] = {&operands.x, &operands.w, &operands.y};
  for (int i = 0; i < 3; ++i) {
    if (kSlots[i] == produced) continue;
    tensors[i] = make(values, geometry, kSlots[i], dtype, layout);
    *places[i] = &tensors[i];
  }
  return ops::conv_partial(produced, geometry, operands, {.bias = bias});
}

/// Forces one algorithm for the length of a test; conv_test.cpp lists the algorithms.
class ConvWith : public ::testing::TestWithParam<std::string> {
 protected:
  /// The widest that the algorithm runs.
  static DType widest() { return GetParam() == "winograd" ? DType::float32 : DType::float64; }

  /// The result of the call of conv_partial that has just returned.
  Tensor counted(Tensor result) {
    ++calls_;
    if (ops::last_conv()->algorithm == GetParam()) ++ran_;
    return result;
  }

  /// Expects that the forced algorithm gave a third of the counted results at least: some support
  /// one dtype or some slots only. The others came from those that it falls back to.
  void expect_forced() const {
    RecordProperty("calls", calls_);
    RecordProperty("ran", ran_);
    EXPECT_GE(ran_, 50);
    EXPECT_GE(3 * ran_, calls_);
  }

 private:
  const ForcedAlgorithm forced_{GetParam()};
  int calls_ = 0, ran_ = 0;
};

/// Leaves the pool and the limit as they were.
struct Restore {
  int threads = num_threads();
  std::size_t limit = workspace_limit();
  ~Restore() {
    set_num_threads(threads);
    set_workspace_limit(limit);
  }
};

}  // namespace voxgrad::test
