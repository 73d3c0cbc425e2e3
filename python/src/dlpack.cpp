// DLPack: memory shared with any library that speaks it. The structures are those of the
// specification (https://dmlc.github.io/dlpack/latest/c_api.html), version 1.0.
#include "bind.h"

#include <cstdint>
#include <memory>
#include <string>

#include <voxgrad/autograd/functions/shape.h>
#include <voxgrad/core/backend.h>
#include <voxgrad/core/error.h>

namespace voxgrad::python {

namespace {

struct DLDevice {
  std::int32_t type;  // 1 CPU, 2 CUDA, 3 pinned by CUDA for the CPU, 13 managed by CUDA
  std::int32_t id;
};

struct DLDataType {
  std::uint8_t code;  // 0 signed, 1 unsigned, 2 floating, 6 bool
  std::uint8_t bits;
  std::uint16_t lanes;
};

struct DLTensor {
  void* data;
  DLDevice device;
  std::int32_t ndim;
  DLDataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;  // null: plain layout
  std::uint64_t byte_offset;
};

struct DLManagedTensor {
  DLTensor tensor;
  void* context;
  void (*deleter)(DLManagedTensor*);
};

struct DLManagedTensorVersioned {
  std::uint32_t major, minor;
  void* context;
  void (*deleter)(DLManagedTensorVersioned*);
  std::uint64_t flags;  // bit 0: read-only
  DLTensor tensor;
};

constexpr const char* kName = "dltensor";
constexpr const char* kUsedName = "used_dltensor";
constexpr const char* kVersionedName = "dltensor_versioned";
constexpr const char* kUsedVersionedName = "used_dltensor_versioned";

DLDataType dlpack_dtype(DType dtype) {
  const auto bits = static_cast<std::uint8_t>(size_of(dtype) * 8);
  const std::uint8_t code = is_floating(dtype)        ? 2
                            : dtype == DType::boolean ? 6
                            : dtype == DType::uint8   ? 1
                                                      : 0;
  return {code, bits, 1};
}

DType dtype_from(const DLDataType& type) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const DLDataType ours = dlpack_dtype(static_cast<DType>(i));
    if (ours.code == type.code && ours.bits == type.bits && type.lanes == 1)
      return static_cast<DType>(i);
  }
  throw DTypeError(
      "from_dlpack: elements must be float32, float64, int64, int32, uint8 or bool; got code " +
      std::to_string(type.code) + " of " + std::to_string(type.bits) + " bits, " +
      std::to_string(type.lanes) + " lanes");
}

/// Pinned and managed memory is that of the device which it is at hand for.
Device device_from(const DLDevice& device) {
  if (device.type == 1 || device.type == 3) return {};
  if (device.type == 2 || device.type == 13) {
    const Device result{DeviceType::cuda, device.id};
    backend(result);  // throws where there is none
    return result;
  }
  throw DeviceError(
      "from_dlpack: the memory must lie on the CPU or on an NVIDIA GPU; got DLPack device type " +
      std::to_string(device.type));
}

/// What an exported tensor keeps until its consumer is done.
struct Exported {
  Tensor tensor;
  Shape shape;
  Strides strides;
  DLManagedTensor managed;
};

py::capsule to_dlpack(const Tensor& x) {
  if (x.requires_grad()) {
    throw AutogradError("__dlpack__: the tensor wants a gradient; use x.detach()");
  }
  x.impl()->storage()->mark_shown();
  auto held = std::make_unique<Exported>(Exported{x.detach(), x.shape(), x.strides(), {}});
  const Device device = x.device();
  // Lending memory is no write: what was saved for a backward pass stays good, as with NumPy.
  held->managed.tensor = {const_cast<void*>(held->tensor.raw()),
                          {device.type == DeviceType::cpu ? 1 : 2, device.index},
                          static_cast<std::int32_t>(x.dim()),
                          dlpack_dtype(x.dtype()),
                          held->shape.data(),
                          held->strides.data(),
                          0};
  held->managed.context = held.get();
  held->managed.deleter = [](DLManagedTensor* managed) {
    delete static_cast<Exported*>(managed->context);
  };
  py::capsule capsule(&held->managed, kName, [](PyObject* object) {
    if (PyCapsule_IsValid(object, kName) == 0) return;  // its consumer frees it
    auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(object, kName));
    managed->deleter(managed);
  });
  (void)held.release();  // the capsule's now
  return capsule;
}

/// Frees the producer's tensor once, whoever drops it.
template <typename Managed>
std::shared_ptr<Managed> own(Managed* managed) {
  return std::shared_ptr<Managed>(managed, [](Managed* m) {
    if (m->deleter == nullptr || Py_IsInitialized() == 0) return;
    with_gil([&] { m->deleter(m); });
  });
}

/// The memory belongs to the capsule until that is marked as used, and from then on to `own`: what
/// is refused before and after is freed once.
template <typename Managed>
Tensor adopt(Managed* managed, PyObject* capsule, const char* used_name) {
  const DLTensor& t = managed->tensor;
  const Device device = device_from(t.device);
  const DType dtype = dtype_from(t.dtype);
  if (t.ndim < 0) throw ShapeError("from_dlpack: the rank must not be negative");
  Shape shape(t.shape, t.shape + t.ndim);
  Strides strides =
      t.strides == nullptr ? contiguous_strides(shape) : Strides(t.strides, t.strides + t.ndim);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] <= 1) strides[i] = 1;
    if (strides[i] < 0) throw ShapeError("from_dlpack: strides must not be negative; copy first");
  }
  std::byte* memory = static_cast<std::byte*>(t.data) + t.byte_offset;
  if (reinterpret_cast<std::uintptr_t>(memory) % size_of(dtype) != 0) {
    throw ShapeError("from_dlpack: the memory is not aligned to its elements; copy it first");
  }
  if (PyCapsule_SetName(capsule, used_name) != 0) throw py::error_already_set();
  return Tensor::borrow(memory, std::move(shape), std::move(strides), dtype, device,
                        [owner = own(managed)] { (void)owner; });
}

Tensor from_capsule(const py::object& object) {
  PyObject* capsule = object.ptr();
  if (PyCapsule_IsValid(capsule, kVersionedName) != 0) {
    auto* managed =
        static_cast<DLManagedTensorVersioned*>(PyCapsule_GetPointer(capsule, kVersionedName));
    if (managed->major > 1) {
      throw Error("from_dlpack: only version 1 of DLPack; got " + std::to_string(managed->major));
    }
    if ((managed->flags & 1) != 0) {
      throw ShapeError("from_dlpack: the memory is read-only; copy it first");
    }
    return adopt(managed, capsule, kUsedVersionedName);
  }
  if (PyCapsule_IsValid(capsule, kName) != 0) {
    auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, kName));
    return adopt(managed, capsule, kUsedName);
  }
  throw DTypeError("from_dlpack: needs a DLPack capsule that nobody has used yet");
}

}  // namespace

void bind_dlpack(py::module_& m) {
  m.def("_to_dlpack", &to_dlpack);
  m.def("_from_dlpack", &from_capsule);
}

}  // namespace voxgrad::python
