// Element types.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace [[gnu::visibility("default")]] voxgrad {

enum class DType : std::uint8_t { float32, float64, int64, int32, uint8, boolean };
inline constexpr int kDTypeCount = 6;

/// Bytes of one element.
std::size_t size_of(DType dtype);

/// PyTorch's name: "float32", "int64", "bool", ...
std::string_view name(DType dtype);

/// True for float32 and float64, the types that can carry gradients.
constexpr bool is_floating(DType dtype) {
  return dtype == DType::float32 || dtype == DType::float64;
}

/// The type of `a (op) b` by PyTorch's promotion among tensors:
/// bool < uint8 < int32 < int64 < float32 < float64.
DType promote(DType a, DType b);

/// The dtype of new floating tensors; float32 at first. @throws DTypeError when not floating.
DType default_dtype();
void set_default_dtype(DType dtype);

template <typename T>
constexpr DType dtype_of() {
  if constexpr (std::same_as<T, float>) return DType::float32;
  else if constexpr (std::same_as<T, double>) return DType::float64;
  else if constexpr (std::same_as<T, std::int64_t>) return DType::int64;
  else if constexpr (std::same_as<T, std::int32_t>) return DType::int32;
  else if constexpr (std::same_as<T, std::uint8_t>) return DType::uint8;
  else {
    static_assert(std::same_as<T, bool>, "no dtype for this C++ type");
    return DType::boolean;
  }
}

/// Calls `f.template operator()<T>()` with the C++ type of `dtype`.
template <typename F>
decltype(auto) visit_dtype(DType dtype, F&& f) {
  switch (dtype) {
    case DType::float32: return f.template operator()<float>();
    case DType::float64: return f.template operator()<double>();
    case DType::int64: return f.template operator()<std::int64_t>();
    case DType::int32: return f.template operator()<std::int32_t>();
    case DType::uint8: return f.template operator()<std::uint8_t>();
    case DType::boolean: break;
  }
  return f.template operator()<bool>();
}

/// The same for float32 and float64 alone; the caller has checked that `dtype` is one of them.
template <typename F>
decltype(auto) visit_floating(DType dtype, F&& f) {
  if (dtype == DType::float64) return f.template operator()<double>();
  return f.template operator()<float>();
}

}  // namespace voxgrad
