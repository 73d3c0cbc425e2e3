// Internal: what the passes over parameters share.
#pragma once

#include <voxgrad/core/shape.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace optim {

/// Elements of one task: a few microseconds of work.
inline constexpr Index kGrain = Index{1} << 15;

/// grad + decay * parameter; without decay an infinite parameter must not make it NaN.
template <typename T>
T decayed(T grad, T decay, T parameter) {
  return decay == 0 ? grad : grad + decay * parameter;
}

}  // namespace optim
}  // namespace voxgrad
