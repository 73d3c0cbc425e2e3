#include <voxgrad/autograd/view_layout.h>

#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/ops/elementwise.h>
#include <voxgrad/ops/layout.h>

namespace voxgrad {
namespace {

/// A fresh tensor that lies as the base does. Undefined values are zeros.
Tensor laid_out_as_base(const Tensor& values, const ViewLayout& layout, DType dtype,
                        Device device) {
  Tensor result = Tensor::empty_strided(layout.base_shape, layout.base_strides, dtype, device);
  if (values.defined()) {
    ops::copy_into(result, values);
  } else {
    ops::fill(result, 0);
  }
  return result;
}

/// The layout with expanded axes (stride 0) cut to one element.
ViewLayout without_expansion(const ViewLayout& layout) {
  ViewLayout result = layout;
  for (std::size_t i = 0; i < result.shape.size(); ++i)
    if (result.strides[i] == 0 && result.shape[i] > 1) result.shape[i] = 1;
  return result;
}

/// region += values. Where elements of the region share memory, its shortest axis is taken element
/// by element, so that every sum has one order.
void add_into(const Tensor& region, const Tensor& values) {
  if (region.numel() == 0) return;
  if (!region.may_overlap()) {
    Tensor to = region;
    return ops::add_scaled_into(to, values, 1);
  }
  std::size_t axis = 0;
  const Shape& shape = region.shape();
  for (std::size_t i = 1; i < shape.size(); ++i)
    if (shape[i] > 1 && (shape[axis] <= 1 || shape[i] < shape[axis])) axis = i;
  const auto at = [axis](const Tensor& x, Index index) {
    Shape sizes = x.shape();
    sizes[axis] = 1;
    return x.alias(std::move(sizes), x.strides(), x.offset() + index * x.strides()[axis]);
  };
  for (Index i = 0; i < shape[axis]; ++i) add_into(at(region, i), at(values, i));
}

}  // namespace

std::shared_ptr<const ViewLayout> view_layout(const Tensor& base, const Tensor& view) {
  return std::make_shared<ViewLayout>(ViewLayout{base.shape(), base.strides(), base.offset(),
                                                 view.shape(), view.strides(), view.offset()});
}

Rule gather_view_rule(std::shared_ptr<const ViewLayout> layout) {
  return [layout = std::move(layout)](std::span<const Tensor>, std::span<const Tensor> grads,
                                      Needs) {
    auto plain = std::make_shared<const ViewLayout>(without_expansion(*layout));
    const Tensor values = plain->shape == layout->shape ? grads[0] : sum_to(grads[0], plain->shape);
    return std::vector<Tensor>{scatter_view({}, values, std::move(plain))};
  };
}

Tensor gather_view(const Tensor& base_values, std::shared_ptr<const ViewLayout> layout) {
  const Tensor base =
      laid_out_as_base(base_values, *layout, base_values.dtype(), base_values.device());
  Tensor result = base.alias(layout->shape, layout->strides, layout->offset - layout->base_offset);
  return record_one("gather_view", {base_values}, std::move(result),
                    gather_view_rule(std::move(layout)));
}

Tensor scatter_view(const Tensor& base_values, const Tensor& values,
                    std::shared_ptr<const ViewLayout> layout) {
  const Tensor& like = base_values.defined() ? base_values : values;
  Tensor result = laid_out_as_base(base_values, *layout, like.dtype(), like.device());
  Tensor region =
      result.alias(layout->shape, layout->strides, layout->offset - layout->base_offset);
  if (!values.defined()) {
    ops::fill(region, 0);
  } else if (!base_values.defined() && region.may_overlap()) {
    add_into(region, values);
  } else {
    ops::copy_into(region, values);
  }
  const auto rule = [layout = std::move(layout)](std::span<const Tensor>,
                                                 std::span<const Tensor> grads, Needs needs) {
    return std::vector<Tensor>{needs[0] ? scatter_view(grads[0], {}, layout) : Tensor(),
                               needs[1] ? gather_view(grads[0], layout) : Tensor()};
  };
  return record_one("scatter_view", {base_values, values}, std::move(result), rule);
}

std::shared_ptr<Node> make_view_node(Edge base, const Tensor& like,
                                     std::shared_ptr<const ViewLayout> layout) {
  auto node = std::make_shared<Node>("as_view", std::vector<Edge>{std::move(base)});
  node->results.push_back({layout->shape, like.dtype(), like.device()});
  node->rule = gather_view_rule(std::move(layout));
  return node;
}

}  // namespace voxgrad
