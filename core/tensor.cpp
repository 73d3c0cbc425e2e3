#include <voxgrad/core/tensor.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include <voxgrad/core/backend.h>
#include <voxgrad/core/check.h>

namespace voxgrad {
namespace {

std::size_t checked_bytes(Index count, DType dtype) {
  return static_cast<std::size_t>(checked_product(count, static_cast<Index>(size_of(dtype))));
}

/// The axes of size > 1, by falling stride.
std::vector<int> axes_by_stride(std::span<const Index> shape, std::span<const Index> strides) {
  std::vector<int> axes;
  for (int i = 0; i < static_cast<int>(shape.size()); ++i)
    if (shape[i] > 1) axes.push_back(i);
  std::ranges::stable_sort(axes, [&](int a, int b) { return strides[a] > strides[b]; });
  return axes;
}

Tensor make(Shape shape, Strides strides, Index count, DType dtype, Device device) {
  auto storage = std::make_shared<Storage>(checked_bytes(count, dtype), device);
  return Tensor(std::make_shared<TensorImpl>(std::move(storage), std::move(shape),
                                             std::move(strides), 0, dtype));
}

/// Calls f(element offset) for every element in logical order.
template <typename F>
void for_each_offset(std::span<const Index> shape, std::span<const Index> strides, F&& f) {
  const Index count = element_count(shape);
  std::vector<Index> at(shape.size());
  Index offset = 0;
  for (Index i = 0; i < count; ++i) {
    f(offset);
    for (int axis = static_cast<int>(shape.size()) - 1; axis >= 0; --axis) {
      offset += strides[axis];
      if (++at[axis] < shape[axis]) break;
      offset -= strides[axis] * shape[axis];
      at[axis] = 0;
    }
  }
}

}  // namespace

bool is_dense_layout(std::span<const Index> shape, std::span<const Index> strides) {
  if (std::ranges::find(shape, 0) != shape.end()) return true;
  const std::vector<int> axes = axes_by_stride(shape, strides);
  Index expected = 1;
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    if (strides[*axis] != expected) return false;
    expected *= shape[*axis];
  }
  return true;
}

Index layout_extent(std::span<const Index> shape, std::span<const Index> strides) {
  Index last = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) return 0;
    const Index reach = checked_product(shape[i] - 1, strides[i]);
    VG_CHECK(!__builtin_add_overflow(last, reach, &last), ShapeError,
             "tensor: the layout must reach less than 2^63 elements; got shape {} with strides {}",
             to_string(shape), to_string(strides));
  }
  return last + 1;
}

std::optional<Strides> view_strides(std::span<const Index> shape, std::span<const Index> strides,
                                    std::span<const Index> new_shape) {
  if (element_count(shape) == 0 || shape.empty()) return contiguous_strides(new_shape);
  Strides result(new_shape.size());
  int next = static_cast<int>(new_shape.size()) - 1;  // new axes are filled from the last
  Index chunk_stride = strides.back();                // step inside the present run of old axes
  Index chunk = 1;                                    // elements in that run
  for (int axis = static_cast<int>(shape.size()) - 1; axis >= 0; --axis) {
    chunk *= shape[axis];
    // The run ends where the next older axis does not continue it.
    const bool ends =
        axis == 0 || (shape[axis - 1] != 1 && strides[axis - 1] != chunk * chunk_stride);
    if (!ends) continue;
    Index filled = 1;
    while (next >= 0 && (filled < chunk || new_shape[next] == 1)) {
      result[next] = filled * chunk_stride;
      filled *= new_shape[next--];
    }
    if (filled != chunk) return std::nullopt;
    if (axis > 0) chunk_stride = strides[axis - 1], chunk = 1;
  }
  return next == -1 ? std::optional(result) : std::nullopt;
}

TensorImpl::TensorImpl(std::shared_ptr<Storage> storage, Shape shape_, Strides strides_,
                       Index offset_, DType dtype_, bool counted)
    : shape(std::move(shape_)),
      strides(std::move(strides_)),
      offset(offset_),
      numel(element_count(shape)),
      dtype(dtype_),
      storage_(std::move(storage)),
      counted_(counted) {
  if (counted_) storage_->count_tensor(1);
}

TensorImpl::~TensorImpl() {
  if (counted_) storage_->count_tensor(-1);
}

void TensorImpl::replace(std::shared_ptr<Storage> storage, Strides new_strides, Index new_offset) {
  if (counted_) {
    storage->count_tensor(1);
    storage_->count_tensor(-1);
  }
  storage_ = std::move(storage);
  strides = std::move(new_strides);
  offset = new_offset;
}

Tensor Tensor::empty(Shape shape, DType dtype, Device device) {
  const Index count = element_count(shape);
  Strides strides = contiguous_strides(shape);
  return make(std::move(shape), std::move(strides), count, dtype, device);
}

Tensor Tensor::empty_channels_last(Shape shape, DType dtype, Device device) {
  const Index count = element_count(shape);
  Strides strides = channels_last_strides(shape);
  return make(std::move(shape), std::move(strides), count, dtype, device);
}

Tensor Tensor::empty_strided(Shape shape, Strides strides, DType dtype, Device device) {
  VG_CHECK(shape.size() == strides.size() &&
               std::ranges::all_of(strides, [](Index s) { return s >= 0; }),
           ShapeError,
           "empty_strided: needs one stride >= 0 per axis; got shape {} with strides {}",
           to_string(shape), to_string(strides));
  const Index extent = layout_extent(shape, strides);
  return make(std::move(shape), std::move(strides), extent, dtype, device);
}

Tensor Tensor::empty_like(const Tensor& like) { return empty_like(like, like.dtype()); }

Tensor Tensor::empty_like(const Tensor& like, DType dtype) {
  if (!like.is_dense() || like.numel() == 0) return empty(like.shape(), dtype, like.device());
  return make(like.shape(), like.strides(), like.numel(), dtype, like.device());
}

template <typename T>
Tensor Tensor::from(std::span<const T> values, Shape shape) {
  VG_CHECK(element_count(shape) == static_cast<Index>(values.size()), ShapeError,
           "Tensor::from: the shape must hold the values; got {} values for shape {}",
           values.size(), to_string(shape));
  Tensor result = empty(std::move(shape), dtype_of<T>());
  std::ranges::copy(values, result.mutable_data<T>());
  return result;
}

Tensor Tensor::borrow(void* data, Shape shape, Strides strides, DType dtype, Device device,
                      std::function<void()> release) {
  VG_CHECK(shape.size() == strides.size() &&
               std::ranges::all_of(strides, [](Index s) { return s >= 0; }),
           ShapeError,
           "Tensor::borrow: needs one stride >= 0 per axis; got shape {} with strides {}",
           to_string(shape), to_string(strides));
  const std::size_t bytes = checked_bytes(layout_extent(shape, strides), dtype);
  auto storage = std::make_shared<Storage>(data, bytes, device, std::move(release));
  return Tensor(std::make_shared<TensorImpl>(std::move(storage), std::move(shape),
                                             std::move(strides), 0, dtype));
}

namespace {
const TensorImpl& defined_impl(const Tensor& tensor) {
  VG_CHECK(tensor.defined(), ShapeError, "tensor: an undefined tensor was used; got no value");
  return *tensor.impl();
}
}  // namespace

const Shape& Tensor::shape() const { return defined_impl(*this).shape; }
const Strides& Tensor::strides() const { return defined_impl(*this).strides; }
int Tensor::dim() const { return static_cast<int>(shape().size()); }
Index Tensor::size(Index axis) const { return shape()[normalize_axis("size", axis, dim())]; }
Index Tensor::stride(Index axis) const { return strides()[normalize_axis("stride", axis, dim())]; }
Index Tensor::numel() const { return defined_impl(*this).numel; }
DType Tensor::dtype() const { return defined_impl(*this).dtype; }
Device Tensor::device() const { return defined_impl(*this).storage()->device(); }
Index Tensor::offset() const { return defined_impl(*this).offset; }
std::uint64_t Tensor::version() const { return defined_impl(*this).storage()->version(); }

namespace {
bool same_layout(const Shape& shape, const Strides& a, const Strides& b) {
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] != 1 && a[i] != b[i]) return false;
  return true;
}
}  // namespace

bool Tensor::is_contiguous() const {
  return numel() == 0 || same_layout(shape(), strides(), contiguous_strides(shape()));
}

bool Tensor::is_channels_last() const {
  return numel() == 0 || same_layout(shape(), strides(), channels_last_strides(shape()));
}

bool Tensor::is_dense() const { return is_dense_layout(shape(), strides()); }

bool Tensor::may_overlap() const {
  if (numel() == 0) return false;
  Index reach = 0;  // the furthest that the faster axes go
  const std::vector<int> axes = axes_by_stride(shape(), strides());
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    if (strides()[*axis] <= reach) return true;
    reach += strides()[*axis] * (shape()[*axis] - 1);
  }
  return false;
}

template <typename T>
const T* Tensor::data() const {
  VG_CHECK(dtype() == dtype_of<T>(), DTypeError,
           "data: the element type must be the tensor's; got {} for a {} tensor",
           name(dtype_of<T>()), name(dtype()));
  return reinterpret_cast<const T*>(impl_->address());
}

template <typename T>
T* Tensor::mutable_data() {
  const T* address = data<T>();
  impl_->storage()->bump_version();
  return const_cast<T*>(address);
}

const void* Tensor::raw() const { return defined_impl(*this).address(); }

void* Tensor::mutable_raw() {
  void* address = defined_impl(*this).address();
  impl_->storage()->bump_version();
  return address;
}

double Tensor::item() const {
  VG_CHECK(numel() == 1, ShapeError, "item: the tensor must have one element; got shape {}",
           to_string(shape()));
  alignas(8) std::byte value[8];
  const std::size_t bytes = size_of(dtype());
  backend(device()).copy(value, Device{}, impl_->address(), device(), bytes);
  backend(device()).synchronize();
  return visit_dtype(dtype(), [&]<typename T>() {
    T typed;
    std::memcpy(&typed, value, sizeof(T));
    return static_cast<double>(typed);
  });
}

template <typename T>
std::vector<T> Tensor::to_vector() const {
  VG_CHECK(device().type == DeviceType::cpu, DeviceError,
           "to_vector: the tensor must be on the cpu; got one on {} (use .to(Device{{}}))",
           to_string(device()));
  const T* from = data<T>();
  std::vector<T> values;
  values.reserve(static_cast<std::size_t>(numel()));
  for_each_offset(shape(), strides(), [&](Index offset) { values.push_back(from[offset]); });
  return values;
}

Tensor Tensor::alias(Shape new_shape, Strides new_strides, Index new_offset) const {
  return Tensor(std::make_shared<TensorImpl>(impl_->storage(), std::move(new_shape),
                                             std::move(new_strides), new_offset, dtype()));
}

template const float* Tensor::data<float>() const;
template float* Tensor::mutable_data<float>();
template std::vector<float> Tensor::to_vector<float>() const;
template Tensor Tensor::from<float>(std::span<const float>, Shape);
template const double* Tensor::data<double>() const;
template double* Tensor::mutable_data<double>();
template std::vector<double> Tensor::to_vector<double>() const;
template Tensor Tensor::from<double>(std::span<const double>, Shape);
template const std::int64_t* Tensor::data<std::int64_t>() const;
template std::int64_t* Tensor::mutable_data<std::int64_t>();
template std::vector<std::int64_t> Tensor::to_vector<std::int64_t>() const;
template Tensor Tensor::from<std::int64_t>(std::span<const std::int64_t>, Shape);
template const std::int32_t* Tensor::data<std::int32_t>() const;
template std::int32_t* Tensor::mutable_data<std::int32_t>();
template std::vector<std::int32_t> Tensor::to_vector<std::int32_t>() const;
template Tensor Tensor::from<std::int32_t>(std::span<const std::int32_t>, Shape);
template const std::uint8_t* Tensor::data<std::uint8_t>() const;
template std::uint8_t* Tensor::mutable_data<std::uint8_t>();
template std::vector<std::uint8_t> Tensor::to_vector<std::uint8_t>() const;
template Tensor Tensor::from<std::uint8_t>(std::span<const std::uint8_t>, Shape);
template const bool* Tensor::data<bool>() const;
template bool* Tensor::mutable_data<bool>();
template std::vector<bool> Tensor::to_vector<bool>() const;
template Tensor Tensor::from<bool>(std::span<const bool>, Shape);

}  // namespace voxgrad
