#include <voxgrad/nn/container.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include <voxgrad/core/check.h>
#include <voxgrad/nn/activation.h>
#include <voxgrad/nn/norm.h>

namespace voxgrad::nn {
namespace {

/// Where the module is an activation that a norm can apply itself.
std::optional<double> rectifier_slope(const Module& module) {
  if (dynamic_cast<const ReLU*>(&module) != nullptr) return 0;
  const auto* leaky = dynamic_cast<const LeakyReLU*>(&module);
  if (leaky == nullptr) return std::nullopt;
  const double slope = leaky->options().negative_slope;
  return slope >= 0 && std::isfinite(slope) ? std::optional(slope) : std::nullopt;
}

}  // namespace

Function::Function(Call call) : call_(std::move(call)) {
  VG_CHECK(call_ != nullptr, Error, "Function: needs a function to call; got none");
}

AnyLayer AnyLayer::shallow_copy() const {
  AnyLayer copy = *this;
  copy.module_ = module_->shallow_copy();
  return copy;
}

void AnyLayer::require_module() const {
  VG_CHECK(module_ != nullptr, Error, "Sequential: every layer must be a module; got null");
}

Sequential::Sequential(std::initializer_list<AnyLayer> layers) {
  for (const AnyLayer& layer : layers) add(layer);
}

Sequential::Sequential(const Sequential& other) : Layer<Sequential>(other) {
  for (const auto& [name, layer] : other.layers_) layers_.emplace_back(name, layer.shallow_copy());
}

Sequential& Sequential::add(AnyLayer layer) {
  return add(std::to_string(layers_.size()), std::move(layer));
}

Sequential& Sequential::add(std::string name, AnyLayer layer) {
  VG_CHECK(std::ranges::none_of(layers_, [&](const auto& other) { return other.first == name; }),
           KeyError, "Sequential: names must differ; got {} twice", name);
  layers_.emplace_back(std::move(name), std::move(layer));
  return *this;
}

Module& Sequential::operator[](std::size_t index) const {
  VG_CHECK(index < layers_.size(), IndexError, "Sequential: the index must be below {}; got {}",
           layers_.size(), index);
  return layers_[index].second.module();
}

Tensor Sequential::forward(Tensor x) const {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const AnyLayer& layer = layers_[i].second;
    auto* norm = dynamic_cast<NormState*>(&layer.module());
    const auto slope = norm == nullptr || i + 1 == layers_.size()
                           ? std::nullopt
                           : rectifier_slope(layers_[i + 1].second.module());
    x = slope ? norm->forward(x, *slope) : layer(x);
    if (slope) ++i;
  }
  return x;
}

void Sequential::visit(Visitor& visitor) {
  for (const auto& [name, layer] : layers_) visitor.child(name, layer.module());
}

}  // namespace voxgrad::nn
