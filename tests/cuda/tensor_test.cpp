// What all else stands on: values and gradients that cross devices, files, errors.
#include <gtest/gtest.h>
#include <voxgrad/voxgrad.h>

#include <functional>

#include "tests/ops/random_values.h"
#include "tests/support/on_cuda.h"
#include "tests/support/temporary_folder.h"

namespace voxgrad::testing {
namespace {

std::vector<float> floats(const Tensor& x) { return x.detach().to(Device{}).to_vector<float>(); }

class CudaTensor : public Cuda {};

TEST_F(CudaTensor, CopiesAcrossDevicesAndDTypes) {
  const Tensor from = random_values({3, 1, 4}, DType::float64, Layout::gaps);
  Tensor expected = Tensor::empty({3, 2, 4}),
         cuda = Tensor::empty({3, 2, 4}, expected.dtype(), kCuda);
  expected.copy_(from);
  cuda.copy_(from);
  EXPECT_EQ(floats(cuda), floats(expected));
  Tensor back = Tensor::empty_channels_last({3, 2, 4});
  back.copy_(cuda.slice(2, 0, 4));
  EXPECT_EQ(floats(back), floats(expected));
}

TEST_F(CudaTensor, GradientsComeBackToTheDeviceOfTheirTensor) {
  const Tensor x = random_values({2, 3}, DType::float32).requires_grad_();
  Tensor base = zeros({2, 3}, DType::float32, kCuda);
  base.copy_(x);
  const Tensor y = base * x.to(kCuda);
  y.backward(ones({2, 3}, DType::float32, kCuda));
  EXPECT_EQ(x.grad().device(), Device{});
  EXPECT_EQ(floats(x.grad()), floats(x.detach() * 2));
}

TEST_F(CudaTensor, ScalarsOfTheCpuGoAlong) {
  const Tensor x = random_values({2, 3}, DType::float32), there = x.to(kCuda);
  const Tensor two = scalar(2, DType::float32);
  EXPECT_EQ((there * two).device(), kCuda);
  EXPECT_EQ(floats(two - there), floats(two - x));
  Tensor sum = there.clone(), product = there.clone();
  EXPECT_EQ(floats(sum.add_(two)), floats(x + two));
  EXPECT_EQ(floats(product.mul_(two)), floats(x * 2));
  constexpr std::int64_t kLarge = (std::int64_t{1} << 60) + 1;
  const Tensor large = Tensor::from(std::vector{kLarge}, {}),
               none = zeros({1}, DType::int64, kCuda);
  EXPECT_EQ((none + large).to(Device{}).to_vector<std::int64_t>(), std::vector{kLarge});
  Tensor wanted = scalar(3, DType::float32);
  wanted.requires_grad_();
  (there * wanted).backward(ones({2, 3}, DType::float32, kCuda));
  EXPECT_NEAR(wanted.grad().item(), voxgrad::sum(x).item(), 1e-5);
  EXPECT_THROW(x + scalar(1, DType::float32, kCuda), DeviceError);
  EXPECT_THROW(x + there, DeviceError);
  EXPECT_THROW(sum.add_(x), DeviceError);
}

TEST_F(CudaTensor, GradcheckWorksThere) {
  const Tensor x = on_cuda(random_values({2, 3}, DType::float64, Layout::gaps)).requires_grad_();
  const TensorFunction square = [](std::span<const Tensor> in) {
    return std::vector<Tensor>{in[0] * in[0]};
  };
  gradcheck(square, {x});
  gradgradcheck(square, {x});
}

TEST_F(CudaTensor, TrainingStateGoesThroughAFile) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path() + "/state.safetensors";
  const Tensor values = random_values({3, 4}, DType::float32, Layout::channels_last);
  Tensor p = values.to(kCuda).requires_grad_();
  optim::Adam adam({p}, {});
  p.set_grad(values.to(kCuda));
  adam.step();
  Checkpoint saved;
  saved.put("optimizer", adam);
  saved.put("p", p.detach());
  saved.put("part", p.detach().slice(1, 0, 2, 2));
  saved.put("number", scalar(3, DType::float64, kCuda));
  EXPECT_EQ(saved.number("number"), 3);
  saved.save(path);

  const Checkpoint loaded = Checkpoint::load(path);
  EXPECT_EQ(loaded.tensor("p").to_vector<float>(), floats(p));
  EXPECT_EQ(loaded.tensor("part").to_vector<float>(), floats(p.detach().slice(1, 0, 2, 2)));
  Tensor q = loaded.tensor("p").to(kCuda).requires_grad_();
  optim::Adam other({q}, {});
  loaded.get("optimizer", other);
  for (Tensor* each : {&p, &q}) each->set_grad(values.to(kCuda));
  adam.step();
  other.step();
  EXPECT_EQ(floats(p), floats(q));
}

TEST_F(CudaTensor, ModulesMoveWithTheirParameters) {
  nn::Linear linear({.in_features = 3, .out_features = 2});
  const Tensor weight = linear.weight;
  const auto before = floats(weight);
  linear.to(kCuda);
  EXPECT_TRUE(linear.weight.is_same(weight));
  EXPECT_EQ(weight.device(), kCuda);
  EXPECT_EQ(floats(weight), before);
  nn::Linear other({.in_features = 3, .out_features = 2});
  other.load_state_dict(linear.state_dict());
  EXPECT_EQ(other.weight.device(), Device{});
  EXPECT_EQ(floats(other.weight), before);
}

TEST_F(CudaTensor, MetricsReadWhereTheVolumeLies) {
  const Tensor image = random_values({2, 3, 4}, DType::float32);
  const Tensor mask = threshold_mask(image.to(kCuda), 0);
  EXPECT_EQ(dice(mask.to(kCuda), threshold_mask(image, 0)), 1);
  EXPECT_EQ(best_threshold(image.to(kCuda), mask).dice, 1);
}

TEST_F(CudaTensor, DevicesHaveNames) {
  EXPECT_EQ(device_name(Device{}), "cpu");
  EXPECT_FALSE(device_name(kCuda).empty());
  EXPECT_THROW(device_name({DeviceType::cuda, 1000}), DeviceError);
}

}  // namespace
}  // namespace voxgrad::testing
