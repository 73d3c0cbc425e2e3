#include "examples/support/run_main.h"

#include <gtest/gtest.h>
#include <voxgrad/core/error.h>

#include <functional>
#include <new>
#include <string>

namespace voxgrad::examples {
namespace {

struct Outcome {
  int status;
  std::string errors;
};

Outcome outcome(const std::function<int()>& body) {
  testing::internal::CaptureStderr();
  const int status = run_main("program", body);
  return {status, testing::internal::GetCapturedStderr()};
}

TEST(RunMain, PassesTheStatusOn) {
  EXPECT_EQ(outcome([] { return 0; }).status, 0);
  EXPECT_EQ(outcome([] { return 7; }).status, 7);
}

TEST(RunMain, TurnsExceptionsIntoOneLineAndStatusTwo) {
  const auto library = outcome([]() -> int { throw FileError("read_nifti: a.nii is\nmissing"); });
  EXPECT_EQ(library.status, 2);
  EXPECT_EQ(library.errors, "program: read_nifti: a.nii is missing\n");
  EXPECT_EQ(outcome([]() -> int { fail("--steps: too few"); }).errors,
            "program: --steps: too few\n");
  EXPECT_EQ(outcome([]() -> int { fail("a\rb\x1b[2J\x7f\u00e4"); }).errors,
            "program: a b [2J \u00e4\n");
  const auto memory = outcome([]() -> int { throw std::bad_alloc(); });
  EXPECT_EQ(memory.status, 2);
  EXPECT_NE(memory.errors.find("memory"), std::string::npos);
  EXPECT_EQ(outcome([]() -> int { throw 3; }).status, 2);
}

}  // namespace
}  // namespace voxgrad::examples
