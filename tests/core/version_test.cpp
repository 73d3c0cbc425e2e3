#include <voxgrad/core/version.h>

#include <gtest/gtest.h>

#include <string>

namespace voxgrad {
namespace {

TEST(Version, IsMajorMinorPatch) {
  const std::string text = version();
  std::size_t number_begin = 0;
  for (int part = 0; part < 3; ++part) {
    const std::size_t number_end = text.find_first_not_of("0123456789", number_begin);
    EXPECT_NE(number_end, number_begin) << text;
    if (part == 2) {
      EXPECT_EQ(number_end, std::string::npos) << text;
    } else {
      ASSERT_NE(number_end, std::string::npos) << text;
      EXPECT_EQ(text[number_end], '.') << text;
      number_begin = number_end + 1;
    }
  }
}

}  // namespace
}  // namespace voxgrad
