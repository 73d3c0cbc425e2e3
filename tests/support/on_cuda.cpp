#include "tests/support/on_cuda.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/core/backend.h>
#include <voxgrad/core/dtype.h>

namespace voxgrad::testing {

namespace {

struct Result {
  Tensor value;
  std::vector<Tensor> gradients;  // undefined where there is none
};

Result run(const Function& f, std::vector<Tensor> inputs, bool gradients) {
  if (gradients) {
    for (Tensor& x : inputs) {
      x = x.detach();
      if (is_floating(x.dtype())) x.requires_grad_();
    }
  }
  Result result{f(inputs), {}};
  if (!gradients) return result;
  Generator generator(7);
  const Tensor& y = result.value;
  const Tensor direction = randn(y.shape(), y.dtype(), {}, generator);
  y.backward(direction.to(y.device()));
  for (const Tensor& x : inputs) result.gradients.push_back(x.grad());
  return result;
}

std::vector<std::byte> bytes_of(const Tensor& x) {
  const Tensor plain = x.detach().to(Device{}).contiguous();
  std::vector<std::byte> bytes(static_cast<std::size_t>(plain.numel()) * size_of(plain.dtype()));
  if (!bytes.empty()) std::memcpy(bytes.data(), plain.raw(), bytes.size());
  return bytes;
}

std::vector<double> values_of(const Tensor& x) {
  return x.detach().to(Device{}).to(DType::float64).to_vector<double>();
}

bool same_or_both_nan(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

void compare(const std::string& name, const Tensor& cpu, const Tensor& cuda, double tolerance) {
  ASSERT_EQ(cpu.defined(), cuda.defined()) << name;
  if (!cpu.defined()) return;
  EXPECT_EQ(cuda.device(), kCuda) << name;
  ASSERT_EQ(cpu.shape(), cuda.shape()) << name;
  ASSERT_EQ(cpu.dtype(), cuda.dtype()) << name;
  if (cpu.numel() > 0 && cpu.is_dense()) {
    EXPECT_EQ(cpu.strides(), cuda.strides()) << name;
  }
  const std::vector<double> a = values_of(cpu), b = values_of(cuda);
  double largest = 0;
  for (const double value : a) {
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool close = same_or_both_nan(a[i], b[i]) || std::abs(a[i] - b[i]) <= tolerance * largest;
    ASSERT_TRUE(close) << name << ": element " << i << " is " << b[i] << " on cuda and " << a[i]
                       << " on the cpu";
  }
}

}  // namespace

void Cuda::SetUp() {
  if (device_count(DeviceType::cuda) == 0)
    GTEST_SKIP() << "there is no GPU, not even an emulated one";
}

Tensor on_cuda(const Tensor& x) {
  Tensor result = Tensor::empty_strided(x.shape(), x.strides(), x.dtype(), kCuda);
  const auto bytes =
      static_cast<std::size_t>(layout_extent(x.shape(), x.strides())) * size_of(x.dtype());
  backend(kCuda).copy(result.mutable_raw(), kCuda, x.raw(), Device{}, bytes);
  return result;
}

void expect_agreement(const std::string& name, const Function& f, const std::vector<Tensor>& inputs,
                      const Agreement& agreement) {
  const Result cpu = run(f, inputs, agreement.gradients);
  std::vector<Tensor> moved;
  for (const Tensor& x : inputs) moved.push_back(x.defined() ? on_cuda(x) : x);
  const Result first = run(f, moved, agreement.gradients);
  const Result second = run(f, moved, agreement.gradients);
  compare(name, cpu.value, first.value, agreement.tolerance);
  EXPECT_EQ(bytes_of(first.value), bytes_of(second.value)) << name << ": two runs";
  for (std::size_t i = 0; i < cpu.gradients.size(); ++i) {
    const std::string which = name + ": gradient " + std::to_string(i);
    compare(which, cpu.gradients[i], first.gradients[i], agreement.tolerance);
    if (!first.gradients[i].defined()) continue;
    EXPECT_EQ(bytes_of(first.gradients[i]), bytes_of(second.gradients[i])) << which << ": two runs";
  }
}

}  // namespace voxgrad::testing
