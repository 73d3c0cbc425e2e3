// Parts of a network whose activations are computed again rather than kept.
#pragma once

#include <span>
#include <vector>

#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

struct CheckpointOptions {
  /// The second call draws the numbers of the first from default_generator() (dropout's masks).
  bool preserve_rng_state = true;
};

/// function(inputs), of which only the inputs are kept: the backward pass calls the function again
/// for what its rules need. Values and gradients are those of function(inputs), at any depth, if
/// the second call does what the first did; a batch norm updates its running statistics in both.
/// The function may use parameters and other tensors besides its inputs; these are not watched for
/// writes in between, and where one was replaced or frozen, its gradient is lost. What it computed
/// on the way is not part of the graph: nor is the gradient of one result with respect to another,
/// and results that are views are tensors of their own. It must not wait for another thread's
/// backward pass. Does nothing but call it while nothing is recorded. Chen et al., Training Deep
/// Nets with Sublinear Memory Cost, 2016.
/// @throws AutogradError when the function changes an input in place; in the backward pass, when an
/// input was changed since, or the second call gives another number of results; ShapeError or
/// DTypeError there when it gives other ones.
std::vector<Tensor> checkpoint(const TensorFunction& function, std::span<const Tensor> inputs,
                               const CheckpointOptions& options = {});
/// For functions of one tensor.
Tensor checkpoint(const std::function<Tensor(const Tensor&)>& function, const Tensor& input,
                  const CheckpointOptions& options = {});

}  // namespace voxgrad
