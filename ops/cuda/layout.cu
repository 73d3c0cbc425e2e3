// Copies, conversions and fills.
#include <voxgrad/ops/layout.h>

#include <voxgrad/ops/convert_element.h>
#include <voxgrad/ops/cuda/map.h>

namespace voxgrad::ops::cuda {

namespace {

template <typename To>
struct Convert {
  template <typename From>
  constexpr To operator()(From value) const {
    return converted<To>(value);
  }
};

template <typename T>
struct Fill {
  Walk<1> walk;
  T* out;
  T value;
  __device__ void operator()(Index i) const { out[walk(i).at[0]] = value; }
};

void copy(const Operand& to, const Operand& from) {
  visit_dtype(to.dtype, [&]<typename To>() {
    visit_dtype(from.dtype,
                [&]<typename From>() { map<To, From>("copy", to, from, Convert<To>{}); });
  });
}

void fill(const Operand& x, double value) {
  visit_dtype(x.dtype, [&]<typename T>() {
    const Walk<1> places = walk(x);
    launch("fill", places.count(), Fill<T>{places, x.as<T>(), converted<T>(value)});
  });
}

}  // namespace

const LayoutKernels kLayout = {copy, fill};

}  // namespace voxgrad::ops::cuda
