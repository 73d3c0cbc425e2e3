#include <voxgrad/ops/update.h>

#include <algorithm>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/cpu/map.h>
#include <voxgrad/ops/update_function.h>

namespace voxgrad::ops::cpu {

namespace {

// Functions come by value: through a reference the compiler must expect the stores to change them,
// and vectorises nothing.
template <typename T>
void sgd_range(const SgdFunction<T> f, T* __restrict p, const T* __restrict g, T* __restrict b,
               Index count) {
  if (b == nullptr) {
    for (Index i = 0; i < count; ++i) f(p[i], g[i]);
  } else {
    for (Index i = 0; i < count; ++i) f(p[i], g[i], b[i]);
  }
}

template <typename T>
void adam_range(const AdamFunction<T> f, T* __restrict p, const T* __restrict g, T* __restrict m,
                T* __restrict v, T* __restrict largest, Index count) {
  if (largest == nullptr) {
    for (Index i = 0; i < count; ++i) f(p[i], g[i], m[i], v[i]);
  } else {
    for (Index i = 0; i < count; ++i) f(p[i], g[i], m[i], v[i], largest[i]);
  }
}

template <typename T>
T* from(void* memory, Index begin) {
  return memory == nullptr ? nullptr : static_cast<T*>(memory) + begin;
}

void sgd(const SgdRates& rates, DType dtype, Index count, void* parameter, const void* grad,
         void* momentum) {
  visit_floating(dtype, [&]<typename T>() {
    const SgdFunction<T> f(rates);
    const T* const g = static_cast<const T*>(grad);
    parallel_ranges(count, kGrain, [&](Index begin, Index end) {
      sgd_range(f, from<T>(parameter, begin), g + begin, from<T>(momentum, begin), end - begin);
    });
  });
}

void adam(const AdamRates& rates, DType dtype, Index count, void* parameter, const void* grad,
          void* mean, void* square, void* largest) {
  visit_floating(dtype, [&]<typename T>() {
    const AdamFunction<T> f(rates);
    const T* const g = static_cast<const T*>(grad);
    parallel_ranges(count, kGrain, [&](Index begin, Index end) {
      adam_range(f, from<T>(parameter, begin), g + begin, from<T>(mean, begin),
                 from<T>(square, begin), from<T>(largest, begin), end - begin);
    });
  });
}

void power_sums(Device, double p, DType dtype, Index count, const void* x, double* sums) {
  visit_floating(dtype, [&]<typename T>() {
    const T* const values = static_cast<const T*>(x);
    visit_power(p, [&](const auto& f) {
      parallel_ranges(count, kPowerSumChunk, [&](Index begin, Index end) {
        double sum = 0;
        for (Index i = begin; i < end; ++i)
          sum = f.join(sum, f.term(static_cast<double>(values[i])));
        sums[begin / kPowerSumChunk] = sum;
      });
    });
  });
}

void clip(const Operand& x, double limit) {
  visit_floating(x.dtype,
                 [&]<typename T>() { map<T>(x, x, ClipFunction<T>{static_cast<T>(limit)}); });
}

}  // namespace

const UpdateKernels kUpdate = {sgd, adam, power_sums, clip};

}  // namespace voxgrad::ops::cpu
