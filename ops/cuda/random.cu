#include <voxgrad/ops/random.h>

#include <voxgrad/ops/cuda/launch.h>
#include <voxgrad/ops/cuda/walk.h>
#include <voxgrad/ops/random_function.h>

namespace voxgrad::ops::cuda {

namespace {

template <typename T>
struct Draw {
  Walk<2> walk;
  T* out;
  KeyedBernoulli<T> f;
  __device__ void operator()(Index i) const {
    const auto [at] = walk(i);
    out[at[0]] = f(at[1]);
  }
};

void bernoulli(const Operand& x, double p, std::uint64_t key) {
  // The second operand's offsets are the elements' numbers.
  const Operand numbers{nullptr, x.dtype, x.shape, contiguous_strides(x.shape)};
  const Walk<2> places = walk(x, numbers);
  visit_floating(x.dtype, [&]<typename T>() {
    launch("dropout", places.count(), Draw<T>{places, x.as<T>(), KeyedBernoulli<T>{p, key}});
  });
}

}  // namespace

const RandomKernels kRandom = {bernoulli};

}  // namespace voxgrad::ops::cuda
