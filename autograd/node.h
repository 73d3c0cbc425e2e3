// record(): how an operation joins the graph. Start reading here, then engine.h.
//
// A Node is one recorded operation: edges to where its inputs came from, what its rule saved, and
// the rule. Ids grow with creation, so every edge leads from a larger id to a smaller one: a
// backward pass needs no other order.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <voxgrad/autograd/grad_mode.h>
#include <voxgrad/autograd/saved_tensor.h>
#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Which inputs want a gradient.
using Needs = std::span<const bool>;

/// Gradients of the inputs (one each; undefined where not needed or zero) from the saved values
/// and the gradients of the results (all defined). Uses differentiable functions only, so that the
/// result can be differentiated again; captures no tensor. It may reset a saved value that it needs
/// no more, to free its memory early.
using Rule = std::function<std::vector<Tensor>(std::span<Tensor> saved,
                                               std::span<const Tensor> grads, Needs needs)>;

/// Joins results to the graph when grad mode is on and an input wants a gradient; else does
/// nothing. Undefined inputs are legal. `op` must outlive the program (a literal).
void record(std::string_view op, std::span<const Tensor> inputs, std::span<Tensor> results,
            std::vector<SavedTensor> saved, Rule rule);

/// record() where the inputs are known by their edges. Returns the node.
std::shared_ptr<Node> record_edges(std::string_view op, std::vector<Edge> edges,
                                   std::span<Tensor> results, std::vector<SavedTensor> saved,
                                   Rule rule);

/// Larger than the id of every node made so far.
std::uint64_t next_node_id();

/// True when record() would do something: skip work that only a rule needs.
bool wants_graph(std::span<const Tensor> inputs);
inline bool wants_graph(std::initializer_list<Tensor> inputs) {
  return wants_graph(std::span(inputs.begin(), inputs.size()));
}

/// The usual case of one result. Returns it.
template <typename... Saved>
Tensor record_one(std::string_view op, std::initializer_list<Tensor> inputs, Tensor result,
                  Rule rule, Saved&&... saved) {
  const std::span<const Tensor> span(inputs.begin(), inputs.size());
  if (!wants_graph(span)) return result;
  std::vector<SavedTensor> kept;
  kept.reserve(sizeof...(saved));
  (kept.emplace_back(std::forward<Saved>(saved)), ...);
  record(op, span, std::span(&result, 1), std::move(kept), std::move(rule));
  return result;
}

/// Before `target` is written in place. `inputs`: all that the operation reads, the target's old
/// value first. @throws AutogradError where its history cannot be rewritten: a leaf that wants a
/// gradient, a view made under no_grad of a tensor that wants one; ShapeError where two indices of
/// the target, or of the base of a target to be recorded, share an element.
void check_in_place(std::string_view op, const Tensor& target, std::span<const Tensor> inputs);

/// After `target` was written in place: inputs[0] is the target itself and stands for its old
/// value. Where the target is a view, the history of its base is rewritten.
void record_in_place(std::string_view op, Tensor& target, std::span<const Tensor> inputs,
                     std::vector<SavedTensor> saved, Rule rule);

/// Joins `view`, an alias of base's storage, to the graph as a view of `base`. `rule` is its
/// derivative while neither was written in place. Returns it.
Tensor record_view(std::string_view op, const Tensor& base, Tensor view, Rule rule);

/// Shape, dtype and device of a node's output: what a gradient must fit.
struct ResultInfo {
  Shape shape;
  DType dtype;
  Device device;
};

/// A function called with a gradient; what it returns, when defined, replaces the gradient.
struct GradHook {
  std::uint64_t id = 0;
  int output = 0;
  std::function<Tensor(const Tensor&)> call;
};

/// One recorded operation. For the autograd folder; users see tensors.
class Node {
 public:
  Node(std::string_view op, std::vector<Edge> inputs);
  ~Node();  // frees long chains without recursion
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Drops the saved tensors, and the recipes of the results: a tensor that the user still holds
  /// keeps nothing else alive.
  void release();

  std::string_view op;
  std::uint64_t id;
  std::vector<Edge> inputs;
  std::vector<ResultInfo> results;
  std::vector<std::weak_ptr<TensorImpl>> result_tensors;
  std::vector<SavedTensor> saved;
  Rule rule;
  bool takes_undefined = false;  // the rule wants no zeros for gradients that nothing gave
  Tensor leaf;                   // on accumulators: where the gradient goes
  bool freed = false;            // a backward pass released what was saved
  std::vector<GradHook> hooks;
};

/// Where the gradient of a tensor goes: its node, or its accumulator when it is a leaf that wants
/// one. Views are joined anew where their base's history was rewritten since.
Edge edge_of(const Tensor& tensor);

}  // namespace voxgrad
