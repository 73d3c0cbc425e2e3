#include <voxgrad/autograd/node.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include <voxgrad/autograd/meta.h>
#include <voxgrad/autograd/view_layout.h>
#include <voxgrad/core/check.h>

namespace voxgrad {
namespace {

std::atomic<std::uint64_t> next_id{1};

/// Threads may use the same parameters at once: lazily made parts of a meta are made under this.
std::mutex& meta_mutex() {
  static std::mutex mutex;
  return mutex;
}

Edge accumulator_of(const Tensor& leaf, AutogradMeta& meta) {
  const std::lock_guard lock(meta_mutex());
  std::shared_ptr<Node> node = meta.accumulator.lock();
  if (!node) {
    node = std::make_shared<Node>("accumulate_grad", std::vector<Edge>{});
    node->leaf = leaf;
    node->results.push_back({leaf.shape(), leaf.dtype(), leaf.device()});
    meta.accumulator = node;
  }
  return {std::move(node), 0};
}

std::uint64_t history_id(const Tensor& tensor) {
  const auto& meta = tensor.impl()->autograd;
  return meta && meta->node ? meta->node->id : 0;
}

/// True for a view whose base was given another history, or any, after the view was joined to it.
bool has_stale_history(const AutogradMeta& meta) {
  if (!meta.base.defined() || meta.cut) return false;
  if (meta.joined_to != history_id(meta.base)) return true;
  return !meta.node && !meta.requires_grad && meta.base.requires_grad();
}

std::vector<Edge> edges_of(std::span<const Tensor> inputs) {
  std::vector<Edge> edges;
  edges.reserve(inputs.size());
  for (const Tensor& input : inputs) edges.push_back(edge_of(input));
  return edges;
}

std::shared_ptr<Node> make_node(std::string_view op, std::vector<Edge> edges,
                                std::vector<SavedTensor> saved, Rule rule) {
  auto node = std::make_shared<Node>(op, std::move(edges));
  node->saved = std::move(saved);
  for (SavedTensor& kept : node->saved) kept.set_consumer(node->id);
  node->rule = std::move(rule);
  return node;
}

/// The rule of the base's history after an in-place operation with `rule` on a view of it.
Rule copy_slices(Rule rule, std::shared_ptr<const ViewLayout> layout) {
  return [rule = std::move(rule), layout = std::move(layout)](
             std::span<Tensor> saved, std::span<const Tensor> grads, Needs needs) {
    const Tensor view_grad = gather_view(grads[0], layout);
    std::vector<Tensor> result = rule(saved, std::span(&view_grad, 1), needs);
    if (needs[0]) result[0] = scatter_view(grads[0], result[0], layout);
    return result;
  };
}

}  // namespace

std::uint64_t next_node_id() { return next_id.load(std::memory_order_relaxed); }

Node::Node(std::string_view op_, std::vector<Edge> inputs_)
    : op(op_), id(next_id.fetch_add(1, std::memory_order_relaxed)), inputs(std::move(inputs_)) {}

Node::~Node() {
  // A chain of a million nodes must not take a million stack frames: the outermost destructor
  // frees what the inner ones hand over.
  thread_local std::vector<std::shared_ptr<Node>>* pending = nullptr;
  std::vector<std::shared_ptr<Node>> mine;
  const bool outermost = pending == nullptr;
  if (outermost) pending = &mine;
  for (Edge& edge : inputs)
    if (edge.node) pending->push_back(std::move(edge.node));
  saved.clear();  // edges of saved tensors lead to the same nodes, which are still held here
  if (!outermost) return;
  while (!mine.empty()) {
    const std::shared_ptr<Node> node = std::move(mine.back());
    mine.pop_back();
  }
  pending = nullptr;
}

void Node::release() {
  for (const auto& weak : result_tensors)
    if (const auto impl = weak.lock(); impl && impl->autograd) impl->autograd->recipe.drop();
  if (saved.empty()) return;
  saved.clear();
  rule = nullptr;
  freed = true;
}

std::mutex& leaf_mutex() {
  static auto* mutex = new std::mutex;  // never destroyed: threads may outlive main
  return *mutex;
}

AutogradMeta& meta_of(const Tensor& tensor) {
  TensorImpl& impl = *tensor.impl();
  if (!impl.autograd) impl.autograd = std::make_shared<AutogradMeta>();
  return *impl.autograd;
}

void set_history(const Tensor& tensor, std::shared_ptr<Node> node, int output) {
  AutogradMeta& meta = meta_of(tensor);
  meta.node = std::move(node);
  meta.output = output;
  meta.requires_grad = false;
}

Tensor detached_handle(const Tensor& tensor, bool counted) {
  const TensorImpl& impl = *tensor.impl();
  return Tensor(std::make_shared<TensorImpl>(impl.storage(), impl.shape, impl.strides, impl.offset,
                                             impl.dtype, counted));
}

Edge edge_of(const Tensor& tensor) {
  if (!tensor.defined() || !tensor.impl()->autograd) return {};
  AutogradMeta& meta = *tensor.impl()->autograd;
  if (has_stale_history(meta)) {
    const Edge base = edge_of(meta.base);
    set_history(tensor, make_view_node(base, tensor, view_layout(meta.base, tensor)), 0);
    meta.joined_to = history_id(meta.base);
  }
  if (meta.node) return {meta.node, meta.output};
  return meta.requires_grad ? accumulator_of(tensor, meta) : Edge{};
}

bool wants_graph(std::span<const Tensor> inputs) {
  return grad_enabled() && std::ranges::any_of(inputs, [](const Tensor& input) {
           return input.defined() && input.requires_grad();
         });
}

void record(std::string_view op, std::span<const Tensor> inputs, std::span<Tensor> results,
            std::vector<SavedTensor> saved, Rule rule) {
  if (!wants_graph(inputs)) return;
  record_edges(op, edges_of(inputs), results, std::move(saved), std::move(rule));
}

std::shared_ptr<Node> record_edges(std::string_view op, std::vector<Edge> edges,
                                   std::span<Tensor> results, std::vector<SavedTensor> saved,
                                   Rule rule) {
  const auto node = make_node(op, std::move(edges), std::move(saved), std::move(rule));
  for (int i = 0; i < static_cast<int>(results.size()); ++i) {
    const Tensor& result = results[i];
    node->results.push_back({result.shape(), result.dtype(), result.device()});
    node->result_tensors.push_back(result.impl());
    for (SavedTensor& kept : node->saved) kept.mark_result(result, i);
    if (is_floating(result.dtype())) set_history(result, node, i);
  }
  return node;
}

void check_in_place(std::string_view op, const Tensor& target, std::span<const Tensor> inputs) {
  VG_CHECK(!target.may_overlap(), ShapeError,
           "{}: an in-place operation needs every element in its own place; got shape {} with "
           "strides {} (clone() it first)",
           op, to_string(target.shape()), to_string(target.strides()));
  if (!grad_enabled() || !target.impl()->autograd) return;
  const AutogradMeta& meta = *target.impl()->autograd;
  const Tensor& owner = meta.base.defined() ? meta.base : target;
  const bool wanted = owner.requires_grad() || target.requires_grad();
  VG_CHECK(!wanted || history_id(owner) != 0, AutogradError,
           "{}: a leaf that wants a gradient cannot be written in place; got {} of shape {} (do it "
           "under NoGrad, or on a clone())",
           op, meta.base.defined() ? "a view of one" : "one", to_string(owner.shape()));
  VG_CHECK(!owner.may_overlap() || !(wanted || wants_graph(inputs)), ShapeError,
           "{}: what is written while recording must not be a view of a tensor whose elements "
           "share memory; got one of shape {} with strides {} (clone() that first)",
           op, to_string(owner.shape()), to_string(owner.strides()));
  VG_CHECK(!meta.cut || !(meta.base.requires_grad() || wants_graph(inputs)), AutogradError,
           "{}: a view that was made under no_grad cannot be written in place while recording; got "
           "shape {} (make the view outside of no_grad)",
           op, to_string(target.shape()));
}

void record_in_place(std::string_view op, Tensor& target, std::span<const Tensor> inputs,
                     std::vector<SavedTensor> saved, Rule rule) {
  if (!is_floating(target.dtype()) || !wants_graph(inputs)) return;
  std::vector<Edge> edges(1);
  for (const Tensor& input : inputs.subspan(1)) edges.push_back(edge_of(input));
  const AutogradMeta& meta = meta_of(target);
  const bool view = meta.base.defined();
  const Tensor owner = view ? meta.base : target;
  edges[0] = edge_of(owner);
  auto layout = view ? view_layout(owner, target) : nullptr;
  if (view) rule = copy_slices(std::move(rule), layout);
  const auto node = make_node(op, std::move(edges), std::move(saved), std::move(rule));
  node->results.push_back({owner.shape(), owner.dtype(), owner.device()});
  node->result_tensors.push_back(owner.impl());
  for (SavedTensor& kept : node->saved) kept.mark_result(target, 0, layout);
  set_history(owner, node, 0);  // which makes the history of its views stale
}

Tensor record_view(std::string_view op, const Tensor& base, Tensor view, Rule rule) {
  if (!is_floating(base.dtype())) return view;
  const std::shared_ptr<AutogradMeta>& base_meta = base.impl()->autograd;
  if (wants_graph(std::span(&base, 1))) {
    const auto node = make_node(op, edges_of(std::span(&base, 1)), {}, std::move(rule));
    node->results.push_back({view.shape(), view.dtype(), view.device()});
    set_history(view, node, 0);
  }
  AutogradMeta& meta = meta_of(view);
  meta.base = base_meta && base_meta->base.defined() ? base_meta->base : base;
  meta.cut = !grad_enabled() || (base_meta && base_meta->cut);
  meta.joined_to = history_id(meta.base);
  return view;
}

}  // namespace voxgrad
