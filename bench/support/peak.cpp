#include "bench/support/peak.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include <unistd.h>

#include <voxgrad/core/cpu_features.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/core/tensor.h>
#include <voxgrad/ops/cpu/by_instruction_set.h>
#include <voxgrad/ops/cpu/stream.h>

#include "bench/support/timing.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace voxgrad::bench {
namespace {

constexpr long kRounds = 4'000'000;
// Independent sums, at least latency times throughput: 4 cycles times 2 a cycle, 4 on some ARM.
#if defined(__x86_64__)
constexpr int kChains = 12;
#else
constexpr int kChains = 18;
#endif

volatile float sink;

#if defined(__x86_64__)
[[gnu::target("avx512f")]] double flops_avx512() {
  __m512 sums[kChains];
  for (auto& sum : sums) sum = _mm512_set1_ps(1.0f);
  const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(1e-3f);
  for (long i = 0; i < kRounds; ++i) {
#pragma GCC unroll 18
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
#pragma GCC unroll 18
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
#pragma GCC unroll 18
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

constexpr Index kBlockBytes = Index{1} << 20;
constexpr Index kStretch = 64;  // blocks timed together
constexpr int kMemoryRounds = 4;

/// Of each of two arrays: with both, four times the last cache, where the system tells its size.
Index memory_blocks() {
  Index cache = 0;
#if defined(_SC_LEVEL3_CACHE_SIZE)
  cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
#endif
  return std::clamp(2 * cache, Index{256} << 20, Index{1} << 30) / kBlockBytes;
}

/// Two arrays like those of tensors, whose pages the pool's threads touched first.
struct Arrays {
  Index blocks = memory_blocks();
  Tensor from = filled(1), to = filled(2);

  char* block(const Tensor& array, Index i) const { return bytes_of(array) + i * kBlockBytes; }

 private:
  static char* bytes_of(const Tensor& array) {
    return reinterpret_cast<char*>(Tensor(array).mutable_data<std::uint8_t>());
  }
  Tensor filled(std::uint8_t value) const {
    const Tensor array = Tensor::empty({blocks * kBlockBytes}, DType::uint8, {});
    parallel_for(blocks, [&](Index i) { std::fill_n(block(array, i), kBlockBytes, char(value)); });
    return array;
  }
};

/// Gigabytes of both arrays per second while body(block) runs for all blocks: the best of short
/// stretches, which other programs disturb less than whole passes.
double best_rate(const Arrays& arrays, const std::function<void(Index)>& body) {
  double best = 0;
  for (int round = 0; round < kMemoryRounds; ++round) {
    for (Index first = 0; first < arrays.blocks; first += kStretch) {
      const Index blocks = std::min(kStretch, arrays.blocks - first);
      const double start = now();
      parallel_for(blocks, [&](Index i) { body(first + i); });
      best = std::max(best, 2e-9 * double(blocks * kBlockBytes) / (now() - start));
    }
  }
  return best;
}

template <std::size_t vector_bytes>
struct CopyBlock {
  [[gnu::always_inline]] static inline void run(void* to, const void* from) {
    ops::cpu::stream_lines<vector_bytes>(to, from, kBlockBytes);
    ops::cpu::finish_streaming();
  }
};

struct SumBlock {
  [[gnu::always_inline]] static inline void run(const std::uint64_t* from, std::uint64_t* sum) {
    constexpr Index kStep = 32;  // four sums of the widest vectors
    std::uint64_t sums[kStep] = {};
    for (Index i = 0; i < kBlockBytes / Index{sizeof(*from)}; i += kStep)
      for (Index k = 0; k < kStep; ++k) sums[k] += from[i + k];
    for (const std::uint64_t each : sums) *sum += each;
  }
};

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
  const Arrays arrays;
  return best_rate(arrays, [&](Index i) {
    ops::cpu::run_widest<CopyBlock>(static_cast<void*>(arrays.block(arrays.to, i)),
                                    static_cast<const void*>(arrays.block(arrays.from, i)));
  });
}

double read_gigabytes_per_second() {
  const Arrays arrays;
  std::vector<std::uint64_t> sums(static_cast<std::size_t>(arrays.blocks));
  const double best = best_rate(arrays, [&](Index i) {
    for (const Tensor& array : {arrays.from, arrays.to}) {
      const void* block = arrays.block(array, i);
      ops::cpu::run_widest<SumBlock>(static_cast<const std::uint64_t*>(block), &sums[i]);
    }
  });
  for (const std::uint64_t sum : sums) sink = float(sum);
  return best;
}

}  // namespace voxgrad::bench
