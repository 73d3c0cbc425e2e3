// One backward pass: a heap of nodes by id, the gradients that wait for each, and what to keep of
// them.
#include <voxgrad/autograd/engine.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/meta.h>
#include <voxgrad/core/check.h>
#include <voxgrad/core/fork.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/elementwise.h>
#include <voxgrad/ops/layout.h>

namespace voxgrad {
namespace {

/// Nothing else holds the tensor's memory: it may be written or kept as it is.
bool is_sole_owner(const Tensor& tensor) {
  const auto& storage = tensor.impl()->storage();
  return tensor.impl().use_count() == 1 && storage.use_count() == 1 && !storage->is_borrowed() &&
         !tensor.may_overlap();
}

void check_gradient(std::string_view op, const Tensor& grad, const ResultInfo& fits) {
  VG_CHECK(grad.shape() == fits.shape, ShapeError,
           "{}: a gradient must have its tensor's shape {}; got {}", op, to_string(fits.shape),
           to_string(grad.shape()));
  VG_CHECK(grad.dtype() == fits.dtype, DTypeError,
           "{}: a gradient must have its tensor's dtype {}; got {}", op, name(fits.dtype),
           name(grad.dtype()));
  VG_CHECK(grad.device() == fits.device, DeviceError,
           "{}: a gradient must be on its tensor's device {}; got {}", op, to_string(fits.device),
           to_string(grad.device()));
}

Tensor zeros_as(const ResultInfo& info) {
  Tensor zeros = Tensor::empty(info.shape, info.dtype, info.device);
  ops::fill(zeros, 0);
  return zeros;
}

/// sum += term, in place where nobody else can see it.
void accumulate(Tensor& sum, Tensor&& term) {
  if (!sum.defined()) {
    sum = std::move(term);
  } else if (!grad_enabled() && is_sole_owner(sum)) {
    ops::binary_into(ops::BinaryOp::add, sum, term, sum);
  } else if (!grad_enabled() && is_sole_owner(term)) {
    ops::binary_into(ops::BinaryOp::add, sum, term, term);
    sum = std::move(term);
  } else {
    sum = add(sum, term);
  }
}

void accumulate_into_leaf(const Tensor& leaf, Tensor&& grad) {
  AutogradMeta& meta = meta_of(leaf);
  if (!meta.requires_grad) return;  // frozen after it was recorded
  // Module::to may have changed the leaf since.
  const ResultInfo fits{leaf.shape(), leaf.dtype(), leaf.device()};
  check_gradient("backward", grad, fits);
  Tensor sum = leaf.grad();
  if (sum.defined()) check_gradient("backward: the leaf's .grad is of before", sum, fits);
  if (!sum.defined()) {
    sum = is_sole_owner(grad) ? std::move(grad) : Tensor::empty_like(leaf).copy_(grad);
  } else if (grad_enabled() || sum.requires_grad() || sum.may_overlap()) {
    sum = add(sum, grad);
  } else {
    ops::binary_into(ops::BinaryOp::add, sum, grad, sum);
    return;
  }
  const std::lock_guard lock(leaf_mutex());
  std::swap(meta.grad, sum);
}

/// Edges whose gradients a pass returns instead of accumulating any into leaves.
struct Captures {
  std::span<const Edge> edges;
  bool stop = false;  ///< the pass goes no further than the nodes that they lead to
};

class Pass {
 public:
  Pass(const BackwardOptions& options, std::span<const Edge> roots,
       const std::optional<Captures>& captured)
      : options_(options), capturing_(captured), stops_(captured && captured->stop) {
    if (!captured) return;
    captured_.resize(captured->edges.size());
    for (std::size_t i = 0; i < captured_.size(); ++i)
      captures_[captured->edges[i].node.get()].push_back({captured->edges[i].output, i});
    find_needed(roots);
  }

  void add_gradient(const Edge& edge, Tensor&& grad, std::string_view op) {
    if (!grad.defined() || !wanted(edge)) return;
    check_gradient(op, grad, edge.node->results[edge.output]);
    const auto [at, fresh] = gradients_.try_emplace(edge.node.get());
    if (fresh) {
      at->second.resize(edge.node->results.size());
      heap_.push({edge.node});
    }
    accumulate(at->second[edge.output], std::move(grad));
  }

  std::vector<Tensor> run() {
    const GradMode mode(options_.create_graph);
    RecomputeScope scope;
    while (!heap_.empty()) {
      poll_cancel();
      const std::shared_ptr<Node> node = heap_.top().node;
      heap_.pop();
      execute(node, scope);
    }
    return std::move(captured_);
  }

 private:
  struct Entry {
    std::shared_ptr<Node> node;
    bool operator<(const Entry& other) const { return node->id < other.node->id; }
  };
  struct Capture {
    int output;
    std::size_t slot;
  };

  bool ends_at(const Node* node) const { return stops_ && captures_.contains(node); }

  bool wanted(const Edge& edge) const {
    return edge.node && (!capturing_ || needed_.contains(edge.node.get()));
  }

  /// Nodes from which a captured edge is reached. Inputs have smaller ids than their consumers, so
  /// one walk by rising id over all that the seeds reach decides them.
  void find_needed(std::span<const Edge> roots) {
    std::map<std::uint64_t, const Node*> reached;
    std::vector<const Node*> stack;
    for (const Edge& root : roots) stack.push_back(root.node.get());
    while (!stack.empty()) {
      const Node* node = stack.back();
      stack.pop_back();
      if (!reached.emplace(node->id, node).second || ends_at(node)) continue;
      for (const Edge& edge : node->inputs)
        if (edge.node) stack.push_back(edge.node.get());
    }
    for (const auto& [id, node] : reached) {
      const bool leads = std::ranges::any_of(
          node->inputs, [&](const Edge& edge) { return needed_.contains(edge.node.get()); });
      if (leads || captures_.contains(node)) needed_.insert(node);
    }
  }

  static void run_hooks(const Node& node, std::vector<Tensor>& grads) {
    const std::vector<GradHook> hooks = [&] {
      const std::lock_guard lock(leaf_mutex());
      return node.leaf.defined() ? meta_of(node.leaf).hooks : node.hooks;
    }();
    for (const GradHook& hook : hooks) {
      Tensor& grad = grads[hook.output];
      if (!grad.defined()) continue;
      if (Tensor replaced = hook.call(grad); replaced.defined()) {
        check_gradient("hook", replaced, node.results[hook.output]);
        grad = std::move(replaced);
      }
    }
  }

  void execute(const std::shared_ptr<Node>& node, RecomputeScope& scope) {
    std::vector<Tensor> grads = std::move(gradients_.extract(node.get()).mapped());
    const bool ends = ends_at(node.get());
    if (!ends) run_hooks(*node, grads);
    if (const auto found = captures_.find(node.get()); found != captures_.end())
      for (const Capture& capture : found->second) captured_[capture.slot] = grads[capture.output];
    if (ends) return;
    if (node->leaf.defined()) {
      if (!capturing_) accumulate_into_leaf(node->leaf, std::move(grads[0]));
      return;
    }
    propagate(node, std::move(grads), scope);
  }

  void propagate(const std::shared_ptr<Node>& node, std::vector<Tensor> grads,
                 RecomputeScope& scope) {
    const std::size_t count = node->inputs.size();
    const auto needs = std::make_unique<bool[]>(count);
    bool any = false;
    for (std::size_t i = 0; i < count; ++i) any |= needs[i] = wanted(node->inputs[i]);
    if (!any) return;
    VG_CHECK(!node->freed, AutogradError,
             "{}: the values saved for backward were freed by an earlier backward, also by one "
             "that failed; got a second "
             "one (pass retain_graph to the first)",
             node->op);
    for (std::size_t i = 0; i < grads.size(); ++i)
      if (!grads[i].defined() && !node->takes_undefined) grads[i] = zeros_as(node->results[i]);
    std::vector<Tensor> results = apply_rule(node, grads, Needs(needs.get(), count), scope);
    grads.clear();
    for (std::size_t i = 0; i < count; ++i)
      if (needs[i]) add_gradient(node->inputs[i], std::move(results[i]), node->op);
  }

  std::vector<Tensor> apply_rule(const std::shared_ptr<Node>& node, std::span<const Tensor> grads,
                                 Needs needs, RecomputeScope& scope) {
    std::vector<Tensor> saved;
    saved.reserve(node->saved.size());
    for (const SavedTensor& kept : node->saved) saved.push_back(kept.unpack(node->op, node));
    scope.drop_far_from(node->id);
    // What the node kept is the rule's alone from here on, where nobody comes back for it.
    const Rule rule = node->rule;
    if (!options_.retain_graph && !options_.create_graph) node->release();
    std::vector<Tensor> results = rule(saved, grads, needs);
    VG_CHECK(results.size() == needs.size(), AutogradError,
             "{}: a rule must return one gradient per input; got {} for {} inputs", node->op,
             results.size(), needs.size());
    return results;
  }

  BackwardOptions options_;
  bool capturing_, stops_;
  std::priority_queue<Entry> heap_;
  std::unordered_map<const Node*, std::vector<Tensor>> gradients_;
  std::unordered_map<const Node*, std::vector<Capture>> captures_;
  std::unordered_set<const Node*> needed_;
  std::vector<Tensor> captured_;
};

/// One pass at a time: threads may share leaves and recipes. Recursive, since a rule may run a
/// pass. A forked child gets another one: a fork cannot wait for a pass, which may want the GIL
/// that the forking thread holds, and nobody is left to end those of other threads.
std::recursive_mutex& pass_mutex() {
  static std::atomic<std::recursive_mutex*> mutex{new std::recursive_mutex};  // never destroyed
  [[maybe_unused]] static const bool child_has_its_own = [] {
    internal::set_fork_handler(internal::ForkStage::graph,
                               {.acquire = [] { leaf_mutex().lock(); },
                                .in_parent = [] { leaf_mutex().unlock(); },
                                .in_child =
                                    [] {
                                      leaf_mutex().unlock();
                                      mutex.store(new std::recursive_mutex);
                                    }});
    return true;
  }();
  return *mutex.load();
}

/// What the pass starts from. @throws AutogradError, ShapeError.
Tensor seed_gradient(const Tensor& tensor, const Tensor& gradient, std::string_view op) {
  if (gradient.defined()) return gradient;
  VG_CHECK(tensor.numel() == 1, ShapeError,
           "{}: a gradient must be given unless the tensor has one element; got shape {} (reduce "
           "it to a scalar loss first)",
           op, to_string(tensor.shape()));
  Tensor one = Tensor::empty(tensor.shape(), tensor.dtype(), tensor.device());
  ops::fill(one, 1);
  return one;
}

std::vector<Tensor> run_pass(std::string_view op, std::span<const Tensor> tensors,
                             std::span<const Tensor> gradients, const BackwardOptions& options,
                             const std::optional<Captures>& captured) {
  VG_CHECK(gradients.empty() || gradients.size() == tensors.size(), ShapeError,
           "{}: needs one gradient per tensor; got {} for {}", op, gradients.size(),
           tensors.size());
  std::vector<Edge> roots;
  for (const Tensor& tensor : tensors) {
    roots.push_back(edge_of(tensor));
    VG_CHECK(roots.back().node, AutogradError,
             "{}: the tensor must come from recorded operations on one that wants a gradient; got "
             "one of shape {} outside the graph (call requires_grad_() on the leaves)",
             op, tensor.defined() ? to_string(tensor.shape()) : "(undefined)");
  }
  const std::lock_guard lock(pass_mutex());
  Pass pass(options, roots, captured);
  for (std::size_t i = 0; i < roots.size(); ++i) {
    Tensor seed = seed_gradient(tensors[i], gradients.empty() ? Tensor() : gradients[i], op);
    pass.add_gradient(roots[i], std::move(seed), op);
  }
  return pass.run();
}

}  // namespace

void backward(std::span<const Tensor> tensors, std::span<const Tensor> gradients,
              const BackwardOptions& options) {
  run_pass("backward", tensors, gradients, options, std::nullopt);
}

std::vector<Tensor> grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs,
                         std::span<const Tensor> gradients, const BackwardOptions& options) {
  std::vector<Edge> edges;
  for (const Tensor& input : inputs) {
    edges.push_back(edge_of(input));
    VG_CHECK(edges.back().node, AutogradError,
             "grad: every input must want a gradient; got input {} that does not",
             edges.size() - 1);
  }
  std::vector<Tensor> result = run_pass("grad", outputs, gradients, options, Captures{edges});
  for (std::size_t i = 0; i < result.size(); ++i)
    VG_CHECK(result[i].defined() || options.allow_unused, AutogradError,
             "grad: the outputs must depend on every input; got input {} unused (set allow_unused)",
             i);
  return result;
}

std::vector<Tensor> gradients_at(std::span<const Edge> edges, std::span<const Tensor> outputs,
                                 std::span<const Tensor> gradients,
                                 const BackwardOptions& options) {
  return run_pass("backward", outputs, gradients, options, Captures{edges, true});
}

std::uint64_t register_hook(const Tensor& tensor, std::function<Tensor(const Tensor&)> hook) {
  static std::atomic<std::uint64_t> next{1};
  VG_CHECK(hook != nullptr, AutogradError, "register_hook: needs a function to call; got none");
  const Edge edge = edge_of(tensor);
  VG_CHECK(edge.node, AutogradError,
           "register_hook: the tensor must want a gradient; got one of shape {} outside the graph",
           to_string(tensor.shape()));
  const std::uint64_t id = next.fetch_add(1);
  AutogradMeta& meta = meta_of(tensor);
  const std::lock_guard lock(leaf_mutex());
  if (!edge.node->leaf.defined()) meta.hooked.push_back(edge.node);
  auto& hooks = edge.node->leaf.defined() ? meta.hooks : edge.node->hooks;
  hooks.push_back({id, edge.output, std::move(hook)});
  return id;
}

void remove_hook(const Tensor& tensor, std::uint64_t id) {
  VG_CHECK(tensor.defined(), AutogradError, "remove_hook: the tensor must be defined");
  // What goes is dropped after the lock: a hook may own anything.
  std::vector<GradHook> removed;
  std::vector<std::shared_ptr<Node>> nodes;
  const auto remove = [&](std::vector<GradHook>& hooks) {
    const auto at = std::ranges::find(hooks, id, &GradHook::id);
    if (at == hooks.end()) return;
    removed.push_back(std::move(*at));
    hooks.erase(at);
  };
  AutogradMeta& meta = meta_of(tensor);
  const std::lock_guard lock(leaf_mutex());
  remove(meta.hooks);
  // A write in place may have given the tensor another node since.
  for (const auto& weak : meta.hooked) {
    nodes.push_back(weak.lock());
    if (nodes.back()) remove(nodes.back()->hooks);
  }
}

}  // namespace voxgrad
