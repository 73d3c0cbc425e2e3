#include <voxgrad/ops/cpu/blas.h>

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <voxgrad/core/cpu_features.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace voxgrad::ops::cpu {
namespace {

struct Problem {
  bool trans_a = false, trans_b = false;
  Index m = 0, n = 0, k = 0;
  double alpha = 1, beta = 0;
  Index gap = 0;  // elements between the rows of each matrix; all three differ
  GemmLimits limits{};
};

template <typename T>
struct Operands {
  std::vector<T> a, b, c;
  Index lda, ldb, ldc;
};

// Values are small integers, so that every order of summation gives the same bits.
template <typename T>
Operands<T> make_operands(const Problem& p, unsigned seed = 1) {
  std::mt19937 generator(seed);
  std::uniform_int_distribution<int> value(-4, 4);
  const auto matrix = [&](Index rows, Index ld) {
    std::vector<T> data(static_cast<std::size_t>(rows * ld));
    for (T& x : data) x = static_cast<T>(value(generator));
    return data;
  };
  Operands<T> o;
  o.lda = (p.trans_a ? p.m : p.k) + p.gap;
  o.ldb = (p.trans_b ? p.k : p.n) + 2 * p.gap;
  o.ldc = p.n + 3 * p.gap;
  o.a = matrix(p.trans_a ? p.k : p.m, o.lda);
  o.b = matrix(p.trans_b ? p.n : p.k, o.ldb);
  o.c = matrix(p.m, o.ldc);
  return o;
}

template <typename T>
std::vector<T> naive(const Problem& p, const Operands<T>& o) {
  std::vector<T> c = o.c;
  for (Index i = 0; i < p.m; ++i) {
    for (Index j = 0; j < p.n; ++j) {
      double sum = 0;
      for (Index l = 0; l < p.k; ++l) {
        const Index a = p.trans_a ? l * o.lda + i : i * o.lda + l;
        const Index b = p.trans_b ? j * o.ldb + l : l * o.ldb + j;
        sum += static_cast<double>(o.a[static_cast<std::size_t>(a)]) *
               static_cast<double>(o.b[static_cast<std::size_t>(b)]);
      }
      T& to = c[static_cast<std::size_t>(i * o.ldc + j)];
      to = static_cast<T>(p.alpha * sum + (p.beta == 0 ? 0 : p.beta * static_cast<double>(to)));
    }
  }
  return c;
}

template <typename T>
void run(const Problem& p, Operands<T>& o) {
  gemm<T>(p.trans_a, p.trans_b, p.m, p.n, p.k, static_cast<T>(p.alpha), o.a.data(), o.lda,
          o.b.data(), o.ldb, static_cast<T>(p.beta), o.c.data(), o.ldc, p.limits);
}

// Calls check(problem) for the four transpositions of `p`.
template <typename F>
void for_transpositions(Problem p, F&& check) {
  for (const bool trans_a : {false, true}) {
    for (const bool trans_b : {false, true}) {
      p.trans_a = trans_a;
      p.trans_b = trans_b;
      SCOPED_TRACE(testing::Message() << "trans_a " << trans_a << " trans_b " << trans_b << " m "
                                      << p.m << " n " << p.n << " k " << p.k << " alpha " << p.alpha
                                      << " beta " << p.beta << " gap " << p.gap);
      check(p);
    }
  }
}

template <typename T>
class Gemm : public testing::Test {
 protected:
  static void expect_exact(const Problem& problem) {
    for_transpositions(problem, [](const Problem& p) {
      Operands<T> o = make_operands<T>(p);
      const std::vector<T> expected = naive(p, o);
      run(p, o);
      EXPECT_EQ(o.c, expected);  // the gaps between rows too: they must stay as they were
    });
  }
};

using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Gemm, Types);

TYPED_TEST(Gemm, MatchesTripleLoop) {
  // Sizes on both sides of the kernels' block sizes, and of the small-matrix kernels' limit.
  constexpr std::array<std::array<Index, 3>, 7> kSizes = {
      {{1, 1, 1}, {2, 3, 5}, {7, 5, 1}, {1, 17, 33}, {33, 31, 29}, {65, 48, 300}, {130, 97, 210}}};
  for (const auto& [m, n, k] : kSizes) {
    for (const Index gap : {0, 3}) {
      this->expect_exact({.m = m, .n = n, .k = k, .alpha = 1, .beta = 0, .gap = gap});
      this->expect_exact({.m = m, .n = n, .k = k, .alpha = 1, .beta = 1, .gap = gap});
      this->expect_exact({.m = m, .n = n, .k = k, .alpha = -2, .beta = 0.5, .gap = gap});
    }
  }
}

TYPED_TEST(Gemm, SplitPiecesAddUpToTheWhole) {
  for (const Index block : {1, 2, 4}) {
    this->expect_exact(
        {.m = 7, .n = 5, .k = 11, .alpha = 2, .beta = 0.5, .gap = 2, .limits = {.block = block}});
  }
}

TYPED_TEST(Gemm, LeadingDimensionsBeyondTheLimitAreTakenRowByRow) {
  // Rows are 5 to 17 elements apart: each limit makes another set of the three matrices "too wide".
  for (const Index stride : {1, 6, 8, 10, 12, 14}) {
    this->expect_exact({.m = 3,
                        .n = 5,
                        .k = 7,
                        .alpha = 1,
                        .beta = 0.5,
                        .gap = 4,
                        .limits = {.block = 100, .stride = stride}});
  }
}

TYPED_TEST(Gemm, BetaZeroOverwritesNan) {
  constexpr TypeParam kNan = std::numeric_limits<TypeParam>::quiet_NaN();
  for (const Index k : {0, 3, 300}) {
    for_transpositions({.m = 5, .n = 7, .k = k}, [&](const Problem& p) {
      Operands<TypeParam> o = make_operands<TypeParam>(p);
      std::ranges::fill(o.c, kNan);
      const std::vector<TypeParam> expected = naive(p, o);
      run(p, o);
      EXPECT_EQ(o.c, expected);
    });
  }
}

TYPED_TEST(Gemm, EmptySumScalesByBeta) {
  this->expect_exact({.m = 3, .n = 5, .k = 0, .beta = 0.5, .gap = 2});
  this->expect_exact({.m = 3, .n = 5, .k = 0, .beta = 1, .gap = 2});
  this->expect_exact({.m = 3, .n = 5, .k = 0, .beta = 0, .gap = 2});
}

TYPED_TEST(Gemm, NothingHappensToAnEmptyResult) {
  TypeParam guard = 7;
  gemm<TypeParam>(false, false, 0, 5, 3, 1, nullptr, 3, &guard, 5, 0, &guard, 5);
  gemm<TypeParam>(false, false, 5, 0, 3, 1, &guard, 3, nullptr, 1, 0, &guard, 1);
  EXPECT_EQ(guard, TypeParam{7});
}

TYPED_TEST(Gemm, NonIntegerSumsStayWithinRounding) {
  const Problem p{.m = 31, .n = 37, .k = 500, .alpha = 1, .beta = 0};
  Operands<TypeParam> o = make_operands<TypeParam>(p);
  for (auto* matrix : {&o.a, &o.b}) {
    for (TypeParam& x : *matrix) x /= TypeParam{3};
  }
  const std::vector<TypeParam> expected = naive(p, o);
  run(p, o);
  // Each product is at most 16/9; a sum of k rounds by at most k epsilons of the absolute sum.
  const double bound = 500.0 * 500.0 * 16 / 9 * std::numeric_limits<TypeParam>::epsilon();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(o.c[i]), static_cast<double>(expected[i]), bound);
  }
}

TYPED_TEST(Gemm, EightCallersAtOnceGetTheBitsOfOne) {
  const Problem p{.m = 96, .n = 32, .k = 216};
  std::array<std::atomic<int>, 8> wrong{};
  std::vector<std::thread> callers;
  for (unsigned caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&, caller] {
      Operands<TypeParam> o = make_operands<TypeParam>(p, caller + 1);
      const std::vector<TypeParam> expected = naive(p, o);
      for (int repeat = 0; repeat < 40; ++repeat) {
        run(p, o);
        wrong[caller] += o.c != expected;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (const auto& count : wrong) EXPECT_EQ(count, 0);
}

// What a child process of this program sees with these variables set before it starts.
std::string run_self(const std::string& environment, const std::string& filter) {
  std::array<char, 4096> path{};
  const std::string self = realpath("/proc/self/exe", path.data());
  const std::string command = "env " + environment + " '" + self + "' --gtest_filter='" + filter +
                              "' --gtest_also_run_disabled_tests 2>&1";
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return "popen failed";
  std::array<char, 256> line{};
  while (std::fgets(line.data(), line.size(), pipe) != nullptr) output += line.data();
  return pclose(pipe) == 0 ? output : output + "\nchild failed";
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "(unset)" : value;
}

TEST(BlasChild, DISABLED_PrintsWhatItSees) {
  std::printf("core=%s threads=%s type=%s verbose=%s cpu=%s\n", blas_core_name(),
              variable("OPENBLAS_NUM_THREADS").c_str(), variable("OPENBLAS_CORETYPE").c_str(),
              variable("OPENBLAS_VERBOSE").c_str(), instruction_set_report().c_str());
}

std::string child_sees(const std::string& environment) {
  return run_self(environment, "BlasChild.DISABLED_PrintsWhatItSees");
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Blas, EnvironmentIsRestored) {
  const std::string set =
      child_sees("OPENBLAS_NUM_THREADS=7 OPENBLAS_CORETYPE=Prescott OPENBLAS_VERBOSE=5");
  EXPECT_TRUE(contains(set, "threads=7 type=Prescott verbose=5")) << set;
  const std::string unset =
      child_sees("-u OPENBLAS_NUM_THREADS -u OPENBLAS_CORETYPE -u OPENBLAS_VERBOSE");
  EXPECT_TRUE(contains(unset, "threads=(unset) type=(unset) verbose=(unset)")) << unset;
}

TEST(Blas, CoreIsOursWhateverTheEnvironmentPresets) {
  const std::string preset = child_sees("OPENBLAS_CORETYPE=Nehalem OPENBLAS_VERBOSE=2");
  EXPECT_TRUE(contains(preset, std::string("core=") + blas_core_name() + " ")) << preset;
}

TEST(Blas, CoreFollowsTheInstructionSet) {
  if (instruction_set() == InstructionSet::portable) {
    GTEST_SKIP() << "this run or this processor is portable already";
  }
  const std::string portable = child_sees("VOXGRAD_CPU=portable");
  EXPECT_TRUE(contains(portable, "core=Prescott")) << portable;
  EXPECT_TRUE(contains(portable, "cpu=portable (VOXGRAD_CPU)")) << portable;
  const std::string avx2 = child_sees("VOXGRAD_CPU=avx2");
  EXPECT_TRUE(contains(avx2, "core=Haswell") || contains(avx2, "core=Zen")) << avx2;
}

TEST(Blas, UnknownInstructionSetFallsBackToDetection) {
  const std::string detected = child_sees("-u VOXGRAD_CPU");
  EXPECT_TRUE(contains(detected, "(detected)")) << detected;
  const std::string odd = child_sees("VOXGRAD_CPU=mmx");
  const std::string report = "VOXGRAD_CPU=mmx is none of portable, avx2, avx512)";
  const std::size_t warning = odd.find("voxgrad: instruction set ");
  ASSERT_NE(warning, std::string::npos) << odd;
  EXPECT_TRUE(contains(odd.substr(warning, odd.find('\n', warning) - warning), report)) << odd;
  EXPECT_EQ(odd.find("voxgrad: ", warning + 1), std::string::npos) << "once: " << odd;
  EXPECT_FALSE(contains(detected, "voxgrad: ")) << detected;
  const std::string core = detected.substr(detected.find("core="), detected.find(" threads="));
  EXPECT_TRUE(contains(odd, core.substr(0, core.find(' ')))) << odd;
}

TEST(Blas, EveryCoreGivesTheSameProducts) {
  for (const char* set : {"portable", "avx2"}) {
    const std::string output = run_self(std::string("VOXGRAD_CPU=") + set, "Gemm/*");
    EXPECT_TRUE(contains(output, "[  PASSED  ]")) << output;
    EXPECT_FALSE(contains(output, "FAILED")) << output;
  }
}

TEST(Blas, ItsSymbolsAreNotSeenOutside) {
  for (const char* symbol : {"cblas_sgemm", "sgemm_", "gotoblas_init", "openblas_get_corename"}) {
    EXPECT_EQ(dlsym(RTLD_DEFAULT, symbol), nullptr) << symbol;
  }
}

}  // namespace
}  // namespace voxgrad::ops::cpu
