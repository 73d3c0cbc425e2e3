// Backward passes.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

struct BackwardOptions {
  bool retain_graph = false;
  bool create_graph = false;  ///< record the backward pass, so that it can be differentiated; implies retain_graph
  bool allow_unused = false;  ///< grad(): an input that outputs do not depend on gives an undefined gradient
};

/// Accumulates gradients into every leaf reached. `gradients` fit `tensors` one to one; an undefined one means 1 for a single element.
void backward(std::span<const Tensor> tensors, std::span<const Tensor> gradients,
              const BackwardOptions& options = {});

/// d(sum of <outputs, gradients>)/d(inputs), without touching any grad(). @throws AutogradError when an input is unused.
std::vector<Tensor> grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs,
                         std::span<const Tensor> gradients = {},
                         const BackwardOptions& options = {});

/// Calls `hook` with the gradient of `tensor` whenever one was computed; a defined result replaces it. Returns an id for remove_hook.
std::uint64_t register_hook(const Tensor& tensor, std::function<Tensor(const Tensor&)> hook);
void remove_hook(const Tensor& tensor, std::uint64_t id);

}  // namespace voxgrad
