// Internal to autograd: what a tensor knows of the graph.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include <voxgrad/autograd/node.h>
#include <voxgrad/core/tensor.h>

namespace voxgrad {

/// How a tensor's value at one version is computed again. A backward pass may drop it on one thread
/// while another reads it.
class RecipeSlot {
 public:
  void set(std::shared_ptr<Recipe> recipe, std::uint64_t version) {
    const std::lock_guard lock(mutex_);
    recipe_.swap(recipe);
    version_ = version;
  }
  /// Null where there is none for that version.
  std::shared_ptr<Recipe> get(std::uint64_t version) const {
    const std::lock_guard lock(mutex_);
    return version_ == version ? recipe_ : nullptr;
  }
  void drop() { set(nullptr, 0); }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<Recipe> recipe_;
  std::uint64_t version_ = 0;
};

class AutogradMeta {
 public:
  bool requires_grad = false;  // of a leaf
  Tensor grad;
  std::shared_ptr<Node> node;  // what computed this tensor
  int output = 0;
  std::weak_ptr<Node> accumulator;          // of a leaf; the graph keeps it alive
  std::vector<GradHook> hooks;              // of a leaf
  std::vector<std::weak_ptr<Node>> hooked;  // nodes that got hooks through this tensor

  Tensor base;                  // defined when this is a view
  std::uint64_t joined_to = 0;  // id of the base's node from which `node` leads here; 0 for a leaf
  bool cut = false;             // made under no_grad: not joined to its base

  RecipeSlot recipe;
  bool kept = false;  // by the node that computed this tensor, at that version
  std::uint64_t kept_version = 0;
};

/// The tensor's meta, made when there is none.
AutogradMeta& meta_of(const Tensor& tensor);

/// Guards every leaf's gradient and hooks, which threads may change during a pass. Held for a copy
/// or an exchange only: nothing else is called or dropped under it.
std::mutex& leaf_mutex();

/// Joins `tensor` as output `output` of `node`.
void set_history(const Tensor& tensor, std::shared_ptr<Node> node, int output);

/// A fresh handle on the same values outside the graph. Uncounted handles are for saving.
Tensor detached_handle(const Tensor& tensor, bool counted = true);

}  // namespace voxgrad
