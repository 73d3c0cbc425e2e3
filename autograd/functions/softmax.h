// Probabilities from scores.
#pragma once

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// exp(x) / sum of exp(x) along `axis`, safe for large x; shape, dtype and memory order of x.
/// @throws IndexError on a wrong axis; DTypeError unless floating.
Tensor softmax(const Tensor& x, Index axis);

/// log(softmax(x, axis)), exact where the softmax rounds to 0.
Tensor log_softmax(const Tensor& x, Index axis);

}  // namespace voxgrad
