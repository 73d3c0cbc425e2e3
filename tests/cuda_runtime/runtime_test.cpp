// What a user reads when CUDA fails, with a CUDA runtime that fails as it is told. Each case has a
// process of its own, since the runtime asks for its devices and its settings once.
#include <voxgrad/ops/cuda/runtime.h>

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include <voxgrad/core/error.h>

#include <cuda_runtime_api.h>

namespace voxgrad::ops::cuda {
namespace {

/// Ends the process, with status 0 if what `call` returns or throws is `text`.
[[noreturn]] void end_with_report(const std::function<std::string()>& call,
                                  const std::string& text) {
  std::string got;
  try {
    got = call();
  } catch (const DeviceError& error) {
    got = error.what();
  }
  std::fputs(got.c_str(), stderr);
  std::_Exit(got == text ? 0 : 1);
}

/// What `call` returns or throws on that machine is `text`.
void expect_report(const FakeCuda& machine, const std::string& text,
                   const std::function<std::string()>& call) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // begins anew, whatever this process asked for
  SCOPED_TRACE("expected: " + text);
  EXPECT_EXIT(
      {
        fake_cuda = machine;
        end_with_report(call, text);
      },
      testing::ExitedWithCode(0), "");  // a library may have warned there while it was loaded
}

std::string reason() { return devices().reason; }

TEST(CudaRuntimeDeathTest, SaysWhyThereIsNoDevice) {
  expect_report({.start = cudaErrorInsufficientDriver, .driver = 0},
                "there is no NVIDIA driver; install one", reason);
  expect_report({.start = cudaErrorInsufficientDriver, .driver = 11040, .runtime = 13000},
                "the driver is for CUDA 11.4 and this build needs 13.0; install a newer driver",
                reason);
  const std::string none = "there is no NVIDIA GPU that this process can see; move to the CPU";
  expect_report({.start = cudaErrorNoDevice}, none, reason);
  expect_report({.devices = 0}, none, reason);
  expect_report({.start = cudaErrorInitializationError},
                "the driver does not start (what it means); move to the CPU", reason);
  expect_report({}, "", reason);
}

TEST(CudaRuntimeDeathTest, NamesTheOpWhoseLaunchFailed) {
  unsetenv("VOXGRAD_CUDA_SYNC");
  expect_report({.launch = cudaErrorInvalidValue},
                "relu: CUDA reports cudaErrorOfSomeKind: what it means, then 0 waits", [] {
                  std::string text;
                  try {
                    finish_launch("relu");
                  } catch (const DeviceError& error) {
                    text = error.what();
                  }
                  finish_launch("relu");  // it was no fault: the device is still usable
                  return text + ", then " + std::to_string(fake_cuda.waits) + " waits";
                });
}

TEST(CudaRuntimeDeathTest, SaysThatAFaultMayBeOfAnEarlierOp) {
  const std::string advice =
      ": CUDA reports cudaErrorIllegalAddress: what it means. The fault may be of an earlier "
      "operation, and this process cannot use the device any more; start it again with "
      "VOXGRAD_CUDA_SYNC=1 to see which it was";
  const FakeCuda faulty{.kernel = cudaErrorIllegalAddress};
  for (const char* sync : {"", "0"}) {
    setenv("VOXGRAD_CUDA_SYNC", sync, 1);
    expect_report(faulty, "copy" + advice, [] {
      finish_launch("relu");  // does not wait
      char value = 0;
      copy_memory(&value, &value, 1);
      return "copied";
    });
    expect_report(faulty, "synchronize" + advice, [] {
      synchronize("synchronize");
      return "done";
    });
  }
  unsetenv("VOXGRAD_CUDA_SYNC");
}

TEST(CudaRuntimeDeathTest, SynchronousModeNamesTheOpThatFaults) {
  setenv("VOXGRAD_CUDA_SYNC", "1", 1);
  expect_report({.kernel = cudaErrorIllegalAddress},
                "relu: CUDA reports cudaErrorIllegalAddress: what it means. This process cannot "
                "use the device any more; start it again",
                [] {
                  finish_launch("relu");
                  return "launched";
                });
  expect_report({}, "1 wait", [] {
    finish_launch("relu");
    return std::to_string(fake_cuda.waits) + " wait";
  });
  unsetenv("VOXGRAD_CUDA_SYNC");
}

TEST(CudaRuntimeDeathTest, TellsNoMemoryFromFaults) {
  expect_report({.memory = cudaErrorMemoryAllocation}, "none",
                [] { return take_memory(64) == nullptr ? "none" : "some"; });
  expect_report({.memory = cudaErrorInvalidValue},
                "allocate: CUDA reports cudaErrorOfSomeKind: what it means",
                [] { return take_memory(64) == nullptr ? "none" : "some"; });
}

}  // namespace
}  // namespace voxgrad::ops::cuda
