// Internal: the one way to start a kernel.
//
// A kernel is a body: a plain struct that goes to the device by value and whose operator()(Index i)
// does the i-th part of the work. Parts run at once and in no order, and no part waits for another;
// sums over many parts go in two launches. <device_launch.h> is that of toolkit/ or emulated/.
#pragma once

#include <string_view>
#include <type_traits>

#include <device_launch.h>
#include <voxgrad/core/shape.h>

namespace voxgrad::ops::cuda {

/// Runs body(i) for every i in [0, count), after all work that was started before. Returns before
/// it is done, unless VOXGRAD_CUDA_SYNC=1.
///
/// @param op  named when the launch, or in synchronous mode the kernel, fails with DeviceError
template <typename Body>
void launch(std::string_view op, Index count, const Body& body) {
  static_assert(std::is_trivially_copyable_v<Body>, "a body is copied to the device bytewise");
  static_assert(sizeof(Body) <= 4000, "arguments of a kernel are limited to 4 KiB");
  if (count > 0) start(op, count, body);
}

}  // namespace voxgrad::ops::cuda
