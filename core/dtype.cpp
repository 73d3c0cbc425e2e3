#include <voxgrad/core/dtype.h>

#include <array>
#include <atomic>

#include <voxgrad/core/check.h>

namespace voxgrad {

namespace {

struct DTypeInfo {
  std::size_t size;
  std::string_view name;
  int promotion_rank;  // a promoted pair has the type of the higher rank
};

// In the order of the enumerators.
constexpr std::array<DTypeInfo, kDTypeCount> kInfo = {{
    {4, "float32", 4},
    {8, "float64", 5},
    {8, "int64", 3},
    {4, "int32", 2},
    {1, "uint8", 1},
    {1, "bool", 0},
}};

const DTypeInfo& info(DType dtype) { return kInfo[static_cast<std::size_t>(dtype)]; }

std::atomic<DType> default_floating{DType::float32};

}  // namespace

std::size_t size_of(DType dtype) { return info(dtype).size; }

std::string_view name(DType dtype) { return info(dtype).name; }

DType promote(DType a, DType b) { return info(a).promotion_rank >= info(b).promotion_rank ? a : b; }

DType default_dtype() { return default_floating.load(std::memory_order_relaxed); }

void set_default_dtype(DType dtype) {
  VG_CHECK(is_floating(dtype), DTypeError,
           "set_default_dtype: dtype must be float32 or float64; got {}", name(dtype));
  default_floating.store(dtype, std::memory_order_relaxed);
}

}  // namespace voxgrad
