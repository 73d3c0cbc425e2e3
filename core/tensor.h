// Tensor: a handle on storage with shape and strides. A copy of a Tensor is the same tensor.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <voxgrad/core/dtype.h>
#include <voxgrad/core/shape.h>
#include <voxgrad/core/storage.h>

namespace [[gnu::visibility("default")]] voxgrad {

class TensorImpl;
class AutogradMeta;

/// A tensor of any rank on one device. Logical shape is PyTorch's (N, C, spatial...); the strides
/// say how it lies in memory, and any strides are legal input to any operation. Copies share
/// everything: values, gradient, identity.
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(std::shared_ptr<TensorImpl> impl) : impl_(std::move(impl)) {}

  /// Uninitialised, plain (row-major) layout. @throws ShapeError, OutOfMemoryError.
  static Tensor empty(Shape shape, DType dtype = DType::float32, Device device = {});
  /// Uninitialised, channels-last layout: C of (N, C, spatial...) runs fastest.
  static Tensor empty_channels_last(Shape shape, DType dtype = DType::float32, Device device = {});
  /// Uninitialised, with the given strides (none negative) over a fresh storage that just holds
  /// them. @throws ShapeError, OutOfMemoryError.
  static Tensor empty_strided(Shape shape, Strides strides, DType dtype, Device device = {});
  /// Uninitialised; the memory order of `like` where that is dense, else the plain layout.
  static Tensor empty_like(const Tensor& like);
  static Tensor empty_like(const Tensor& like, DType dtype);
  /// A copy of `values` in plain layout. @throws ShapeError when the count does not fit the shape.
  template <typename T>
  static Tensor from(std::span<const T> values, Shape shape);
  template <typename T>
  static Tensor from(const std::vector<T>& values, Shape shape) {
    return from(std::span<const T>(values), std::move(shape));
  }
  /// A tensor over memory of the caller; `release` runs when the last tensor over it is gone.
  /// @throws ShapeError unless there is one stride >= 0 per axis.
  static Tensor borrow(void* data, Shape shape, Strides strides, DType dtype, Device device,
                       std::function<void()> release);

  bool defined() const { return impl_ != nullptr; }
  const Shape& shape() const;
  const Strides& strides() const;
  /// Number of axes.
  int dim() const;
  /// Size of one axis; negative axes count from the end. @throws IndexError.
  Index size(Index axis) const;
  Index stride(Index axis) const;
  Index numel() const;
  DType dtype() const;
  Device device() const;
  /// Elements between the start of the storage and the first element.
  Index offset() const;
  bool is_contiguous() const;
  /// Dense with the channel axis fastest. Axes of size 1 never decide.
  bool is_channels_last() const;
  /// Every element in its own place and no gaps: some permutation of a plain layout.
  bool is_dense() const;
  /// True when two indices may share an element (as after expand).
  bool may_overlap() const;
  /// True when both handles are the same tensor.
  bool is_same(const Tensor& other) const { return impl_ == other.impl_; }
  std::uint64_t version() const;

  /// First element. @throws DTypeError when T is not dtype().
  template <typename T>
  const T* data() const;
  /// The same for writing; the version goes up.
  template <typename T>
  T* mutable_data();
  const void* raw() const;
  void* mutable_raw();

  /// The one element as a double. @throws ShapeError when there are more or none.
  double item() const;
  /// All elements in logical order. @throws DTypeError when T is not dtype().
  template <typename T>
  std::vector<T> to_vector() const;

  /// Same storage, another layout, no graph: for core and ops. The layout must lie inside the
  /// storage.
  Tensor alias(Shape shape, Strides strides, Index offset) const;

  // ---- differentiable; documented in autograd/functions/shape.h
  Tensor view(const Shape& shape) const;
  Tensor reshape(const Shape& shape) const;
  Tensor permute(std::span<const Index> axes) const;
  Tensor permute(std::initializer_list<Index> axes) const;
  Tensor transpose(Index a, Index b) const;
  Tensor narrow(Index axis, Index start, Index length) const;
  Tensor slice(Index axis, Index start, Index length, Index step = 1) const;
  Tensor select(Index axis, Index index) const;
  Tensor diagonal(Index offset = 0, Index axis1 = 0, Index axis2 = 1) const;
  Tensor unfold(Index axis, Index size, Index step) const;
  Tensor expand(const Shape& shape) const;
  Tensor squeeze() const;
  Tensor squeeze(Index axis) const;
  Tensor unsqueeze(Index axis) const;
  Tensor flatten(Index first = 0, Index last = -1) const;
  Tensor contiguous() const;
  Tensor channels_last() const;
  Tensor clone() const;
  Tensor to(DType dtype) const;
  Tensor to(Device device) const;

  // ---- in place; defined in autograd/functions/in_place.cpp. All return this tensor, whose shape,
  // dtype and layout stay; the other tensor broadcasts to it and may share its memory. ShapeError
  // where it does not, or where elements of this tensor share memory; DeviceError; AutogradError
  // while recording, on a leaf that wants a gradient or a view of one.

  /// Takes the values of `from`, converted to this dtype.
  Tensor& copy_(const Tensor& from);
  Tensor& fill_(double value);
  Tensor& zero_();
  /// Adds alpha * other. @throws DTypeError where integers would take fractions.
  Tensor& add_(const Tensor& other, double alpha = 1);
  /// Multiplies by `other`. @throws DTypeError where integers would take fractions.
  Tensor& mul_(const Tensor& other);
  Tensor& mul_(double factor);

  // ---- the graph; defined in autograd/tensor_grad.cpp
  /// True for a leaf that was asked to want a gradient, and for what was computed from one.
  bool requires_grad() const;
  /// @throws DTypeError unless floating; AutogradError when turned off on a result of recorded
  /// operations.
  Tensor& requires_grad_(bool on = true);
  /// True unless recorded operations computed it.
  bool is_leaf() const;
  /// The accumulated gradient, undefined when there is none. The same tensor at every call.
  Tensor grad() const;
  /// @throws ShapeError, DTypeError, DeviceError when it does not fit. Undefined clears.
  void set_grad(const Tensor& grad);
  /// Same values and version, outside the graph.
  Tensor detach() const;
  /// Accumulates d(this)/d(leaf) into every leaf's grad(). `gradient` is required unless numel()
  /// is 1.
  /// @throws AutogradError, ShapeError.
  void backward(const Tensor& gradient = {}, bool retain_graph = false,
                bool create_graph = false) const;

  const std::shared_ptr<TensorImpl>& impl() const { return impl_; }

 private:
  std::shared_ptr<TensorImpl> impl_;
};

/// What a Tensor is a handle on. For the folders inside the library.
class TensorImpl {
 public:
  /// `counted`: false for what autograd saves (Storage::tensors).
  TensorImpl(std::shared_ptr<Storage> storage, Shape shape, Strides strides, Index offset,
             DType dtype, bool counted = true);
  ~TensorImpl();
  TensorImpl(const TensorImpl&) = delete;
  TensorImpl& operator=(const TensorImpl&) = delete;

  /// Puts the tensor onto other memory: module.to(device), or view's change of layout. The handles
  /// stay.
  void replace(std::shared_ptr<Storage> storage, Strides strides, Index offset);

  const std::shared_ptr<Storage>& storage() const { return storage_; }
  std::byte* address() const {
    return storage_->data() + offset * static_cast<Index>(size_of(dtype));
  }

  Shape shape;
  Strides strides;
  Index offset;
  Index numel;
  DType dtype;
  std::shared_ptr<AutogradMeta> autograd;  // null until the tensor takes part in a graph

 private:
  std::shared_ptr<Storage> storage_;
  bool counted_;
};

/// True when the layout has no gaps and no overlap; axes of size 1 never decide.
bool is_dense_layout(std::span<const Index> shape, std::span<const Index> strides);
/// Elements from the first to one past the last that the layout reaches (strides >= 0); 0 when
/// empty.
Index layout_extent(std::span<const Index> shape, std::span<const Index> strides);
/// Strides over the same elements under a new shape, or nullopt where a copy is needed.
std::optional<Strides> view_strides(std::span<const Index> shape, std::span<const Index> strides,
                                    std::span<const Index> new_shape);

}  // namespace voxgrad
