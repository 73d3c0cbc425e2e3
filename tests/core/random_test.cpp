#include <voxgrad/core/random.h>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include <voxgrad/core/error.h>

namespace voxgrad {
namespace {

// The recorded values come from NumPy's MT19937 and the formulas of core/random.h, computed apart
// from this library; the uniform float32 values, randperm and the normal values of seed 0 are also
// what PyTorch prints.

template <typename T>
std::vector<T> uniform(Index n, Generator& generator, double from = 0, double to = 1) {
  std::vector<T> values(static_cast<std::size_t>(n));
  fill_uniform(values.data(), n, from, to, generator);
  return values;
}

template <typename T>
std::vector<T> normal(Index n, Generator& generator, double mean = 0, double std = 1) {
  std::vector<T> values(static_cast<std::size_t>(n));
  fill_normal(values.data(), n, mean, std, generator);
  return values;
}

template <typename T>
void expect_near(const std::vector<T>& values, const std::vector<T>& expected, double tolerance) {
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_NEAR(values[i], expected[i], tolerance * std::abs(expected[i])) << "element " << i;
  }
}

TEST(Generator, DrawsWhatTheStandardLibraryDraws) {
  for (const std::uint32_t seed : {0U, 1U, 5489U, 0xFFFFFFFFU}) {
    Generator generator(seed);
    std::mt19937 reference(seed);
    for (int i = 0; i < 3000; ++i) ASSERT_EQ(generator.draw(), reference()) << seed << ' ' << i;
  }
}

TEST(Generator, Draw64PutsTheFirstDrawHigh) {
  Generator generator(42);
  EXPECT_EQ(generator.draw64(), (std::uint64_t{1608637542} << 32) | 3421126067U);
  EXPECT_EQ(generator.draw(), 4083286876U);
}

TEST(Generator, UsesTheLow32BitsOfTheSeedAndKeepsAll) {
  Generator low(7);
  Generator high((std::uint64_t{9} << 32) | 7);
  EXPECT_EQ(low.draw(), high.draw());
  EXPECT_EQ(high.seed(), (std::uint64_t{9} << 32) | 7);
  EXPECT_EQ(Generator().seed(), 67280421310721U);
}

TEST(Generator, StateContinuesTheStreamWithTheSecondNormal) {
  Generator generator(3);
  for (int i = 0; i < 700; ++i) generator.draw();
  normal<double>(3, generator);  // keeps a second value
  const auto state = generator.state();
  Generator other(99);
  other.set_state(state);
  EXPECT_EQ(other.seed(), 3U);
  EXPECT_EQ(other.state(), state);
  EXPECT_EQ(normal<double>(5, other), normal<double>(5, generator));
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(other.draw(), generator.draw());
}

TEST(Generator, RefusesWhatIsNotAState) {
  Generator generator(3);
  auto state = generator.state();
  EXPECT_THROW(generator.set_state({1, 2, 3}), ShapeError);
  state[624] = 625;  // the position
  EXPECT_THROW(generator.set_state(state), ShapeError);
  state[624] = 0;
  state[625] = 2;  // the flag
  EXPECT_THROW(generator.set_state(state), ShapeError);
}

TEST(Generator, SeedingForgetsTheSecondNormal) {
  Generator generator(0);
  normal<double>(1, generator);
  generator.manual_seed(0);
  EXPECT_EQ(normal<double>(1, generator), (std::vector<double>{1.5409961082440433}));
}

TEST(Generator, DefaultIsOneStreamThatManualSeedStartsAnew) {
  manual_seed(0);
  EXPECT_EQ(uniform<float>(1, default_generator())[0], 0.496256589889526367F);
  EXPECT_EQ(uniform<float>(1, default_generator())[0], 0.768221795558929443F);
  manual_seed(0);
  EXPECT_EQ(uniform<float>(1, default_generator())[0], 0.496256589889526367F);
}

TEST(Generator, MayBeUsedByManyThreads) {
  Generator generator(0);
  std::vector<std::vector<std::uint32_t>> drawn(4);
  std::vector<std::thread> threads;
  for (auto& values : drawn) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) values.push_back(generator.draw());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::uint32_t> all;
  for (const auto& values : drawn) all.insert(all.end(), values.begin(), values.end());
  std::mt19937 reference(0);
  std::vector<std::uint32_t> expected(4000);
  std::generate(expected.begin(), expected.end(), reference);
  std::sort(all.begin(), all.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(all, expected);
}

TEST(FillUniform, GivesTheValuesOfPyTorch) {
  Generator generator(0);
  EXPECT_EQ(uniform<float>(4, generator),
            (std::vector<float>{0.49625659F, 0.768221796F, 0.0884774327F, 0.132030487F}));
  generator.manual_seed(0);
  EXPECT_EQ(uniform<double>(3, generator),
            (std::vector<double>{0.97005300180655307, 0.70781986439978795, 0.45938294312745087}));
}

TEST(FillUniform, RoundsOnceInTheRange) {
  Generator generator(3);
  EXPECT_EQ(uniform<float>(6, generator, -0.3, 0.7),
            (std::vector<float>{-0.295736492F, -0.194430649F, -0.0141575336F, -0.273045182F,
                                0.171614349F, -0.239883721F}));
}

TEST(FillNormal, GivesPairsForLessThan16ElementsAndKeepsTheSecond) {
  Generator generator(0);
  expect_near(normal<double>(3, generator),
              {1.5409961082440433, -0.29342890576094638, -2.1787893820745574}, 1e-15);
  expect_near(normal<double>(2, generator), {0.56843127728066778, -1.0845223424240209}, 1e-15);
  generator.manual_seed(0);
  expect_near(normal<float>(4, generator), {1.54099607F, -0.293428898F, -2.17878938F, 0.568431258F},
              1e-7);
}

TEST(FillNormal, TransformsChunksOf16AndDrawsTheTailAnew) {
  Generator generator(1);
  expect_near(normal<double>(19, generator),
              {-0.31128955419003207, -0.71303027684011244, -0.72906815289537596, 1.5697184649359581,
               0.87344558494267721, -3.7046638002074288, -1.8141539905872015, -1.8425712793844078,
               0.094127865909684541, 0.51194315512898736, 0.59621959176530992, -0.15636439667930063,
               -2.1010054062092243, 1.5797411191469026, 1.0833573008638342, 0.88967451582875678,
               -1.9285833540080779, -0.27100795326519517, -0.13592053405918775},
              1e-15);
  generator.manual_seed(1);
  const auto values = normal<float>(35, generator);
  expect_near<float>(
      {values[0], values[1], values[16], values[18], values[19], values[34]},
      {-1.5255959F, -0.750231802F, -0.696972311F, 0.699542165F, -0.773454905F, 0.246752903F}, 1e-7);
}

TEST(FillNormal, ScalesAndShiftsInOneRounding) {
  for (const Index n : {5, 16, 37}) {
    Generator generator(4);
    const auto standard = normal<double>(n, generator);
    generator.manual_seed(4);
    const auto scaled = normal<double>(n, generator, 0.7, 0.3);
    for (std::size_t i = 0; i < standard.size(); ++i) {
      EXPECT_EQ(scaled[i], std::fma(standard[i], 0.3, 0.7));
    }
  }
}

TEST(FillNormal, HasTheMomentsOfANormalDistribution) {
  Generator generator(11);
  const auto values = normal<float>(200000, generator);
  double sum = 0;
  double squares = 0;
  for (const float value : values) {
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  EXPECT_NEAR(sum / 200000, 0, 0.01);
  EXPECT_NEAR(squares / 200000, 1, 0.015);
}

TEST(FillRandint, TakesTheRemainderOfOneOrTwoDraws) {
  Generator generator(5);
  std::vector<std::int64_t> values(8);
  fill_randint(values.data(), 8, 0, 10, generator);
  EXPECT_EQ(values, (std::vector<std::int64_t>{1, 4, 7, 5, 6, 0, 2, 3}));
  generator.manual_seed(5);
  values.resize(3);
  fill_randint(values.data(), 3, -3, std::int64_t{1} << 40, generator);
  EXPECT_EQ(values, (std::vector<std::int64_t>{425427585834, 1030023884237, 989394311634}));
  // Two draws from 2^28 on.
  generator.manual_seed(5);
  fill_randint(values.data(), 2, 0, (1 << 28) - 1, generator);
  EXPECT_EQ(values[0], 148147046);
  EXPECT_EQ(values[1], 236996814);
  generator.manual_seed(5);
  fill_randint(values.data(), 2, 0, 1 << 28, generator);
  EXPECT_EQ(values[0], 236996814);
  EXPECT_EQ(values[1], 80864957);
}

TEST(FillRandperm, GivesThePermutationOfPyTorch) {
  Generator generator(0);
  std::vector<std::int64_t> values(10);
  fill_randperm(values.data(), 10, generator);
  EXPECT_EQ(values, (std::vector<std::int64_t>{4, 1, 7, 5, 3, 9, 0, 8, 6, 2}));
}

TEST(FillRandperm, OfNoneAndOneDrawsNothing) {
  Generator generator(0);
  std::int64_t value = -1;
  fill_randperm(&value, 0, generator);
  EXPECT_EQ(value, -1);
  fill_randperm(&value, 1, generator);
  EXPECT_EQ(value, 0);
  EXPECT_EQ(generator.draw(), std::mt19937(0)());
}

TEST(FillBernoulli, ComparesADoubleForEveryType) {
  const std::vector<int> expected = {1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 0};
  const auto check = [&]<typename T>(T) {
    Generator generator(7);
    T values[16];
    fill_bernoulli(values, 16, 0.3, generator);
    for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(static_cast<int>(values[i]), expected[i]) << i;
  };
  check(0.0F);
  check(0.0);
  check(false);
}

TEST(FillBernoulli, IsCertainAtZeroAndOne) {
  Generator generator(7);
  std::vector<float> values(100);
  fill_bernoulli(values.data(), 100, 0, generator);
  EXPECT_EQ(std::accumulate(values.begin(), values.end(), 0.0F), 0);
  fill_bernoulli(values.data(), 100, 1, generator);
  EXPECT_EQ(std::accumulate(values.begin(), values.end(), 0.0F), 100);
}

TEST(Fillers, RefuseBadArgumentsBeforeTheyDraw) {
  Generator generator(0);
  float value = 0;
  double wide = 0;
  std::int64_t whole = 0;
  EXPECT_THROW(fill_uniform(&value, 1, 1, 0, generator), ShapeError);
  EXPECT_THROW(fill_uniform(&value, 1, 0, 1e300, generator), ShapeError);
  EXPECT_THROW(fill_uniform(&wide, 1, 0, NAN, generator), ShapeError);
  EXPECT_THROW(fill_uniform(&value, -1, 0, 1, generator), ShapeError);
  EXPECT_THROW(fill_normal(&value, 1, 0, -1, generator), ShapeError);
  EXPECT_THROW(fill_normal(&wide, -1, 0, 1, generator), ShapeError);
  EXPECT_THROW(fill_randint(&whole, 1, 3, 3, generator), ShapeError);
  EXPECT_THROW(fill_randint(&whole, -1, 0, 3, generator), ShapeError);
  EXPECT_THROW(fill_randperm(&whole, -1, generator), ShapeError);
  EXPECT_THROW(fill_bernoulli(&value, 1, 1.5, generator), ShapeError);
  EXPECT_THROW(fill_bernoulli(&value, 1, NAN, generator), ShapeError);
  EXPECT_EQ(generator.draw(), std::mt19937(0)());
}

TEST(Generator, DefaultWorksInAForkedChildWhileOtherThreadsFill) {
  std::atomic<bool> stop{false}, started{false};
  // Without malloc(): no fork waits for AddressSanitizer's locks.
  std::thread filling([&] {
    float values[1000];
    for (; !stop; started = true) fill_uniform(values, 1000, 0, 1, default_generator());
  });
  while (!started) std::this_thread::yield();
  for (int i = 0; i < 20; ++i) {
    const pid_t pid = fork();
    if (pid == 0) {
      alarm(30);  // a lock that nobody releases would hang
      float value = 0;
      fill_uniform(&value, 1, 0, 1, default_generator());
      _exit(0);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  stop = true;
  filling.join();
}

}  // namespace
}  // namespace voxgrad
