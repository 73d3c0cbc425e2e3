#include <voxgrad/data/loader.h>

#include <gtest/gtest.h>

#include <csignal>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <voxgrad/core/error.h>

namespace voxgrad {
namespace {

using namespace std::chrono_literals;

TEST(Loader, GivesSamplesInOrder) {
  Loader<std::string> loader([](Index i) { return std::to_string(i); }, {.count = 100});
  for (Index i = 0; i < 100; ++i) {
    EXPECT_EQ(loader.position(), i);
    EXPECT_FALSE(loader.done());
    EXPECT_EQ(loader.next(), std::to_string(i));
  }
  EXPECT_TRUE(loader.done());
  EXPECT_THROW(loader.next(), IndexError);
}

TEST(Loader, LeavesSignalsToTheProgramsThreads) {
  const auto takes_interrupts = [] {
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    return sigismember(&blocked, SIGINT) == 0;
  };
  Loader<bool> loader([&](Index) { return takes_interrupts(); }, {.count = 1});
  EXPECT_FALSE(loader.next());
  EXPECT_TRUE(takes_interrupts());
}

TEST(Loader, GivesTheSameWhateverTheTiming) {
  Loader<Index> slow_source([](Index i) {
    std::this_thread::sleep_for(i % 3 * 1ms);
    return i * i;
  });
  Loader<Index> slow_consumer([](Index i) { return i * i; }, {.ahead = 3});
  for (Index i = 0; i < 20; ++i) {
    if (i % 4 == 0) std::this_thread::sleep_for(2ms);
    EXPECT_EQ(slow_source.next(), i * i);
    EXPECT_EQ(slow_consumer.next(), i * i);
  }
}

TEST(Loader, ContinuesAtAPosition) {
  Index position = 0;
  {
    Loader<Index> loader([](Index i) { return i; });
    for (int i = 0; i < 5; ++i) loader.next();
    position = loader.position();
  }
  Loader<Index> loader([](Index i) { return i; }, {.start = position});
  EXPECT_EQ(loader.next(), 5);
}

TEST(Loader, MakesOnlyAsManyAheadAsAllowed) {
  std::atomic<Index> made{0};
  Loader<Index> loader(
      [&](Index i) {
        ++made;
        return i;
      },
      {.ahead = 3});
  for (int i = 0; i < 200 && made < 3; ++i) std::this_thread::sleep_for(5ms);
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(made, 3);
  loader.next();
  for (int i = 0; i < 200 && made < 4; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(made, 4);
}

TEST(Loader, CarriesAnExceptionToTheSampleItBelongsTo) {
  std::atomic<Index> calls{0};
  Loader<Index> loader([&](Index i) {
    ++calls;
    if (i == 2) throw std::domain_error("sample 2 is bad");
    return i;
  });
  EXPECT_EQ(loader.next(), 0);
  EXPECT_EQ(loader.next(), 1);
  for (int i = 0; i < 2; ++i) {
    try {
      loader.next();
      FAIL() << "nothing was thrown";
    } catch (const std::domain_error& error) {
      EXPECT_STREQ(error.what(), "sample 2 is bad");
    }
    EXPECT_EQ(loader.position(), 2);
  }
  std::this_thread::sleep_for(10ms);
  EXPECT_EQ(calls, 3);  // and the source is left alone from then on
}

TEST(Loader, EndsWhereverItsThreadIs) {
  for (int round = 0; round < 200; ++round) {
    Loader<std::vector<int>> loader([](Index) { return std::vector<int>(10); },
                                    {.count = round % 5, .ahead = 1 + round % 2});
    for (int i = 0; i < round % 3 && !loader.done(); ++i) loader.next();
  }
  Loader<Index> busy([](Index i) {
    std::this_thread::sleep_for(20ms);
    return i;
  });
  Loader<Index> failed([](Index) -> Index { throw std::runtime_error("no"); });
}

TEST(Loader, MovesSamplesOut) {
  Loader<std::unique_ptr<int>> loader(
      [](Index i) { return std::make_unique<int>(static_cast<int>(i)); });
  EXPECT_EQ(*loader.next(), 0);
  EXPECT_EQ(*loader.next(), 1);
}

TEST(Loader, RefusesBadOptions) {
  const auto source = [](Index i) { return i; };
  EXPECT_THROW(Loader<Index>(source, {.start = -1}), ShapeError);
  EXPECT_THROW(Loader<Index>(source, {.count = -2}), ShapeError);
  EXPECT_THROW(Loader<Index>(source, {.ahead = 0}), ShapeError);
  const Loader<Index>::Source none;
  EXPECT_THROW(Loader<Index>{none}, ShapeError);
}

TEST(Loader, IsDoneAtOnceWhereThereIsNothingToMake) {
  Loader<Index> loader([](Index i) { return i; }, {.start = 4, .count = 4});
  EXPECT_TRUE(loader.done());
  EXPECT_THROW(loader.next(), IndexError);
}

}  // namespace
}  // namespace voxgrad
