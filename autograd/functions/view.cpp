// The members of Tensor that alias its storage.
#include <algorithm>

#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/functions/shape.h>
#include <voxgrad/autograd/meta.h>
#include <voxgrad/autograd/view_layout.h>
#include <voxgrad/core/check.h>
#include <voxgrad/ops/layout.h>

namespace voxgrad {
namespace {

/// A rule that maps the one gradient.
template <typename F>
Rule linear_rule(F f) {
  return [f = std::move(f)](std::span<const Tensor>, std::span<const Tensor> grads, Needs) {
    return std::vector<Tensor>{f(grads[0])};
  };
}

Rule reshape_rule(const Tensor& x) {
  return linear_rule([shape = x.shape()](const Tensor& grad) { return grad.reshape(shape); });
}

/// `shape` with its -1 replaced by what the count of elements leaves.
Shape complete_shape(std::string_view op, const Tensor& x, const Shape& shape) {
  Shape result = shape;
  const auto open = std::ranges::find(result, -1);
  if (open != result.end()) {
    *open = 1;
    const Index rest = element_count(result);
    VG_CHECK(rest > 0 && x.numel() % rest == 0, ShapeError,
             "{}: the sizes beside -1 must divide the element count; got shape {} for {} elements",
             op, to_string(shape), x.numel());
    *open = x.numel() / rest;
  }
  VG_CHECK(std::ranges::all_of(result, [](Index size) { return size >= 0; }) &&
               element_count(result) == x.numel(),
           ShapeError, "{}: the element count must stay; got shape {} for {}", op, to_string(shape),
           to_string(x.shape()));
  return result;
}

/// Lays a channels-last tensor that shares its memory with nobody out plain, in place: the handles
/// stay. True when it could.
bool relay_plain(const Tensor& x) {
  TensorImpl& impl = *x.impl();
  const Storage& storage = *impl.storage();
  if (!x.is_channels_last() || storage.tensors() != 1 || storage.is_borrowed()) return false;
  const Tensor plain = ops::to_contiguous(x);
  if (impl.autograd) {
    impl.autograd->recipe.drop();  // it gives the old layout
    impl.autograd->kept = false;   // what a rule keeps is the old memory
  }
  impl.replace(plain.impl()->storage(), plain.strides(), 0);
  return true;
}

std::optional<Strides> aliasing_strides(const Tensor& x, const Shape& shape) {
  return view_strides(x.shape(), x.strides(), shape);
}

Tensor alias_reshaped(std::string_view op, const Tensor& x, Shape shape, Strides strides) {
  return record_view(op, x, x.alias(std::move(shape), std::move(strides), x.offset()),
                     reshape_rule(x));
}

/// A view that picks elements of x. `pick(shape, strides, offset)` turns a layout of x into one of
/// the view; the rule applies it to a dense one, as that of x need not be.
template <typename F>
Tensor picked(std::string_view op, const Tensor& x, F pick) {
  ViewLayout dense{.base_shape = x.shape(),
                   .base_strides = x.is_dense() ? x.strides() : contiguous_strides(x.shape()),
                   .base_offset = 0,
                   .shape = x.shape(),
                   .strides = {},
                   .offset = 0};
  dense.strides = dense.base_strides;
  pick(dense.shape, dense.strides, dense.offset);
  Shape shape = x.shape();
  Strides strides = x.strides();
  Index offset = x.offset();
  pick(shape, strides, offset);
  return record_view(op, x, x.alias(std::move(shape), std::move(strides), offset),
                     gather_view_rule(std::make_shared<const ViewLayout>(std::move(dense))));
}

/// normalize_axis, where a tensor of rank 0 counts as one of rank 1.
int wrapped_axis(std::string_view op, Index axis, int rank) {
  return normalize_axis(op, axis, std::max(rank, 1));
}

}  // namespace

Tensor Tensor::view(const Shape& new_shape) const {
  Shape complete = complete_shape("view", *this, new_shape);
  std::optional<Strides> new_strides = aliasing_strides(*this, complete);
  if (!new_strides && relay_plain(*this)) new_strides = aliasing_strides(*this, complete);
  VG_CHECK(
      new_strides, ShapeError,
      "view: the strides must allow the new shape without a copy; got shape {} with strides {} "
      "to be seen as {} (use reshape)",
      to_string(shape()), to_string(strides()), to_string(new_shape));
  return alias_reshaped("view", *this, std::move(complete), std::move(*new_strides));
}

Tensor Tensor::reshape(const Shape& new_shape) const {
  Shape complete = complete_shape("reshape", *this, new_shape);
  if (auto new_strides = aliasing_strides(*this, complete))
    return alias_reshaped("reshape", *this, std::move(complete), std::move(*new_strides));
  return contiguous().view(complete);
}

Tensor Tensor::permute(std::span<const Index> axes) const {
  VG_CHECK(static_cast<int>(axes.size()) == dim(), ShapeError,
           "permute: needs each of {} axes once; got {}", dim(), to_string(axes));
  Shape new_shape(axes.size());
  Strides new_strides(axes.size());
  std::vector<Index> inverse(axes.size(), -1);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const int axis = normalize_axis("permute", axes[i], dim());
    VG_CHECK(inverse[axis] == -1, ShapeError, "permute: needs each of {} axes once; got {}", dim(),
             to_string(axes));
    inverse[axis] = static_cast<Index>(i);
    new_shape[i] = shape()[axis];
    new_strides[i] = strides()[axis];
  }
  return record_view("permute", *this, alias(new_shape, new_strides, offset()),
                     linear_rule([inverse](const Tensor& grad) { return grad.permute(inverse); }));
}

Tensor Tensor::permute(std::initializer_list<Index> axes) const {
  return permute(std::span(axes.begin(), axes.size()));
}

Tensor Tensor::transpose(Index a, Index b) const {
  std::vector<Index> axes(static_cast<std::size_t>(dim()));
  for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<Index>(i);
  const int first = wrapped_axis("transpose", a, dim()),
            second = wrapped_axis("transpose", b, dim());
  if (dim() > 0) std::swap(axes[first], axes[second]);
  return permute(axes);
}

Tensor Tensor::narrow(Index axis, Index start, Index length) const {
  const int at = normalize_axis("narrow", axis, dim());
  const Index size = shape()[at];
  VG_CHECK(start >= -size && start <= size, IndexError,
           "narrow: start must lie in [{}, {}]; got {}", -size, size, start);
  if (start < 0) start += size;
  VG_CHECK(length >= 0 && length <= size - start, ShapeError,
           "narrow: start + length must be at most the size {}; got {} + {}", size, start, length);
  Shape new_shape = shape();
  new_shape[at] = length;
  const auto rule = linear_rule([at, start, size, length, rank = dim()](const Tensor& grad) {
    std::vector<Index> amounts(2 * static_cast<std::size_t>(rank - at));
    amounts[amounts.size() - 2] = start;
    amounts[amounts.size() - 1] = size - start - length;
    return pad(grad, amounts);
  });
  return record_view("narrow", *this, alias(new_shape, strides(), offset() + start * strides()[at]),
                     rule);
}

Tensor Tensor::slice(Index axis, Index start, Index length, Index step) const {
  const int at = normalize_axis("slice", axis, dim());
  VG_CHECK(step >= 1, ShapeError, "slice: step must be >= 1; got {} (use flip to reverse)", step);
  if (step == 1 || length <= 1) return narrow(at, start, length);
  const Index size = shape()[at];
  VG_CHECK(start >= -size && start <= size, IndexError, "slice: start must lie in [{}, {}]; got {}",
           -size, size, start);
  if (start < 0) start += size;
  VG_CHECK(start < size && length - 1 <= (size - 1 - start) / step, ShapeError,
           "slice: start + (length - 1) * step must be below the size {}; got {} + {} * {}", size,
           start, length - 1, step);
  return picked("slice", *this, [&](Shape& sizes, Strides& steps, Index& first) {
    first += start * steps[at];
    sizes[at] = length;
    steps[at] *= step;
  });
}

Tensor Tensor::diagonal(Index offset, Index axis1, Index axis2) const {
  const int a = normalize_axis("diagonal", axis1, dim());
  const int b = normalize_axis("diagonal", axis2, dim());
  VG_CHECK(a != b, ShapeError, "diagonal: needs two different axes; got {} and {}", axis1, axis2);
  // Clamped first, so that no offset overflows.
  const Index row = std::clamp<Index>(offset, -shape()[a], 0) * -1;
  const Index column = std::clamp<Index>(offset, 0, shape()[b]);
  const Index length = std::min(shape()[a] - row, shape()[b] - column);
  return picked("diagonal", *this, [&](Shape& sizes, Strides& steps, Index& first) {
    if (length > 0) first += row * steps[a] + column * steps[b];
    const Index step = steps[a] + steps[b];
    for (const int axis : {std::max(a, b), std::min(a, b)}) {
      sizes.erase(sizes.begin() + axis);
      steps.erase(steps.begin() + axis);
    }
    sizes.push_back(length);
    steps.push_back(step);
  });
}

Tensor Tensor::unfold(Index axis, Index size, Index step) const {
  const int at = wrapped_axis("unfold", axis, dim());
  const Index whole = dim() == 0 ? 1 : shape()[at];
  VG_CHECK(size >= 0 && size <= whole && step >= 1, ShapeError,
           "unfold: size must be in [0, {}] and step >= 1; got {} and {}", whole, size, step);
  return picked("unfold", *this, [&](Shape& sizes, Strides& steps, Index&) {
    const Index stride = sizes.empty() ? 1 : steps[at];
    if (!sizes.empty()) {
      sizes[at] = (whole - size) / step + 1;
      steps[at] = checked_product(stride, step);
    }
    sizes.push_back(size);
    steps.push_back(stride);
  });
}

Tensor Tensor::squeeze() const {
  Shape new_shape;
  Strides new_strides;
  for (std::size_t i = 0; i < shape().size(); ++i) {
    if (shape()[i] == 1) continue;
    new_shape.push_back(shape()[i]);
    new_strides.push_back(strides()[i]);
  }
  return alias_reshaped("squeeze", *this, std::move(new_shape), std::move(new_strides));
}

Tensor Tensor::select(Index axis, Index index) const {
  const int at = normalize_axis("select", axis, dim());
  VG_CHECK(index >= -shape()[at] && index < shape()[at], IndexError,
           "select: the index must lie in [{}, {}); got {}", -shape()[at], shape()[at], index);
  return narrow(at, index < 0 ? index + shape()[at] : index, 1).squeeze(at);
}

Tensor Tensor::expand(const Shape& new_shape) const {
  const int added = static_cast<int>(new_shape.size()) - dim();
  VG_CHECK(added >= 0, ShapeError, "expand: needs at least {} sizes; got {}", dim(),
           to_string(new_shape));
  Shape complete = new_shape;
  Strides new_strides(new_shape.size());
  for (int i = 0; i < static_cast<int>(new_shape.size()); ++i) {
    const Index size = i < added ? 1 : shape()[i - added];
    if (complete[i] == -1 && i >= added) complete[i] = size;
    VG_CHECK(complete[i] >= 0 && (complete[i] == size || size == 1), ShapeError,
             "expand: only axes of size 1 can be repeated; got {} from {}", to_string(new_shape),
             to_string(shape()));
    if (complete[i] == size && i >= added) new_strides[i] = strides()[i - added];
  }
  return record_view(
      "expand", *this, alias(complete, new_strides, offset()),
      linear_rule([shape = shape()](const Tensor& grad) { return sum_to(grad, shape); }));
}

Tensor Tensor::squeeze(Index axis) const {
  const int at = wrapped_axis("squeeze", axis, dim());
  if (dim() == 0 || shape()[at] != 1) return *this;
  Shape new_shape = shape();
  Strides new_strides = strides();
  new_shape.erase(new_shape.begin() + at);
  new_strides.erase(new_strides.begin() + at);
  return alias_reshaped("squeeze", *this, std::move(new_shape), std::move(new_strides));
}

Tensor Tensor::unsqueeze(Index axis) const {
  const int at = normalize_axis("unsqueeze", axis, dim() + 1);
  Shape new_shape = shape();
  Strides new_strides = strides();
  new_strides.insert(new_strides.begin() + at, at < dim() ? shape()[at] * strides()[at] : 1);
  new_shape.insert(new_shape.begin() + at, 1);
  return alias_reshaped("unsqueeze", *this, std::move(new_shape), std::move(new_strides));
}

Tensor Tensor::flatten(Index first, Index last) const {
  if (dim() == 0) return reshape({1});
  const int from = normalize_axis("flatten", first, dim());
  const int to = normalize_axis("flatten", last, dim());
  VG_CHECK(from <= to, ShapeError, "flatten: first must not lie behind last; got {} and {}", first,
           last);
  Shape new_shape(shape().begin(), shape().begin() + from);
  new_shape.push_back(element_count(std::span(shape()).subspan(from, to - from + 1)));
  new_shape.insert(new_shape.end(), shape().begin() + to + 1, shape().end());
  return reshape(new_shape);
}

}  // namespace voxgrad
