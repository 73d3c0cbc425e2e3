// cat and stack, declared in shape.h.
#include <voxgrad/autograd/functions/shape.h>

#include <algorithm>

#include <voxgrad/autograd/functions/operands.h>
#include <voxgrad/autograd/node.h>
#include <voxgrad/core/check.h>
#include <voxgrad/ops/elementwise.h>
#include <voxgrad/ops/layout.h>

namespace voxgrad {
namespace {

/// The dtype that holds all.
DType common_dtype(std::span<const Tensor> tensors) {
  DType dtype = tensors[0].dtype();
  for (const Tensor& tensor : tensors) dtype = promote(dtype, tensor.dtype());
  return dtype;
}

void check_joinable(std::string_view op, std::span<const Tensor> tensors, int axis) {
  const Tensor& first = tensors[0];
  for (const Tensor& tensor : tensors) {
    VG_CHECK(tensor.device() == first.device(), DeviceError,
             "{}: all tensors must be on one device; got {} and {}", op, to_string(first.device()),
             to_string(tensor.device()));
    Shape expected = first.shape();
    if (axis >= 0 && tensor.dim() == first.dim()) expected[axis] = tensor.shape()[axis];
    VG_CHECK(tensor.shape() == expected, ShapeError,
             "{}: sizes beside the joined axis must agree; got {} and {}", op,
             to_string(first.shape()), to_string(tensor.shape()));
  }
}

/// The shape of them all, one behind the other. @throws ShapeError where no Index holds it.
Shape joined_shape(std::span<const Tensor> tensors, int axis) {
  Shape shape = tensors[0].shape();
  for (const Tensor& next : tensors.subspan(1)) {
    VG_CHECK(!__builtin_add_overflow(shape[axis], next.shape()[axis], &shape[axis]), ShapeError,
             "cat: the joined size must be below 2^63; got {} tensors, the first {}",
             tensors.size(), tensors[0].shape());
  }
  element_count(shape);
  return shape;
}

/// whole[start ... along the axis] <- part
void place(Tensor& whole, int axis, Index start, const Tensor& part) {
  const Index offset = start * whole.strides()[static_cast<std::size_t>(axis)];
  Tensor to = whole.alias(part.shape(), whole.strides(), offset);
  ops::copy_into(to, part);
}

Tensor joined(std::span<const Tensor> tensors, int axis, const Shape& shape) {
  Tensor result = ops::empty_in_order_of(tensors[0], shape);
  Index start = 0;
  for (const Tensor& tensor : tensors) {
    place(result, axis, start, tensor);
    start += tensor.shape()[static_cast<std::size_t>(axis)];
  }
  return result;
}

/// Marks what was computed last (it may be joined more than once): its gradient is used up next.
/// Those of the others may wait long, and would keep the whole gradient alive if they were views of
/// it.
std::vector<bool> newest(std::span<const Tensor> tensors) {
  std::vector<std::uint64_t> ids;
  for (const Tensor& tensor : tensors) {
    const Edge edge = edge_of(tensor);
    ids.push_back(edge.node && !edge.node->leaf.defined() ? edge.node->id : 0);
  }
  const std::uint64_t last = std::ranges::max(ids);
  std::vector<bool> marks;
  for (const std::uint64_t id : ids) marks.push_back(id == last);
  return marks;
}

/// A copy that lies as the whole does.
Tensor apart(const Tensor& part) {
  const bool channels_last = part.dim() > 2 && part.stride(1) == 1;
  return channels_last && !part.is_channels_last() ? part.channels_last() : part.clone();
}

/// Keeping the parts takes less than keeping the whole where they are kept anyway, or some of them
/// can be computed again.
void attach_cat_recipe(std::span<const Tensor> tensors, int axis, Tensor& result) {
  const bool recomputed = std::ranges::any_of(tensors, has_recipe);
  if (!std::ranges::all_of(tensors, recomputed ? is_kept_safely : is_kept_anyway)) return;
  std::vector<Index> starts{0};
  for (const Tensor& tensor : tensors) starts.push_back(starts.back() + tensor.size(axis));
  const auto begin = [shape = result.shape(), strides = result.strides(), dtype = result.dtype(),
                      device = result.device()] {
    return Tensor::empty_strided(shape, strides, dtype, device);
  };
  attach_recipe_of_parts(
      result, {tensors.begin(), tensors.end()}, begin,
      [axis, starts = std::move(starts)](Tensor& whole, std::size_t i, const Tensor& part) {
        place(whole, axis, starts[i], part);
      });
}

}  // namespace

Tensor cat(std::span<const Tensor> given, Index axis) {
  VG_CHECK(!given.empty(), ShapeError, "cat: needs at least one tensor; got none");
  std::vector<Tensor> tensors(given.begin(), given.end());
  const auto is_empty_vector = [](const Tensor& tensor) { return tensor.shape() == Shape{0}; };
  if (!std::ranges::all_of(tensors, is_empty_vector)) std::erase_if(tensors, is_empty_vector);
  VG_CHECK(tensors[0].dim() > 0, ShapeError, "cat: tensors of rank 0 cannot be joined; use stack");
  const int at = normalize_axis("cat", axis, tensors[0].dim());
  check_joinable("cat", tensors, at);
  const Shape shape = joined_shape(tensors, at);
  const DType dtype = common_dtype(given);
  std::vector<Index> sizes;
  for (Tensor& tensor : tensors) {
    tensor = tensor.to(dtype);
    sizes.push_back(tensor.shape()[at]);
  }
  std::array results{joined(tensors, at, shape)};
  if (!wants_graph(tensors)) return results[0];
  attach_cat_recipe(tensors, at, results[0]);
  record("cat", tensors, results, {},
         [at, sizes, last = newest(tensors)](std::span<const Tensor>, std::span<const Tensor> grads,
                                             Needs needs) {
           std::vector<Tensor> parts(sizes.size());
           Index begin = 0;
           for (std::size_t i = 0; i < sizes.size(); begin += sizes[i++]) {
             if (!needs[i]) continue;
             const Tensor part = grads[0].narrow(at, begin, sizes[i]);
             parts[i] = last[i] ? part : apart(part);
           }
           return parts;
         });
  return results[0];
}

Tensor stack(std::span<const Tensor> tensors, Index axis) {
  VG_CHECK(!tensors.empty(), ShapeError, "stack: needs at least one tensor; got none");
  check_joinable("stack", tensors, -1);
  std::vector<Tensor> widened;
  for (const Tensor& tensor : tensors) widened.push_back(tensor.unsqueeze(axis));
  return cat(widened, axis);
}

}  // namespace voxgrad
