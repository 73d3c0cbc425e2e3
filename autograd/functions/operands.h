// Internal to autograd/functions: dtypes and devices of operands, and the usual shapes of rules.
#pragma once

#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/meta.h>
#include <voxgrad/autograd/node.h>
#include <voxgrad/core/check.h>
#include <voxgrad/core/tensor.h>
#include <voxgrad/ops/elementwise.h>
#include <voxgrad/ops/layout.h>

namespace voxgrad {

using Saved = std::span<const Tensor>;

inline void check_same_device(std::string_view op, const Tensor& a, const Tensor& b) {
  VG_CHECK(a.device() == b.device(), DeviceError,
           "{}: all tensors must be on one device; got {} and {}", op, to_string(a.device()),
           to_string(b.device()));
}

/// x, on the other's device if that is a GPU and x a scalar of the CPU, as PyTorch lets it be.
inline Tensor beside(const Tensor& x, const Tensor& other) {
  if (x.dim() != 0 || x.device().type != DeviceType::cpu || other.device() == x.device()) return x;
  const double value = x.item();
  const bool exact = is_floating(x.dtype()) || std::abs(value) < 0x1p53;
  // A fill waits for nothing, as a copy does.
  if (exact && !x.requires_grad()) return ops::scalar(value, x.dtype(), other.device());
  return x.to(other.device());
}

inline void check_floating(std::string_view op, const Tensor& x) {
  VG_CHECK(is_floating(x.dtype()), DTypeError, "{}: x must be float32 or float64; got {}", op,
           name(x.dtype()));
}

/// x, integers as default_dtype().
inline Tensor as_floating(const Tensor& x) {
  return is_floating(x.dtype()) ? x : x.to(default_dtype());
}

/// bool, integer, floating: only a later kind holds the values of an earlier one.
inline int kind(DType dtype) { return is_floating(dtype) ? 2 : dtype == DType::boolean ? 0 : 1; }

/// The dtype of `x (op) value`.
inline DType dtype_with_scalar(DType dtype, double value) {
  if (is_floating(dtype)) return dtype;
  if (value != std::floor(value) || std::isinf(value)) return default_dtype();
  return dtype == DType::boolean ? DType::int64 : dtype;
}

inline Tensor scalar_like(const Tensor& x, double value) {
  return ops::scalar(value, x.dtype(), x.device());
}

/// Whether every write into its memory changes the version.
inline bool sees_writes(const Tensor& tensor) {
  const Storage& storage = *tensor.impl()->storage();
  return !storage.is_borrowed() && !storage.is_shown();
}

/// Whether a recipe may hold the tensor itself: a value computed in the graph, which nobody is
/// likely to change. Leaves, buffers and foreign memory often are, between forward and backward. A
/// view may be of a leaf, or hold more memory than it shows.
inline bool is_kept_safely(const Tensor& tensor) {
  if (has_recipe(tensor)) return true;
  const auto& meta = tensor.impl()->autograd;
  if (!meta || meta->base.defined()) return false;
  const Edge edge = edge_of(tensor);
  return edge.node && !edge.node->leaf.defined() && sees_writes(tensor);
}

/// Whether a recipe may read the tensor at no cost in memory while its graph is whole: it can be
/// computed again itself, or its own node keeps it.
inline bool is_kept_anyway(const Tensor& tensor) {
  return has_recipe(tensor) || (is_kept_safely(tensor) && is_kept_by_its_node(tensor));
}

/// Where `holds`, says that f(x) gives the result again.
template <typename F>
void attach_recipe_from(const Tensor& x, bool holds, Tensor& result, F f) {
  if (!holds || !wants_graph({x})) return;
  std::vector<SavedTensor> inputs;
  inputs.emplace_back(x);
  attach_recipe(result, std::move(inputs),
                [f = std::move(f)](std::span<const Tensor> in) { return f(in[0]); });
}

/// A copy for a recipe, which no operation in place can change; or nothing.
inline Tensor frozen(const Tensor& parameter) {
  return parameter.defined() ? ops::copy(parameter) : Tensor();
}

/// `t`, or nothing: what a rule saves when only some inputs want gradients.
inline Tensor kept_if(bool wanted, const Tensor& t) { return wanted ? t : Tensor(); }

/// A rule for one input: f(saved, grad).
template <typename F>
Rule unary_rule(F f) {
  return [f = std::move(f)](Saved saved, std::span<const Tensor> grads, Needs) {
    return std::vector<Tensor>{f(saved, grads[0])};
  };
}

/// A rule for two inputs that broadcast: both partial derivatives as f(saved, grad), of the
/// result's shape.
template <typename A, typename B>
Rule binary_rule(const Tensor& a, const Tensor& b, A grad_a, B grad_b) {
  return [a_shape = a.shape(), b_shape = b.shape(), grad_a = std::move(grad_a),
          grad_b = std::move(grad_b)](Saved saved, std::span<const Tensor> grads, Needs needs) {
    std::vector<Tensor> result(2);
    if (needs[0]) result[0] = sum_to(grad_a(saved, grads[0]), a_shape);
    if (needs[1]) result[1] = sum_to(grad_b(saved, grads[0]), b_shape);
    return result;
  };
}

}  // namespace voxgrad
