#include <voxgrad/autograd/saved_tensor.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <numeric>
#include <utility>
#include <variant>

#include <voxgrad/autograd/meta.h>
#include <voxgrad/autograd/view_layout.h>
#include <voxgrad/core/check.h>

namespace voxgrad {
namespace {
thread_local RecomputeScope* current_scope = nullptr;
}

/// How to compute a value again, and the value for as long as consumers of it are still to run.
class Recipe : public std::enable_shared_from_this<Recipe> {
 public:
  using Function = std::function<Tensor(std::span<const Tensor>)>;
  /// Of a result that is put together from its inputs one by one.
  struct Parts {
    std::function<Tensor()> begin;
    std::function<void(Tensor& result, std::size_t i, const Tensor& value)> put;
  };

  Recipe(std::vector<SavedTensor> inputs, std::variant<Function, Parts> method)
      : inputs_(std::move(inputs)), method_(std::move(method)) {
    order_.resize(inputs_.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    const auto depth = [&](std::size_t i) {
      return inputs_[i].recipe_ ? inputs_[i].recipe_->depth_ : 0;
    };
    for (const std::size_t i : order_) depth_ = std::max(depth_, depth(i) + 1);
    if (std::holds_alternative<Parts>(method_))
      std::ranges::stable_sort(order_, std::greater(), depth);
  }

  // A long chain must not take as long a stack: the outermost destructor frees what the inner ones
  // hand over.
  ~Recipe() {
    thread_local std::vector<std::vector<SavedTensor>>* pending = nullptr;
    if (pending != nullptr) {
      pending->push_back(std::move(inputs_));
      return;
    }
    std::vector<std::vector<SavedTensor>> handed_over;
    pending = &handed_over;
    handed_over.push_back(std::move(inputs_));
    while (!handed_over.empty()) {
      const std::vector<SavedTensor> next = std::move(handed_over.back());
      handed_over.pop_back();
    }
    pending = nullptr;
  }

  void add_consumer() {
    const std::lock_guard lock(mutex_);
    ++consumers_;
  }

  void name_consumer(std::uint64_t node) {
    const std::lock_guard lock(mutex_);
    nodes_.push_back(node);
  }

  /// `served_in`: the round in which that consumer got the value, 0 for never.
  void drop_consumer(std::uint64_t node, std::uint64_t served_in) {
    const std::lock_guard lock(mutex_);
    --consumers_;
    if (const auto at = std::ranges::find(nodes_, node); at != nodes_.end()) nodes_.erase(at);
    if (served_in == round_) --served_;
    if (value_.defined()) drop_when_served();
  }

  void forget() {
    const std::lock_guard lock(mutex_);
    end_round();
  }

  /// Whether a value is held that is better kept after `node` ran: one of the next few nodes will
  /// ask for it, or it stands at the end of a chain, which would be computed again and again.
  bool is_worth_keeping(std::uint64_t node) {
    constexpr std::uint64_t kNear = 16;
    constexpr int kLongChain = 4;
    const std::lock_guard lock(mutex_);
    if (!value_.defined()) return false;
    return depth_ >= kLongChain || std::ranges::any_of(nodes_, [&](std::uint64_t consumer) {
             return consumer < node && node - consumer <= kNear;
           });
  }

  /// The value for one consumer. Chains of recipes are computed without recursion.
  Tensor take(std::string_view op, std::uint64_t& served_in) {
    const NoGrad guard;
    while (true) {
      std::vector<Work> stack;
      stack.emplace_back(this);
      while (!stack.empty()) {
        Work& top = stack.back();
        Recipe* missing = top.recipe->ready() ? nullptr : top.recipe->advance(top, op);
        if (missing) stack.emplace_back(missing);
        else stack.pop_back();
      }
      // A graph that another thread frees meanwhile may have been the last that wanted the value.
      if (Tensor value = serve(served_in); value.defined()) return value;
    }
  }

 private:
  /// A value that is being computed.
  struct Work {
    explicit Work(Recipe* of) : recipe(of) {}

    Recipe* recipe;
    std::size_t inputs = 0;      // taken so far
    std::vector<Tensor> values;  // those of them, for a Function
    Tensor result;               // of Parts
  };

  bool ready() {
    const std::lock_guard lock(mutex_);
    return is_intact();
  }

  /// Whether a value is held that no consumer can have written into: else it is computed again.
  bool is_intact() const {
    return value_.defined() && value_.version() == value_version_ &&
           value_.impl()->storage()->is_shown() == value_was_shown_;
  }

  /// Goes on to the next input that must be computed first, which is returned, or to the end.
  Recipe* advance(Work& work, std::string_view op) {
    const auto* parts = std::get_if<Parts>(&method_);
    for (; work.inputs < inputs_.size(); ++work.inputs) {
      const std::size_t i = order_[work.inputs];
      const SavedTensor& input = inputs_[i];
      Tensor value = input.recipe_ ? input.recipe_->serve(input.served_in_) : input.values(op);
      if (input.recipe_ && !value.defined()) return input.recipe_.get();
      if (parts) {
        if (!work.result.defined()) work.result = parts->begin();
        parts->put(work.result, i, value);
      } else {
        work.values.push_back(std::move(value));
      }
    }
    if (parts && !work.result.defined()) work.result = parts->begin();
    Tensor value = parts ? work.result : std::get<Function>(method_)(work.values);
    const std::lock_guard lock(mutex_);
    value_ = std::move(value);
    value_version_ = value_.version();
    value_was_shown_ = value_.impl()->storage()->is_shown();
    if (current_scope) current_scope->touched_.push_back(shared_from_this());
    return nullptr;
  }

  Tensor serve(std::uint64_t& served_in) {
    const std::lock_guard lock(mutex_);
    if (!is_intact()) return {};
    Tensor value = value_;
    if (served_in != round_) ++served_;
    served_in = round_;
    drop_when_served();
    return value;
  }

  void drop_when_served() {
    if (served_ >= consumers_) end_round();
  }

  void end_round() {
    value_ = {};
    served_ = 0;
    ++round_;
  }

  std::vector<SavedTensor> inputs_;
  std::vector<std::size_t> order_;  // in which they are taken
  std::variant<Function, Parts> method_;
  int depth_ = 1;  // recipes from here to kept data
  std::mutex mutex_;
  Tensor value_;
  std::uint64_t value_version_ = 0;
  bool value_was_shown_ = false;
  int consumers_ = 0;
  std::vector<std::uint64_t> nodes_;  // those of the consumers that belong to nodes
  int served_ = 0;                    // consumers that got the value in this round
  std::uint64_t round_ = 1;           // a round begins when the last value is dropped
};

RecomputeScope::RecomputeScope() : outer_(std::exchange(current_scope, this)) {}

RecomputeScope::~RecomputeScope() {
  current_scope = outer_;
  for (const auto& recipe : touched_) recipe->forget();
}

void RecomputeScope::drop_far_from(std::uint64_t node) {
  std::erase_if(touched_, [&](const auto& recipe) {
    if (recipe->is_worth_keeping(node)) return false;
    recipe->forget();
    return true;
  });
}

/// The recipe that a rule which saves the tensor would keep, or null.
static std::shared_ptr<Recipe> recipe_of(const Tensor& tensor) {
  const auto& meta = tensor.impl()->autograd;
  if (!meta || tensor.impl()->storage()->is_shown()) return nullptr;
  return meta->recipe.get(tensor.version());
}

SavedTensor::SavedTensor(const Tensor& tensor) {
  if (tensor.defined()) keep(tensor, tensor);
}

SavedTensor SavedTensor::with_data(const Tensor& tensor, const Tensor& same_values) {
  SavedTensor saved;
  saved.keep(tensor, same_values);
  return saved;
}

void SavedTensor::keep(const Tensor& tensor, const Tensor& values) {
  origin_ = tensor.impl().get();
  origin_version_ = tensor.version();
  if (grad_enabled()) edge_ = edge_of(tensor);
  if (values.is_same(tensor)) recipe_ = recipe_of(tensor);
  if (recipe_) return recipe_->add_consumer();
  data_ = detached_handle(values, false);
  version_ = values.version();
}

SavedTensor::~SavedTensor() {
  if (recipe_) recipe_->drop_consumer(consumer_, served_in_);
}

void SavedTensor::set_consumer(std::uint64_t node) {
  consumer_ = node;
  if (recipe_) recipe_->name_consumer(node);
}

SavedTensor::SavedTensor(SavedTensor&& other) noexcept
    : data_(std::move(other.data_)),
      version_(other.version_),
      edge_(std::move(other.edge_)),
      result_(other.result_),
      result_layout_(std::move(other.result_layout_)),
      recipe_(std::exchange(other.recipe_, nullptr)),
      consumer_(other.consumer_),
      served_in_(other.served_in_),
      origin_(other.origin_),
      origin_version_(other.origin_version_) {}

SavedTensor& SavedTensor::operator=(SavedTensor&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(version_, other.version_);
  std::swap(edge_, other.edge_);
  std::swap(result_, other.result_);
  std::swap(result_layout_, other.result_layout_);
  std::swap(recipe_, other.recipe_);
  std::swap(consumer_, other.consumer_);
  std::swap(served_in_, other.served_in_);
  std::swap(origin_, other.origin_);
  std::swap(origin_version_, other.origin_version_);
  return *this;
}

void SavedTensor::mark_result(const Tensor& result, int output,
                              std::shared_ptr<const ViewLayout> layout) {
  // An operation in place may have saved the old value of what is now its result.
  if (origin_ != result.impl().get() || origin_version_ != result.version()) return;
  result_ = output;
  result_layout_ = std::move(layout);
  edge_ = {};
  if (!data_.defined() || data_.impl()->storage() != result.impl()->storage()) return;
  AutogradMeta& meta = meta_of(result);
  meta.kept = true;
  meta.kept_version = result.version();
}

Tensor SavedTensor::values(std::string_view op) const {
  if (recipe_) return recipe_->take(op, served_in_);
  if (!data_.defined()) return {};
  VG_CHECK(
      data_.version() == version_, AutogradError,
      "{}: a tensor that its gradient needs was changed in place; got version {} where version "
      "{} was saved, shape {} (use the operation that is not in place, or clone() first)",
      op, data_.version(), version_, to_string(data_.shape()));
  return detached_handle(data_);
}

Tensor SavedTensor::unpack(std::string_view op, const std::shared_ptr<Node>& owner) const {
  Tensor tensor = values(op);
  if (!tensor.defined()) return tensor;
  if (recipe_) tensor = detached_handle(tensor);  // consumers may join it to different places
  Edge edge = result_ < 0 ? edge_ : Edge{owner, result_};
  if (edge.node && result_layout_) edge = {make_view_node(edge, tensor, result_layout_), 0};
  if (edge.node) set_history(tensor, edge.node, edge.output);
  return tensor;
}

static void attach(Tensor& result, std::shared_ptr<Recipe> recipe) {
  meta_of(result).recipe.set(std::move(recipe), result.version());
}

void attach_recipe(Tensor& result, std::vector<SavedTensor> inputs, Recipe::Function recompute) {
  attach(result, std::make_shared<Recipe>(std::move(inputs), std::move(recompute)));
}

void attach_recipe_of_parts(
    Tensor& result, std::vector<SavedTensor> inputs, std::function<Tensor()> begin,
    std::function<void(Tensor& result, std::size_t i, const Tensor& value)> put) {
  attach(result, std::make_shared<Recipe>(std::move(inputs),
                                          Recipe::Parts{std::move(begin), std::move(put)}));
}

bool is_kept_by_its_node(const Tensor& tensor) {
  const auto& meta = tensor.impl()->autograd;
  return meta && meta->kept && meta->kept_version == tensor.version();
}

bool has_recipe(const Tensor& tensor) { return recipe_of(tensor) != nullptr; }

}  // namespace voxgrad
