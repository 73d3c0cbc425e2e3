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
  const ForcedAlgorithm forced_{GetParam()};
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
