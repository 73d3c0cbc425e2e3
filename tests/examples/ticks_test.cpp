#include "examples/support/ticks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace voxgrad::examples {
namespace {

std::vector<std::string> labels(const std::vector<Tick>& ticks) {
  std::vector<std::string> all;
  for (const Tick& tick : ticks) all.push_back(tick.label);
  return all;
}

using Labels = std::vector<std::string>;

TEST(Ticks, LinearOnesAreRoundAndInside) {
  EXPECT_EQ(labels(linear_ticks(0, 1, 5)), (Labels{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"}));
  EXPECT_EQ(labels(linear_ticks(1, 300, 6)), (Labels{"50", "100", "150", "200", "250", "300"}));
  EXPECT_EQ(labels(linear_ticks(-0.03, 0.021, 4)), (Labels{"-0.02", "0.00", "0.02"}));
  EXPECT_EQ(labels(linear_ticks(1e12, 3e12, 2)), (Labels{"1e+12", "2e+12", "3e+12"}));
}

TEST(Ticks, LinearOnesAreAboutAsManyAsAsked) {
  for (const double span : {1e-9, 0.037, 1.0, 6.1, 48.0, 1.7e5}) {
    for (const double low : {0.0, -0.3 * span, 12 * span}) {
      const auto ticks = linear_ticks(low, low + span, 6);
      EXPECT_GE(ticks.size(), 3U) << low << " + " << span;
      EXPECT_LE(ticks.size(), 8U) << low << " + " << span;
    }
  }
}

TEST(Ticks, ThereAreNoneWithoutARange) {
  EXPECT_TRUE(linear_ticks(1, 1, 5).empty());
  EXPECT_TRUE(linear_ticks(2, 1, 5).empty());
  EXPECT_TRUE(linear_ticks(std::nan(""), 1, 5).empty());
  EXPECT_TRUE(linear_ticks(0, HUGE_VAL, 5).empty());
  EXPECT_TRUE(linear_ticks(1, std::nextafter(1, 2), 5).empty());
  EXPECT_TRUE(log_ticks(0, 1, 5).empty());
}

TEST(Ticks, LogarithmicOnesArePowersOfTen) {
  EXPECT_EQ(labels(log_ticks(0.04, 2.1, 6)), (Labels{"0.05", "0.1", "0.2", "0.5", "1", "2"}));
  EXPECT_EQ(labels(log_ticks(1e-6, 1, 6)),
            (Labels{"1e-06", "1e-05", "0.0001", "0.001", "0.01", "0.1", "1"}));
  EXPECT_LE(log_ticks(1e-100, 1e100, 6).size(), 8U);
}

TEST(Ticks, LogarithmicOnesOfANarrowRangeAreLinear) {
  EXPECT_EQ(labels(log_ticks(0.61, 0.79, 4)), (Labels{"0.65", "0.70", "0.75"}));
}

}  // namespace
}  // namespace voxgrad::examples
