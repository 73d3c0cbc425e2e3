#include <voxgrad/ops/random.h>

#include <voxgrad/ops/cpu/strided.h>
#include <voxgrad/ops/random_function.h>

namespace voxgrad::ops::cpu {

namespace {

void bernoulli(const Operand& x, double p, std::uint64_t key) {
  visit_floating(x.dtype, [&]<typename T>() {
    const KeyedBernoulli<T> f{p, key};
    // The second operand's offsets are the elements' numbers.
    const StridedLoop<2> loop(x.shape, {x.strides, contiguous_strides(x.shape)});
    loop.run([f, out = x.as<T>()](const auto& at, const auto& steps, Index n) {
      for (Index i = 0; i < n; ++i) out[at[0] + i * steps[0]] = f(at[1] + i * steps[1]);
    });
  });
}

}  // namespace

const RandomKernels kRandom = {bernoulli};

}  // namespace voxgrad::ops::cpu
