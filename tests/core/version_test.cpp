#include <voxgrad/core/version.h>

#include <gtest/gtest.h>

#include <regex>
#include <string>

namespace voxgrad {
namespace {

TEST(Version, IsMajorMinorPatch) {
  EXPECT_TRUE(std::regex_match(std::string(version()), std::regex(R"(\d+\.\d+\.\d+)"))) << version();
}

}  // namespace
}  // namespace voxgrad
