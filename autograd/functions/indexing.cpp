// Everything here is one of two operations: take (read where an IndexMap leads) and put (write
// there); each is the derivative of the other.
#include <voxgrad/autograd/functions/indexing.h>

#include <algorithm>
#include <numeric>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/operands.h>
#include <voxgrad/ops/indexing.h>
#include <voxgrad/ops/layout.h>
#include <voxgrad/ops/reduce.h>

namespace voxgrad {

namespace {

using ops::IndexMap;

/// Checked indices, of the result's shape each, and where they belong.
struct Lookup {
  IndexMap map;
  std::vector<Tensor> indices;

  const Shape& shape() const { return indices[0].shape(); }
};

Tensor as_int64(std::string_view op, const Tensor& x, const Tensor& index) {
  VG_CHECK(index.dtype() == DType::int64 || index.dtype() == DType::int32, DTypeError,
           "{}: index tensors must be int64 or int32; got {}", op, name(index.dtype()));
  check_same_device(op, x, index);
  return ops::convert(index, DType::int64);
}

void check_range(std::string_view op, const Tensor& index, Index low, Index size) {
  if (index.numel() == 0) return;
  const ops::AxisMask all(index.shape().size(), true);
  for (const auto kind : {ops::ReduceOp::minimum, ops::ReduceOp::maximum}) {
    const Index value = *ops::reduce(kind, index, all, false).to(Device{}).data<std::int64_t>();
    VG_CHECK(value >= low && value < size, IndexError, "{}: indices must lie in [{}, {}); got {}",
             op, low, size, value);
  }
}

std::vector<SavedTensor> kept(std::span<const Tensor> indices) {
  return {indices.begin(), indices.end()};
}

Tensor put(std::string_view op, const Tensor& x, const IndexMap& map,
           std::span<const Tensor> indices, const Tensor& values, bool accumulate);

Tensor take(std::string_view op, const Tensor& x, const IndexMap& map,
            std::span<const Tensor> indices) {
  std::array results{ops::gather(x, map, indices)};
  if (!wants_graph({x})) return results[0];
  const auto rule = [op, map, shape = x.shape()](Saved saved, std::span<const Tensor> grads,
                                                 Needs) {
    const Tensor& grad = grads[0];
    const Tensor empty = zeros(shape, grad.dtype(), grad.device());
    return std::vector<Tensor>{put(op, empty, map, saved, grad, true)};
  };
  record(op, std::span(&x, 1), results, kept(indices), rule);
  return results[0];
}

/// For the inputs (x, values).
Rule put_rule(std::string_view op, const IndexMap& map, const Shape& values_shape,
              bool accumulate) {
  return
      [op, map, values_shape, accumulate](Saved saved, std::span<const Tensor> grads, Needs needs) {
        const Tensor& grad = grads[0];
        std::vector<Tensor> result(2);
        if (needs[0]) {
          const Tensor zero = ops::scalar(0, grad.dtype(), grad.device());
          result[0] = accumulate ? grad : put(op, grad, map, saved, zero, false);
        }
        if (needs[1]) result[1] = sum_to(take(op, grad, map, saved), values_shape);
        return result;
      };
}

Tensor put(std::string_view op, const Tensor& x, const IndexMap& map,
           std::span<const Tensor> indices, const Tensor& values, bool accumulate) {
  std::array results{ops::copy(x)};
  ops::scatter_into(results[0], map, indices, values, accumulate);
  const std::array inputs{x, values};
  if (!wants_graph(inputs)) return results[0];
  record(op, inputs, results, kept(indices), put_rule(op, map, values.shape(), accumulate));
  return results[0];
}

// ---- index: masks become index tensors, then all broadcast.

struct Resolved {
  Tensor x;  // with an axis more for every mask of rank 0
  Lookup lookup;
  bool whole = false;  // no index at all
};

bool is_mask(const Tensor& index) {
  return index.dtype() == DType::boolean || index.dtype() == DType::uint8;
}

/// Appends the indices of the mask's elements, one tensor per axis.
void append_mask(std::string_view op, Tensor& x, const Tensor& mask, std::vector<Tensor>& indices) {
  check_same_device(op, x, mask);
  const Index first = static_cast<Index>(indices.size());
  if (mask.dim() == 0) {
    x = x.unsqueeze(first);
    indices.push_back(Tensor::empty({mask.item() != 0 ? 1 : 0}, DType::int64, x.device()));
    ops::fill(indices.back(), 0);
    return;
  }
  VG_CHECK(first + mask.dim() <= x.dim(), IndexError,
           "{}: too many indices for rank {}; got a mask of rank {} at axis {}", op, x.dim(),
           mask.dim(), first);
  for (Index i = 0; i < mask.dim(); ++i) {
    VG_CHECK(mask.size(i) == x.size(first + i), IndexError,
             "{}: a mask must have the sizes of its axes; got mask {} for shape {} at axis {}", op,
             mask.shape(), x.shape(), first);
  }
  const Tensor found = ops::nonzero(mask);
  for (Index i = 0; i < mask.dim(); ++i) {
    indices.push_back(found.alias({found.size(0)}, {mask.dim()}, i));
  }
}

/// One entry per leading axis of x, undefined where the whole axis is taken.
std::vector<Tensor> per_axis(std::string_view op, Tensor& x, std::span<const Tensor> indices) {
  std::vector<Tensor> result;
  for (const Tensor& index : indices) {
    if (index.defined() && is_mask(index)) {
      append_mask(op, x, index, result);
      continue;
    }
    VG_CHECK(static_cast<int>(result.size()) < x.dim(), IndexError,
             "{}: too many indices for rank {}; got {}", op, x.dim(), indices.size());
    if (!index.defined()) {
      result.emplace_back();
      continue;
    }
    const Index size = x.size(static_cast<Index>(result.size()));
    result.push_back(as_int64(op, x, index));
    check_range(op, result.back(), -size, size);
  }
  return result;
}

/// `index`, which broadcasts to `block`, as if it had the result's shape: the block begins at
/// `place`.
Tensor spread(const Tensor& index, const Shape& block, const Shape& shape, std::size_t place) {
  const ops::Operand seen = ops::operand(index, block);
  Strides strides(shape.size(), 0);
  std::ranges::copy(seen.strides, strides.begin() + static_cast<std::ptrdiff_t>(place));
  return index.alias(shape, std::move(strides), index.offset());
}

Resolved resolve(std::string_view op, const Tensor& tensor, std::span<const Tensor> indices) {
  Resolved result{tensor, {}, false};
  const std::vector<Tensor> chosen = per_axis(op, result.x, indices);
  Shape block;
  std::vector<int> own;
  for (int axis = 0; axis < result.x.dim(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    if (i < chosen.size() && chosen[i].defined()) {
      block = broadcast_shape(op, block, chosen[i].shape());
      result.lookup.map.indexed.push_back(axis);
    } else {
      own.push_back(axis);
    }
  }
  const std::vector<int>& indexed = result.lookup.map.indexed;
  result.whole = indexed.empty();
  if (result.whole) return result;
  const bool neighbours = indexed.back() - indexed.front() + 1 == static_cast<int>(indexed.size());
  const auto place = static_cast<std::size_t>(neighbours ? indexed.front() : 0);
  const auto at = static_cast<std::ptrdiff_t>(place);
  Shape shape;
  for (const int axis : own) shape.push_back(result.x.size(axis));
  shape.insert(shape.begin() + at, block.begin(), block.end());
  element_count(shape);
  own.insert(own.begin() + at, block.size(), -1);
  result.lookup.map.own = std::move(own);
  for (const int axis : indexed) {
    result.lookup.indices.push_back(
        spread(chosen[static_cast<std::size_t>(axis)], block, shape, place));
  }
  return result;
}

void check_values(std::string_view op, const Tensor& x, const Tensor& values, const Shape& shape) {
  check_same_device(op, x, values);
  VG_CHECK(values.dtype() == x.dtype(), DTypeError,
           "{}: values must have the dtype of x; got {} "
           "for {}",
           op, name(values.dtype()), name(x.dtype()));
  VG_CHECK(broadcast_shape(op, shape, values.shape()) == shape, ShapeError,
           "{}: values must broadcast to what is indexed; got {} for {}", op, values.shape(),
           shape);
}

/// A copy where t lies in the memory of `target`, which is about to be written.
Tensor apart(const Tensor& target, const Tensor& t) {
  return target.impl()->storage() == t.impl()->storage() ? ops::copy(t) : t;
}

// ---- gather and scatter: one index tensor, of the rank of x.

/// x and index, where rank 0 counts as rank 1, and the axis.
struct AlongAxis {
  Tensor x;
  Tensor index;
  int axis;
  Lookup lookup;
};

Tensor at_least_1d(const Tensor& x) { return x.dim() == 0 ? x.unsqueeze(0) : x; }

AlongAxis along_axis(std::string_view op, const Tensor& tensor, Index axis, const Tensor& index) {
  AlongAxis result{at_least_1d(tensor), at_least_1d(as_int64(op, tensor, index)), 0, {}};
  const Tensor& x = result.x;
  result.axis = normalize_axis(op, axis, x.dim());
  VG_CHECK(result.index.dim() == x.dim(), ShapeError,
           "{}: index must have the rank of x; got {} and {}", op, index.shape(), tensor.shape());
  std::vector<int> own(x.shape().size());
  std::iota(own.begin(), own.end(), 0);
  own[static_cast<std::size_t>(result.axis)] = -1;
  for (int i = 0; i < x.dim(); ++i) {
    VG_CHECK(i == result.axis || index.numel() == 0 || result.index.size(i) <= x.size(i),
             ShapeError, "{}: beside the axis {} index must not be larger than x; got {} and {}",
             op, result.axis, index.shape(), tensor.shape());
  }
  check_range(op, result.index, 0, x.size(result.axis));
  result.lookup = {{std::move(own), {result.axis}}, {result.index}};
  return result;
}

Tensor scatter_with(std::string_view op, const Tensor& tensor, const AlongAxis& a,
                    const Tensor& values, bool accumulate) {
  if (a.index.numel() == 0) return tensor.clone();
  check_values(op, tensor, values, a.lookup.shape());
  return put(op, a.x, a.lookup.map, a.lookup.indices, values, accumulate).reshape(tensor.shape());
}

/// The part of src that `index` uses.
Tensor part_of(std::string_view op, const Tensor& src, const AlongAxis& a) {
  Tensor values = at_least_1d(src);
  VG_CHECK(values.dim() == a.x.dim(), ShapeError, "{}: src must have the rank of x; got {} and {}",
           op, src.shape(), a.x.shape());
  if (a.index.numel() == 0) return values;
  for (int i = 0; i < a.x.dim(); ++i) {
    VG_CHECK(a.index.size(i) <= values.size(i), ShapeError,
             "{}: src must be at least as large as index; got {} and {}", op, src.shape(),
             a.index.shape());
    if (a.index.size(i) < values.size(i)) values = values.narrow(i, 0, a.index.size(i));
  }
  return values;
}

}  // namespace

Tensor index(const Tensor& x, std::span<const Tensor> indices) {
  const Resolved r = resolve("index", x, indices);
  return r.whole ? r.x.clone() : take("index", r.x, r.lookup.map, r.lookup.indices);
}

Tensor index_put(const Tensor& x, std::span<const Tensor> indices, const Tensor& values,
                 bool accumulate) {
  Tensor result = x.clone();
  return index_put_(result, indices, values, accumulate);
}

Tensor& index_put_(Tensor& x, std::span<const Tensor> indices, const Tensor& values,
                   bool accumulate) {
  constexpr std::string_view op = "index_put_";
  Resolved r = resolve(op, x, indices);
  check_values(op, x, values, r.whole ? r.x.shape() : r.lookup.shape());
  if (r.whole) {
    if (accumulate) r.x.add_(values);
    else r.x.copy_(values);
    return x;
  }
  Tensor& target = r.x;
  const std::array inputs{target, values};
  check_in_place(op, target, inputs);
  for (Tensor& index : r.lookup.indices) index = apart(target, index);
  ops::scatter_into(target, r.lookup.map, r.lookup.indices, apart(target, values), accumulate);
  record_in_place(op, target, inputs, kept(r.lookup.indices),
                  put_rule("index_put", r.lookup.map, values.shape(), accumulate));
  return x;
}

Tensor index_select(const Tensor& tensor, Index axis, const Tensor& index) {
  constexpr std::string_view op = "index_select";
  VG_CHECK(index.dim() <= 1, ShapeError, "{}: index must have rank 1; got {}", op, index.shape());
  const Tensor x = at_least_1d(tensor);
  const Tensor chosen = at_least_1d(as_int64(op, x, index));
  const int at = normalize_axis(op, axis, x.dim());
  check_range(op, chosen, 0, x.size(at));
  IndexMap map{std::vector<int>(x.shape().size()), {at}};
  std::iota(map.own.begin(), map.own.end(), 0);
  const auto place = static_cast<std::size_t>(at);
  map.own[place] = -1;
  Shape shape = x.shape();
  shape[place] = chosen.numel();
  const Tensor spread_index = spread(chosen, chosen.shape(), shape, place);
  const Tensor result = take(op, x, map, std::span(&spread_index, 1));
  return tensor.dim() == 0 && index.numel() == 1 ? result.reshape({}) : result;
}

Tensor gather(const Tensor& x, Index axis, const Tensor& index) {
  const AlongAxis a = along_axis("gather", x, axis, index);
  return take("gather", a.x, a.lookup.map, a.lookup.indices).reshape(index.shape());
}

Tensor take_along_dim(const Tensor& x, const Tensor& index, std::optional<Index> axis) {
  if (!axis) return gather(x.reshape({x.numel()}), 0, index.reshape({index.numel()}));
  constexpr std::string_view op = "take_along_dim";
  VG_CHECK(x.dim() == index.dim(), ShapeError, "{}: index must have the rank of x; got {} and {}",
           op, index.shape(), x.shape());
  const auto at = static_cast<std::size_t>(normalize_axis(op, *axis, x.dim()));
  Shape x_shape = x.shape(), index_shape = index.shape();
  x_shape[at] = index_shape[at] = 1;
  x_shape = index_shape = broadcast_shape(op, x_shape, index_shape);
  x_shape[at] = x.shape()[at];
  index_shape[at] = index.shape()[at];
  return gather(x.expand(x_shape), static_cast<Index>(at), index.expand(index_shape));
}

Tensor scatter(const Tensor& x, Index axis, const Tensor& index, const Tensor& src) {
  const AlongAxis a = along_axis("scatter", x, axis, index);
  return scatter_with("scatter", x, a, part_of("scatter", src, a), false);
}

Tensor scatter(const Tensor& x, Index axis, const Tensor& index, double value) {
  const AlongAxis a = along_axis("scatter", x, axis, index);
  return scatter_with("scatter", x, a, scalar_like(x, value), false);
}

Tensor scatter_add(const Tensor& x, Index axis, const Tensor& index, const Tensor& src) {
  const AlongAxis a = along_axis("scatter_add", x, axis, index);
  return scatter_with("scatter_add", x, a, part_of("scatter_add", src, a), true);
}

namespace {

Tensor as_mask(std::string_view op, const Tensor& mask) {
  VG_CHECK(is_mask(mask), DTypeError, "{}: the mask must be bool; got {}", op, name(mask.dtype()));
  return ops::convert(mask, DType::boolean);
}

}  // namespace

Tensor masked_fill(const Tensor& x, const Tensor& mask, const Tensor& value) {
  VG_CHECK(value.dim() == 0, ShapeError, "masked_fill: value must have rank 0; got {}",
           value.shape());
  VG_CHECK(kind(value.dtype()) <= kind(x.dtype()), DTypeError,
           "masked_fill: the dtype of x must be able to hold the value; got {} for {}",
           name(value.dtype()), name(x.dtype()));
  return where(as_mask("masked_fill", mask), value.to(x.dtype()), x);
}

Tensor masked_fill(const Tensor& x, const Tensor& mask, double value) {
  VG_CHECK(kind(dtype_with_scalar(x.dtype(), value)) <= std::max(kind(x.dtype()), 1), DTypeError,
           "masked_fill: the dtype of x must be able to hold the value; got {} for {}", value,
           name(x.dtype()));
  return masked_fill(x, mask, scalar_like(x, value));
}

Tensor masked_select(const Tensor& x, const Tensor& mask) {
  const Tensor chosen = as_mask("masked_select", mask);
  const Shape shape = broadcast_shape("masked_select", x.shape(), mask.shape());
  return index(x.expand(shape), {chosen.expand(shape)});
}

Tensor nonzero(const Tensor& x) { return ops::nonzero(x); }

}  // namespace voxgrad
