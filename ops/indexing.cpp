#include <voxgrad/ops/indexing.h>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/layout.h>

namespace voxgrad::ops {

namespace {

IndexOperand index_operand(const Tensor& x, int axis, const Tensor& index, const Shape& shape) {
  return {operand(index, shape), x.size(axis), x.stride(axis)};
}

/// All index tensors as one, whose elements are places in x already. Tensors made for it go to
/// `owner`.
IndexOperand joined(const Tensor& x, const IndexMap& map, std::span<const Tensor> indices,
                    Tensor& owner) {
  const Shape& shape = indices[0].shape();
  if (indices.size() == 1) return index_operand(x, map.indexed[0], indices[0], shape);
  Shape cut = shape;  // along own axes the indices repeat
  for (std::size_t i = 0; i < cut.size(); ++i) {
    if (map.own[i] >= 0) cut[i] = 1;
  }
  owner = Tensor::empty(cut, DType::int64, x.device());
  fill(owner, 0);
  Index places = 1;  // up to the last that the indices reach
  for (std::size_t k = 0; k < indices.size(); ++k) {
    const Tensor part = indices[k].alias(cut, indices[k].strides(), indices[k].offset());
    indexing_kernels(x.device())
        .add_places(index_operand(x, map.indexed[k], part, cut), target(owner));
    places += (x.size(map.indexed[k]) - 1) * x.stride(map.indexed[k]);
  }
  return {operand(owner, shape), places, 1};
}

/// x seen under the result's shape, without what the indices add.
Operand under(Operand x, const IndexMap& map, const Shape& shape) {
  Strides strides(shape.size(), 0);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (map.own[i] >= 0) strides[i] = x.strides[static_cast<std::size_t>(map.own[i])];
  }
  x.shape = shape;
  x.strides = std::move(strides);
  return x;
}

}  // namespace

const IndexingKernels& indexing_kernels(Device device) {
  return select_kernels(device, cpu::kIndexing, cuda::kIndexing);
}

Tensor gather(const Tensor& x, const IndexMap& map, std::span<const Tensor> indices) {
  const Shape& shape = indices[0].shape();
  Tensor out = Tensor::empty(shape, x.dtype(), x.device());
  if (out.numel() == 0) return out;
  Tensor places;
  const IndexOperand index = joined(x, map, indices, places);
  indexing_kernels(x.device()).gather(under(operand(x), map, shape), index, target(out));
  return out;
}

void scatter_into(Tensor& x, const IndexMap& map, std::span<const Tensor> indices,
                  const Tensor& values, bool accumulate) {
  const NoCancel whole;
  const Shape& shape = indices[0].shape();
  if (indices[0].numel() == 0) return;
  Tensor places;
  const IndexOperand index = joined(x, map, indices, places);
  indexing_kernels(x.device())
      .scatter(under(target(x), map, shape), index, operand(values, shape), map.own, accumulate);
}

Tensor nonzero(const Tensor& x) { return indexing_kernels(x.device()).nonzero(x); }

}  // namespace voxgrad::ops
