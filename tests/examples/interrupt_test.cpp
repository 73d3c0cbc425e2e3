#include "examples/support/interrupt.h"

#include <gtest/gtest.h>

#include <csignal>
#include <stdexcept>

namespace voxgrad::examples {
namespace {

TEST(Interrupt, FirstSignalOnlySetsTheFlag) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Interrupt interrupt;
    EXPECT_FALSE(interrupt.requested());
    std::raise(signal);
    EXPECT_TRUE(interrupt.requested());
  }
}

TEST(Interrupt, PutsTheOldHandlersBack) {
  struct sigaction before {};
  struct sigaction after {};
  sigaction(SIGINT, nullptr, &before);
  {
    const Interrupt interrupt;
    sigaction(SIGINT, nullptr, &after);
    EXPECT_NE(after.sa_handler, before.sa_handler);
  }
  sigaction(SIGINT, nullptr, &after);
  EXPECT_EQ(after.sa_handler, before.sa_handler);
}

TEST(Interrupt, OnlyOneAtATime) {
  const Interrupt interrupt;
  EXPECT_THROW(Interrupt(), std::logic_error);
}

TEST(InterruptDeathTest, SecondSignalEndsTheProgram) {
  for (const int second : {SIGINT, SIGTERM}) {
    EXPECT_EXIT(
        {
          const Interrupt interrupt;
          std::raise(SIGINT);
          std::raise(second);
        },
        testing::KilledBySignal(second), "");
  }
}

}  // namespace
}  // namespace voxgrad::examples
