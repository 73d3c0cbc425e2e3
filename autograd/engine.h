// Backward passes.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include <voxgrad/autograd/saved_tensor.h>
#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

struct BackwardOptions {
  bool retain_graph = false;
  /// Record the backward pass, so that it can be differentiated; implies retain_graph.
  bool create_graph = false;
  /// grad(): an input that no output depends on gives an undefined gradient.
  bool allow_unused = false;
};

/// Accumulates gradients into every leaf reached that wants one. `gradients` fit `tensors` one to
/// one; an undefined one, or none at all, means 1 for a single element. What a leaf holds already
/// is added to in place, unless the pass is recorded.
/// @throws AutogradError for a tensor outside the graph, or where saved values were freed or
/// changed; ShapeError, DTypeError, DeviceError where a gradient does not fit; Cancelled between
/// two nodes.
void backward(std::span<const Tensor> tensors, std::span<const Tensor> gradients,
              const BackwardOptions& options = {});

/// d(sum of <outputs, gradients>)/d(inputs), without touching any grad().
/// @throws AutogradError when an input is unused; else as backward.
std::vector<Tensor> grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs,
                         std::span<const Tensor> gradients = {},
                         const BackwardOptions& options = {});

/// For rules that run a pass: the gradients that arrive at `edges` from `outputs`, before any hook
/// of theirs. The pass goes no further; undefined where none arrives.
std::vector<Tensor> gradients_at(std::span<const Edge> edges, std::span<const Tensor> outputs,
                                 std::span<const Tensor> gradients,
                                 const BackwardOptions& options = {});

/// Drops the gradients, or fills them with zeros in place.
void zero_grad(std::span<const Tensor> tensors, bool set_to_none = true);

/// Calls `hook` with the gradient of `tensor` whenever one was computed; a defined result replaces
/// it. After a write in place it stays with the value that the tensor had before.
/// @return  an id for remove_hook
/// @throws AutogradError unless the tensor wants a gradient.
std::uint64_t register_hook(const Tensor& tensor, std::function<Tensor(const Tensor&)> hook);
/// Removes the hook that register_hook gave that id; none is legal.
void remove_hook(const Tensor& tensor, std::uint64_t id);

}  // namespace voxgrad
