// The optimizers' steps, and the norms and limits of gradients.
#include <voxgrad/ops/update.h>

#include <voxgrad/ops/cuda/map.h>
#include <voxgrad/ops/update_function.h>

namespace voxgrad::ops::cuda {

namespace {

template <typename T>
struct Sgd {
  SgdFunction<T> f;
  T* p;
  const T* g;
  T* b;
  __device__ void operator()(Index i) const {
    if (b == nullptr) f(p[i], g[i]);
    else f(p[i], g[i], b[i]);
  }
};

template <typename T>
struct Adam {
  AdamFunction<T> f;
  T* p;
  const T* g;
  T* m;
  T* v;
  T* largest;
  __device__ void operator()(Index i) const {
    if (largest == nullptr) f(p[i], g[i], m[i], v[i]);
    else f(p[i], g[i], m[i], v[i], largest[i]);
  }
};

/// Parts of one chunk, which take turns at its elements.
constexpr Index kParts = 256;

template <typename T, typename F>
struct PartialSums {
  F f;
  const T* x;
  Index count;
  double* partial;  // (chunks, kParts)
  __device__ void operator()(Index i) const {
    const Index begin = i / kParts * kPowerSumChunk;
    const Index end = begin + kPowerSumChunk < count ? begin + kPowerSumChunk : count;
    double sum = 0;
    for (Index at = begin + i % kParts; at < end; at += kParts)
      sum = f.join(sum, f.term(static_cast<double>(x[at])));
    partial[i] = sum;
  }
};

template <typename F>
struct ChunkSums {
  F f;
  const double* partial;
  double* sums;
  __device__ void operator()(Index chunk) const {
    double sum = 0;
    for (Index i = 0; i < kParts; ++i) sum = f.join(sum, partial[chunk * kParts + i]);
    sums[chunk] = sum;
  }
};

void sgd(const SgdRates& rates, DType dtype, Index count, void* parameter, const void* grad,
         void* momentum) {
  visit_floating(dtype, [&]<typename T>() {
    launch("SGD", count,
           Sgd<T>{SgdFunction<T>(rates), static_cast<T*>(parameter), static_cast<const T*>(grad),
                  static_cast<T*>(momentum)});
  });
}

void adam(const AdamRates& rates, DType dtype, Index count, void* parameter, const void* grad,
          void* mean, void* square, void* largest) {
  visit_floating(dtype, [&]<typename T>() {
    launch("Adam", count,
           Adam<T>{AdamFunction<T>(rates), static_cast<T*>(parameter), static_cast<const T*>(grad),
                   static_cast<T*>(mean), static_cast<T*>(square), static_cast<T*>(largest)});
  });
}

void power_sums(Device device, double p, DType dtype, Index count, const void* x, double* sums) {
  const Index chunks = (count + kPowerSumChunk - 1) / kPowerSumChunk;
  Tensor partial = Tensor::empty({chunks, kParts}, DType::float64, device);
  double* const parts = partial.mutable_data<double>();
  visit_floating(dtype, [&]<typename T>() {
    visit_power(p, [&]<typename F>(const F& f) {
      launch("get_total_norm", chunks * kParts,
             PartialSums<T, F>{f, static_cast<const T*>(x), count, parts});
      launch("get_total_norm", chunks, ChunkSums<F>{f, parts, sums});
    });
  });
}

void clip(const Operand& x, double limit) {
  visit_floating(x.dtype, [&]<typename T>() {
    map<T, T>("clip_grad_value_", x, x, ClipFunction<T>{static_cast<T>(limit)});
  });
}

}  // namespace

const UpdateKernels kUpdate = {sgd, adam, power_sums, clip};

}  // namespace voxgrad::ops::cuda
