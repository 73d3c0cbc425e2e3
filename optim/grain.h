// Internal: how the passes over parameters are split.
#pragma once

#include <voxgrad/core/shape.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace optim {

/// Elements of one task: a few microseconds of work.
inline constexpr Index kGrain = Index{1} << 15;

}  // namespace optim
}  // namespace voxgrad
