#include "examples/support/format.h"

#include <gtest/gtest.h>

#include <cmath>

namespace voxgrad::examples {
namespace {

TEST(Format, DurationPicksItsUnits) {
  EXPECT_EQ(format_duration(0), "0 s");
  EXPECT_EQ(format_duration(7.4), "7 s");
  EXPECT_EQ(format_duration(59.4), "59 s");
  EXPECT_EQ(format_duration(59.6), "1:00");
  EXPECT_EQ(format_duration(83), "1:23");
  EXPECT_EQ(format_duration(3599.6), "1:00:00");
  EXPECT_EQ(format_duration(7509), "2:05:09");
  EXPECT_EQ(format_duration(360000), "100:00:00");
}

TEST(Format, DurationThatIsNoneIsAQuestionMark) {
  EXPECT_EQ(format_duration(-1), "?");
  EXPECT_EQ(format_duration(std::nan("")), "?");
  EXPECT_EQ(format_duration(HUGE_VAL), "?");
}

TEST(Format, CountHasThreeDigitsAndAPrefix) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(950), "950");
  EXPECT_EQ(format_count(999.4), "999");
  EXPECT_EQ(format_count(999.6), "1.00 k");
  EXPECT_EQ(format_count(12345), "12.3 k");
  EXPECT_EQ(format_count(99960), "100 k");
  EXPECT_EQ(format_count(999600), "1.00 M");
  EXPECT_EQ(format_count(1.25e6), "1.25 M");
  EXPECT_EQ(format_count(3.1e9), "3.10 G");
  EXPECT_EQ(format_count(-3), "?");
  EXPECT_EQ(format_count(HUGE_VAL), "?");
}

TEST(Format, LossShowsWhatFourDecimalsWouldHide) {
  EXPECT_EQ(format_loss(0.23414), "0.2341");
  EXPECT_EQ(format_loss(12.3456), "12.3456");
  EXPECT_EQ(format_loss(-0.5), "-0.5000");
  EXPECT_EQ(format_loss(0), "0.0000");
  EXPECT_EQ(format_loss(3.2e-5), "3.2e-05");
  EXPECT_EQ(format_loss(1.5e30), "1.5e+30");
  EXPECT_EQ(format_loss(-std::nan("")), "nan");
  EXPECT_EQ(format_loss(HUGE_VAL), "inf");
}

}  // namespace
}  // namespace voxgrad::examples
