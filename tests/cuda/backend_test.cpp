#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <regex>
#include <string>

#include <voxgrad/core/allocator.h>
#include <voxgrad/core/backend.h>
#include <voxgrad/core/error.h>
#include <voxgrad/ops/elementwise.h>

#include "tests/ops/random_values.h"
#include "tests/support/on_cuda.h"

namespace voxgrad::testing {
namespace {

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(CudaBackendWithout, SaysHowToGetADevice) {
  if (device_count(DeviceType::cuda) > 0) GTEST_SKIP() << "there is a GPU";
  EXPECT_THROW(Device::cuda(), DeviceError);
  // Without CUDA, or with it: no driver, one that is too old, no GPU or one that does not start.
  const std::regex how(
      "backend: this build of voxgrad has no CUDA; build it with -DVOXGRAD_CUDA=ON where the CUDA "
      "toolkit is; got cuda:0|cuda: .+; (install one|install a newer driver|move to the CPU); got "
      "cuda:0");
  for (const std::string& text : {error_of([] { Device::cuda(); }),
                                  error_of([] { Tensor::empty({2}, DType::float32, kCuda); })}) {
    EXPECT_TRUE(std::regex_match(text, how)) << text;
  }
}

class CudaBackend : public Cuda {};

TEST_F(CudaBackend, RefusesDevicesThatDoNotExist) {
  EXPECT_EQ(Device::cuda(), kCuda);
  EXPECT_THROW(Device::cuda(1000), DeviceError);
  EXPECT_THROW(Device::cuda(-1), DeviceError);
  EXPECT_NE(error_of([] { Device::cuda(1000); }).find("cuda:1000"), std::string::npos);
}

TEST_F(CudaBackend, CopiesThereAndBack) {
  const Tensor x = random_values({3, 4, 5}, DType::float32, Layout::channels_last);
  const Tensor back = x.to(kCuda).to(Device{});
  EXPECT_EQ(back.to_vector<float>(), x.to_vector<float>());
  EXPECT_EQ(back.strides(), x.strides());
}

TEST_F(CudaBackend, CountsMemory) {
  Backend& cuda = backend(kCuda);
  cuda.reset_peak_memory_stats();
  const MemoryStats before = cuda.memory_stats();
  { const Tensor x = Tensor::empty({1 << 20}, DType::float64, kCuda); }
  const MemoryStats after = cuda.memory_stats();
  EXPECT_EQ(after.current, before.current);
  EXPECT_EQ(after.peak, before.current + (std::size_t{8} << 20));
  cuda.empty_cache();
  EXPECT_LE(cuda.memory_stats().reserved, after.reserved - (std::size_t{8} << 20));
}

TEST_F(CudaBackend, SaysWhatIsFreeWhenMemoryRunsOut) {
  const std::string text = error_of([] { Tensor::empty({Index{1} << 45}, DType::float64, kCuda); });
  EXPECT_NE(text.find("asked 281474976710656 bytes"), std::string::npos) << text;
  EXPECT_NE(text.find("free of"), std::string::npos) << text;
  EXPECT_EQ(on_cuda(random_values({3}, DType::float32)).numel(), 3);  // still usable
}

TEST_F(CudaBackend, RefusesToReadWhatLiesOnAnotherDevice) {
  const Tensor x = random_values({3}, DType::float32).to(kCuda);
  EXPECT_THROW(x.to_vector<float>(), DeviceError);
  EXPECT_EQ(random_values({1}, DType::float32).to(kCuda).item(),
            random_values({1}, DType::float32).item());
}

TEST_F(CudaBackend, AForkedChildIsToldToStartBefore) {
  const Tensor x = random_values({3}, DType::float32).to(kCuda);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const std::string text = error_of([&] { ops::unary(ops::UnaryOp::exp, x); });
    _exit(text.find("fork") != std::string::npos ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(ops::unary(ops::UnaryOp::abs, x).numel(), 3);  // the parent goes on
}

}  // namespace
}  // namespace voxgrad::testing
