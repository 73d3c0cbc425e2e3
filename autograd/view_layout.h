// Internal to autograd: how a view lies in its base, and the two adjoint operations on it.
#pragma once

#include <memory>

#include <voxgrad/autograd/node.h>
#include <voxgrad/core/tensor.h>

namespace voxgrad {

/// Both layouts count elements from the start of the storage that view and base share.
struct ViewLayout {
  Shape base_shape;
  Strides base_strides;
  Index base_offset = 0;
  Shape shape;
  Strides strides;
  Index offset = 0;
};

std::shared_ptr<const ViewLayout> view_layout(const Tensor& base, const Tensor& view);

/// The view's elements of any tensor of the base's shape. Differentiable.
Tensor gather_view(const Tensor& base_values, std::shared_ptr<const ViewLayout> layout);

/// `base_values` with the view's elements replaced by `values`; undefined `base_values` are zeros,
/// undefined `values` too. Where the view overlaps itself, which it may beside undefined
/// `base_values` alone, what meets is summed. Differentiable.
Tensor scatter_view(const Tensor& base_values, const Tensor& values,
                    std::shared_ptr<const ViewLayout> layout);

/// The derivative of taking the view.
Rule gather_view_rule(std::shared_ptr<const ViewLayout> layout);

/// A node for the view of what `base` leads to.
std::shared_ptr<Node> make_view_node(Edge base, const Tensor& like,
                                     std::shared_ptr<const ViewLayout> layout);

}  // namespace voxgrad
