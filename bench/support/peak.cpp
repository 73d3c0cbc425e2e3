#include "bench/support/peak.h"

#include <algorithm>
#include <cstring>
#include <thread>
#include <vector>

#include <voxgrad/core/cpu_features.h>
#include <voxgrad/core/parallel.h>

#include "bench/support/timing.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace voxgrad::bench {
namespace {

constexpr long kRounds = 4'000'000;
constexpr int kChains = 12;  // independent sums: more than latency times throughput of any core

volatile float sink;

#if defined(__x86_64__)
[[gnu::target("avx512f")]] double flops_avx512() {
  __m512 sums[kChains];
  for (auto& sum : sums) sum = _mm512_set1_ps(1.0f);
  const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(1e-3f);
  for (long i = 0; i < kRounds; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) sums[c] = _mm512_fmadd_ps(sums[c], a, b);
  }
  for (auto& sum : sums) sink = _mm512_cvtss_f32(sum);
  return 2.0 * 16 * kChains * kRounds;
}

[[gnu::target("avx2,fma")]] double flops_avx2() {
  __m256 sums[kChains];
  for (auto& sum : sums) sum = _mm256_set1_ps(1.0f);
  const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(1e-3f);
  for (long i = 0; i < kRounds; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) sums[c] = _mm256_fmadd_ps(sums[c], a, b);
  }
  for (auto& sum : sums) sink = _mm256_cvtss_f32(sum);
  return 2.0 * 8 * kChains * kRounds;
}
#endif

double flops_portable() {
  typedef float Vector [[gnu::vector_size(16)]];
  Vector sums[kChains];
  for (auto& sum : sums) sum = Vector{1, 1, 1, 1};
  const Vector a = {0.999f, 0.999f, 0.999f, 0.999f}, b = {1e-3f, 1e-3f, 1e-3f, 1e-3f};
  for (long i = 0; i < kRounds; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) sums[c] = sums[c] * a + b;
  }
  for (auto& sum : sums) sink = sum[0];
  return 2.0 * 4 * kChains * kRounds;
}

double run_flops() {
#if defined(__x86_64__)
  if (instruction_set() == InstructionSet::avx512) return flops_avx512();
  if (instruction_set() == InstructionSet::avx2) return flops_avx2();
#endif
  return flops_portable();
}

}  // namespace

double fma_peak_gflops(int threads) {
  double best = 0;
  for (int round = 0; round < 8; ++round) {
    std::vector<double> flops(static_cast<std::size_t>(threads));
    std::vector<std::thread> others;
    const double start = now();
    for (int t = 1; t < threads; ++t) others.emplace_back([&, t] { flops[t] = run_flops(); });
    flops[0] = run_flops();
    for (std::thread& other : others) other.join();
    double total = 0;
    for (const double each : flops) total += each;
    best = std::max(best, total / (now() - start) * 1e-9);
  }
  return best;
}

double copy_gigabytes_per_second() {
  constexpr Index kBlock = 1 << 20, kBlocks = 256;
  std::vector<char> from(kBlock * kBlocks, 1), to(kBlock * kBlocks, 2);
  const Times times = measure(5, [&] {
    parallel_for(kBlocks, [&](Index i) {
      std::memcpy(to.data() + i * kBlock, from.data() + i * kBlock, kBlock);
    });
  });
  return 2.0 * kBlock * kBlocks / times.minimum * 1e-9;
}

}  // namespace voxgrad::bench
