// What a derivative rule needs later: a place in the graph, and data that is the tensor's own,
// another copy of it, or a recipe that computes it again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

class Node;
class Recipe;
struct ViewLayout;

/// Where a value came from: output `output` of `node`; null when no gradient flows.
struct Edge {
  std::shared_ptr<Node> node;
  int output = 0;
};

/// One value that a node keeps for its rule. Moves only: what a node saved belongs to it.
class SavedTensor {
 public:
  SavedTensor() = default;
  /// Keeps the tensor's recipe where it has one that still holds, else its data and version.
  /// An undefined tensor is legal and unpacks as undefined.
  SavedTensor(const Tensor& tensor);  // NOLINT(google-explicit-constructor): meant to convert
  /// Keeps `same_values` (a channels-last copy, say) in the place of `tensor`.
  static SavedTensor with_data(const Tensor& tensor, const Tensor& same_values);
  ~SavedTensor();
  SavedTensor(SavedTensor&& other) noexcept;
  SavedTensor& operator=(SavedTensor&& other) noexcept;
  SavedTensor(const SavedTensor&) = delete;
  SavedTensor& operator=(const SavedTensor&) = delete;

  /// The values, joined to the graph where the tensor was. `owner` is the node that saved it: a
  /// result saved by its own node leads back there.
  /// @throws AutogradError naming `op` when the values were changed in place since.
  Tensor unpack(std::string_view op, const std::shared_ptr<Node>& owner = {}) const;

  /// For record(): when this was made from `result`, it must not hold an edge to its own node.
  /// `layout` leads from the node's output to the saved value where the result is a view of it.
  void mark_result(const Tensor& result, int output, std::shared_ptr<const ViewLayout> layout = {});

  /// For record(): the node that this belongs to.
  void set_consumer(std::uint64_t node);

 private:
  friend class Recipe;
  void keep(const Tensor& tensor, const Tensor& values);
  Tensor values(std::string_view op) const;

  Tensor data_;  // an uncounted handle; undefined when a recipe is kept
  std::uint64_t version_ = 0;
  Edge edge_;
  int result_ = -1;
  std::shared_ptr<const ViewLayout> result_layout_;
  std::shared_ptr<Recipe> recipe_;
  std::uint64_t consumer_ = 0;           // id of the node that this belongs to; 0: a recipe
  mutable std::uint64_t served_in_ = 0;  // the recipe's round in which this consumer got the value
  const TensorImpl* origin_ = nullptr;   // what was saved: compared, never followed
  std::uint64_t origin_version_ = 0;
};

/// Says how to get `result` back from tensors that are kept anyway, so that rules which save it
/// keep no copy. Holds at the result's present version only. `recompute` runs under no_grad and
/// must give the forward's bits.
void attach_recipe(Tensor& result, std::vector<SavedTensor> inputs,
                   std::function<Tensor(std::span<const Tensor>)> recompute);

/// The same for a result that is put together: `begin` makes it, `put(result, i, value)` adds input
/// i. Inputs that have recipes themselves are computed one after the other, the one behind the most
/// recipes first, before the result is begun, so that few values lie in memory at once.
void attach_recipe_of_parts(
    Tensor& result, std::vector<SavedTensor> inputs, std::function<Tensor()> begin,
    std::function<void(Tensor& result, std::size_t i, const Tensor& value)> put);

/// Whether a rule that saves the tensor would keep a recipe. Not where its memory was shown to
/// others, who may have written there unseen.
bool has_recipe(const Tensor& tensor);

/// Whether the node that made the tensor keeps its data for its own rule, until a backward pass
/// frees that.
bool is_kept_by_its_node(const Tensor& tensor);

/// For the engine: while one lives on a thread, recomputed values are kept until their last
/// consumer ran; what is left is dropped at its end.
class RecomputeScope {
 public:
  RecomputeScope();
  ~RecomputeScope();
  /// Drops the values that none of the next few nodes before `node` will ask for: a skip connection
  /// is computed again at its other end rather than kept meanwhile.
  void drop_far_from(std::uint64_t node);
  RecomputeScope(const RecomputeScope&) = delete;
  RecomputeScope& operator=(const RecomputeScope&) = delete;

 private:
  std::vector<std::shared_ptr<Recipe>> touched_;
  RecomputeScope* outer_;
  friend class Recipe;
};

}  // namespace voxgrad
