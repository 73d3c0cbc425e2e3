// The first call is recorded only to see which edges lead out of it: those of the one node that
// stays. Its rule records the function again and runs a pass from there to the same edges.
#include <voxgrad/autograd/checkpoint.h>

#include <algorithm>
#include <set>
#include <utility>

#include <voxgrad/autograd/engine.h>
#include <voxgrad/autograd/meta.h>
#include <voxgrad/autograd/node.h>
#include <voxgrad/core/check.h>
#include <voxgrad/core/random.h>

namespace voxgrad {
namespace {

/// The edges on which nodes from `first` on, from the results back, meet older nodes and leaves.
std::vector<Edge> edges_out(std::span<const Tensor> results, std::uint64_t first) {
  std::vector<Edge> out, stack;
  std::set<std::pair<const Node*, int>> seen;
  for (const Tensor& result : results) stack.push_back(edge_of(result));
  while (!stack.empty()) {
    const Edge edge = std::move(stack.back());
    stack.pop_back();
    if (!edge.node) continue;
    const bool leaves = edge.node->id < first || edge.node->leaf.defined();
    if (!seen.emplace(edge.node.get(), leaves ? edge.output : -1).second) continue;
    if (leaves) out.push_back(edge);
    else stack.insert(stack.end(), edge.node->inputs.begin(), edge.node->inputs.end());
  }
  return out;
}

/// While one lives, default_generator() continues from `state`, unless that is empty.
class RandomState {
 public:
  explicit RandomState(const std::vector<std::uint32_t>& state) {
    if (state.empty()) return;
    before_ = default_generator().state();
    default_generator().set_state(state);
  }
  ~RandomState() {
    if (!before_.empty()) default_generator().set_state(before_);
  }
  RandomState(const RandomState&) = delete;
  RandomState& operator=(const RandomState&) = delete;

 private:
  std::vector<std::uint32_t> before_;
};

struct WeakEdge {  // the node of the rule holds the others
  std::weak_ptr<Node> node;
  int output = 0;
};

struct Segment {
  TensorFunction function;
  std::vector<std::uint32_t> random_state;
  std::size_t input_count = 0, result_count = 0;
  std::vector<std::size_t> joined;  // numbers of the results that have gradients
  std::vector<WeakEdge> edges;

  std::vector<Tensor> call_again(std::span<const Tensor> saved) const {
    const GradMode recorded(true);
    const RandomState state(random_state);
    std::vector<Tensor> results = function(saved.first(input_count));
    VG_CHECK(results.size() == result_count, AutogradError,
             "checkpoint: the function must do the same when it is called again; got {} results, "
             "before {}",
             results.size(), result_count);
    return results;
  }

  // Results that got no gradient start nothing: zeros from them could meet infinities.
  std::vector<Tensor> operator()(std::span<Tensor> saved, std::span<const Tensor> grads,
                                 Needs needs) const {
    std::vector<Edge> wanted;
    for (std::size_t i = 0; i < edges.size(); ++i)
      if (needs[i]) wanted.push_back({edges[i].node.lock(), edges[i].output});
    std::vector<Tensor> results = call_again(saved), roots, given;
    for (std::size_t i = 0; i < grads.size(); ++i) {
      if (!grads[i].defined()) continue;
      roots.push_back(std::move(results[joined[i]]));
      given.push_back(grads[i]);
    }
    results.clear();
    std::vector<Tensor> found =
        gradients_at(wanted, roots, given, {.create_graph = grad_enabled()});
    std::vector<Tensor> all(edges.size());
    for (std::size_t i = 0, next = 0; i < edges.size(); ++i)
      if (needs[i]) all[i] = std::move(found[next++]);
    return all;
  }
};

/// The results that have gradients, each once. An input among them is what it was.
struct Joined {
  std::vector<Tensor> tensors;
  std::vector<std::size_t> numbers;                         // of those among the results
  std::vector<std::pair<std::size_t, std::size_t>> places;  // of every result, and its tensor's

  Joined(std::span<const Tensor> results, std::span<const Tensor> inputs) {
    for (std::size_t i = 0; i < results.size(); ++i) {
      const auto same = [&](const Tensor& x) { return x.defined() && x.is_same(results[i]); };
      if (!results[i].defined() || !results[i].requires_grad()) continue;
      if (std::ranges::any_of(inputs, same)) continue;
      const auto before = std::ranges::find_if(tensors, same);
      places.emplace_back(i, before - tensors.begin());
      if (before != tensors.end()) continue;
      numbers.push_back(i);
      tensors.push_back(results[i]);
    }
  }
};

std::vector<std::uint64_t> versions_of(std::span<const Tensor> tensors) {
  std::vector<std::uint64_t> versions;
  for (const Tensor& x : tensors) versions.push_back(x.defined() ? x.version() : 0);
  return versions;
}

void check_unchanged(std::span<const Tensor> inputs, const std::vector<std::uint64_t>& versions) {
  const auto now = versions_of(inputs);
  const auto changed = std::ranges::mismatch(now, versions).in1 - now.begin();
  VG_CHECK(changed == std::ssize(now), AutogradError,
           "checkpoint: the function must not change its inputs in place, since it is called with "
           "them again; input {} was changed (use the operation that is not in place, or clone() "
           "the input first)",
           changed);
}

}  // namespace

std::vector<Tensor> checkpoint(const TensorFunction& function, std::span<const Tensor> inputs,
                               const CheckpointOptions& options) {
  VG_CHECK(function != nullptr, AutogradError, "checkpoint: needs a function to call; got none");
  if (!grad_enabled()) return function(inputs);
  Segment segment;
  segment.function = function;
  segment.input_count = inputs.size();
  if (options.preserve_rng_state) segment.random_state = default_generator().state();
  std::vector<SavedTensor> saved;
  for (const Tensor& input : inputs) saved.emplace_back(input);
  if (saved.empty()) saved.emplace_back();  // a node that keeps nothing is never released
  const std::vector<std::uint64_t> versions = versions_of(inputs);
  const std::uint64_t first = next_node_id();
  std::vector<Tensor> results = function(inputs);
  Joined joined(results, inputs);
  std::vector<Edge> edges = edges_out(joined.tensors, first);
  if (edges.empty()) return results;
  check_unchanged(inputs, versions);
  segment.result_count = results.size();
  segment.joined = joined.numbers;
  for (const Edge& edge : edges) segment.edges.push_back({edge.node, edge.output});
  for (Tensor& result : joined.tensors) result = detached_handle(result);
  record_edges("checkpoint", std::move(edges), joined.tensors, std::move(saved), std::move(segment))
      ->takes_undefined = true;
  for (const auto& [result, place] : joined.places) results[result] = joined.tensors[place];
  return results;
}

Tensor checkpoint(const std::function<Tensor(const Tensor&)>& function, const Tensor& input,
                  const CheckpointOptions& options) {
  VG_CHECK(function != nullptr, AutogradError, "checkpoint: needs a function to call; got none");
  const TensorFunction of_one = [function](std::span<const Tensor> inputs) {
    return std::vector<Tensor>{function(inputs[0])};
  };
  return checkpoint(of_one, std::span(&input, 1), options)[0];
}

}  // namespace voxgrad
