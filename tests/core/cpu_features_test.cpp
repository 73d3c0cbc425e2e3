#include <voxgrad/core/cpu_features.h>

#include <gtest/gtest.h>

namespace voxgrad {
namespace {

using enum InstructionSet;

TEST(CpuFeatures, BestLevelIsTakenWhereNothingIsAsked) {
  EXPECT_EQ(choose_instruction_set(nullptr, portable), portable);
  EXPECT_EQ(choose_instruction_set(nullptr, avx512), avx512);
}

TEST(CpuFeatures, LowerLevelIsFollowed) {
  EXPECT_EQ(choose_instruction_set("portable", avx512), portable);
  EXPECT_EQ(choose_instruction_set("avx2", avx512), avx2);
  EXPECT_EQ(choose_instruction_set("avx512", avx512), avx512);
}

TEST(CpuFeatures, CapitalsAreFollowed) {
  EXPECT_EQ(choose_instruction_set("AVX2", avx512), avx2);
  EXPECT_EQ(choose_instruction_set("Portable", avx512), portable);
}

TEST(CpuFeatures, EmptyIsUnset) { EXPECT_EQ(choose_instruction_set("", avx512), avx512); }

TEST(CpuFeatures, LevelBeyondTheProcessorIsNotFollowed) {
  EXPECT_EQ(choose_instruction_set("avx512", avx2), avx2);
  EXPECT_EQ(choose_instruction_set("avx2", portable), portable);
}

TEST(CpuFeatures, UnknownValueIsNotFollowed) {
  for (const char* wanted : {"avx", "sse", "avx512 ", "avx512f"}) {
    EXPECT_EQ(choose_instruction_set(wanted, avx2), avx2) << wanted;
  }
}

TEST(CpuFeatures, ReportStartsWithTheLevelInUse) {
  const std::string report = instruction_set_report();
  EXPECT_TRUE(report.starts_with(name(instruction_set()))) << report;
}

}  // namespace
}  // namespace voxgrad
