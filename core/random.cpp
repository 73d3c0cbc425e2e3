#include <voxgrad/core/random.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <limits>
#include <numbers>
#include <numeric>
#include <utility>

#include <voxgrad/core/check.h>
#include <voxgrad/core/fork.h>

namespace voxgrad {

/// A generator that one thread holds. No tile may run meanwhile: fork() waits for tiles first, then
/// for this.
class GeneratorLock {
 public:
  explicit GeneratorLock(Generator& generator) : generator_(generator), lock_(generator.mutex_) {}

  std::uint32_t draw() { return generator_.next(); }
  std::uint64_t draw64() { return generator_.next64(); }

  /// In [0, 1), from 24 or 53 bits.
  template <std::floating_point T>
  T unit() {
    if constexpr (std::same_as<T, float>) return static_cast<float>(draw() & 0xFFFFFF) * 0x1p-24F;
    else return static_cast<double>(draw64() & ((std::uint64_t{1} << 53) - 1)) * 0x1p-53;
  }

  /// A standard normal value from a pair of doubles, or what was kept of the pair before.
  double normal() {
    if (std::exchange(generator_.has_second_normal_, false)) return generator_.second_normal_;
    const double angle = 2 * std::numbers::pi * unit<double>();
    const double radius = std::sqrt(-2 * std::log1p(-unit<double>()));
    generator_.second_normal_ = radius * std::sin(angle);
    generator_.has_second_normal_ = true;
    return radius * std::cos(angle);
  }

 private:
  Generator& generator_;
  const std::lock_guard<std::mutex> lock_;
};

namespace {

constexpr Index kNormalChunk = 16;

/// Chunks of 16 uniforms become normals: element j and j + 8 are a pair. One rounding at the end,
/// as PyTorch's vector code has it.
template <typename T>
void box_muller(T* chunk, T mean, T std) {
  constexpr Index kHalf = kNormalChunk / 2;
  for (Index j = 0; j < kHalf; ++j) {
    // In double also for float, so that the values do not hang on how a libm rounds logf and cosf.
    const double radius = std::sqrt(-2 * std::log(1 - static_cast<double>(chunk[j])));
    const double angle = 2 * std::numbers::pi * static_cast<double>(chunk[j + kHalf]);
    chunk[j] = std::fma(static_cast<T>(radius * std::cos(angle)), std, mean);
    chunk[j + kHalf] = std::fma(static_cast<T>(radius * std::sin(angle)), std, mean);
  }
}

void check_count(const char* op, Index n) {
  VG_CHECK(n >= 0, ShapeError, "{}: the number of elements must be >= 0; got {}", op, n);
}

template <typename T>
void uniform(T* out, Index n, double from, double to, Generator& generator) {
  check_count("uniform", n);
  const T low = static_cast<T>(from);
  const T width = static_cast<T>(to) - low;
  VG_CHECK(from <= to && std::isfinite(low) && std::isfinite(width), ShapeError,
           "uniform: the range must be finite with from <= to; got [{}, {})", from, to);
  GeneratorLock stream(generator);
  // One rounding, as PyTorch's vector code has it: with two, half of the values would differ.
  for (Index i = 0; i < n; ++i) out[i] = std::fma(stream.unit<T>(), width, low);
}

template <typename T>
void normal(T* out, Index n, double mean, double std, Generator& generator) {
  check_count("normal", n);
  VG_CHECK(std >= 0, ShapeError, "normal: std must be >= 0; got {}", std);
  GeneratorLock stream(generator);
  if (n < kNormalChunk) {
    for (Index i = 0; i < n; ++i) out[i] = static_cast<T>(std::fma(stream.normal(), std, mean));
    return;
  }
  const auto draw = [&](T* begin, T* end) {
    std::generate(begin, end, [&] { return stream.unit<T>(); });
  };
  draw(out, out + n);
  for (Index i = 0; i + kNormalChunk <= n; i += kNormalChunk) {
    box_muller(out + i, static_cast<T>(mean), static_cast<T>(std));
  }
  if (n % kNormalChunk == 0) return;
  // The last 16 are drawn anew, those among them too that are normal already.
  draw(out + n - kNormalChunk, out + n);
  box_muller(out + n - kNormalChunk, static_cast<T>(mean), static_cast<T>(std));
}

template <typename T>
void bernoulli(T* out, Index n, double p, Generator& generator) {
  check_count("bernoulli", n);
  VG_CHECK(0 <= p && p <= 1, ShapeError, "bernoulli: p must be in [0, 1]; got {}", p);
  GeneratorLock stream(generator);
  for (Index i = 0; i < n; ++i) out[i] = static_cast<T>(stream.unit<double>() < p);
}

/// For the default generator's fork handler.
GeneratorLock* fork_lock = nullptr;

void let_go() { delete std::exchange(fork_lock, nullptr); }

}  // namespace

Generator::Generator(std::uint64_t seed) { start(seed); }

void Generator::start(std::uint64_t seed) {
  seed_ = seed;
  words_[0] = static_cast<std::uint32_t>(seed);
  for (std::size_t i = 1; i < kWords; ++i) {
    const std::uint32_t before = words_[i - 1];
    words_[i] = 1812433253U * (before ^ (before >> 30)) + static_cast<std::uint32_t>(i);
  }
  position_ = kWords;
  has_second_normal_ = false;
  second_normal_ = 0;
}

void Generator::twist() {
  constexpr std::size_t kShift = 397;
  const auto mix = [&](std::size_t i, std::size_t following, std::size_t other) {
    const std::uint32_t joined = (words_[i] & 0x80000000U) | (words_[following] & 0x7FFFFFFFU);
    const std::uint32_t odd = (joined & 1U) != 0 ? 0x9908B0DFU : 0U;
    words_[i] = words_[other] ^ (joined >> 1) ^ odd;
  };
  for (std::size_t i = 0; i < kWords - kShift; ++i) mix(i, i + 1, i + kShift);
  for (std::size_t i = kWords - kShift; i < kWords - 1; ++i) mix(i, i + 1, i + kShift - kWords);
  mix(kWords - 1, 0, kShift - 1);
  position_ = 0;
}

std::uint32_t Generator::next() {
  if (position_ >= kWords) twist();
  std::uint32_t word = words_[position_++];
  word ^= word >> 11;
  word ^= (word << 7) & 0x9D2C5680U;
  word ^= (word << 15) & 0xEFC60000U;
  return word ^ (word >> 18);
}

std::uint64_t Generator::next64() {
  const std::uint64_t first = next();
  return (first << 32) | next();
}

void Generator::manual_seed(std::uint64_t seed) {
  const std::lock_guard lock(mutex_);
  start(seed);
}

std::uint64_t Generator::seed() const {
  const std::lock_guard lock(mutex_);
  return seed_;
}

std::uint32_t Generator::draw() {
  const std::lock_guard lock(mutex_);
  return next();
}

std::uint64_t Generator::draw64() {
  const std::lock_guard lock(mutex_);
  return next64();
}

// The words, then: position, whether there is a second normal, its bits, the seed (low half first
// each).
std::vector<std::uint32_t> Generator::state() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint32_t> state(words_.begin(), words_.end());
  const auto append = [&](std::uint64_t value) {
    state.push_back(static_cast<std::uint32_t>(value));
    state.push_back(static_cast<std::uint32_t>(value >> 32));
  };
  state.push_back(static_cast<std::uint32_t>(position_));
  state.push_back(has_second_normal_ ? 1 : 0);
  append(std::bit_cast<std::uint64_t>(second_normal_));
  append(seed_);
  return state;
}

void Generator::set_state(const std::vector<std::uint32_t>& state) {
  constexpr std::size_t kSize = kWords + 6;
  VG_CHECK(state.size() == kSize, ShapeError, "Generator: a state must have {} words; got {}",
           kSize, state.size());
  const std::uint32_t* rest = state.data() + kWords;
  VG_CHECK(rest[0] <= kWords && rest[1] <= 1, ShapeError,
           "Generator: a state must hold a position <= {} and a flag of 0 or 1; got {} and {}",
           kWords, rest[0], rest[1]);
  const auto join = [](const std::uint32_t* halves) {
    return halves[0] | (std::uint64_t{halves[1]} << 32);
  };
  const std::lock_guard lock(mutex_);
  std::copy_n(state.begin(), kWords, words_.begin());
  position_ = rest[0];
  has_second_normal_ = rest[1] == 1;
  second_normal_ = std::bit_cast<double>(join(rest + 2));
  seed_ = join(rest + 4);
}

Generator& default_generator() {
  static Generator* const generator = new Generator;  // never destroyed: see backend()
  [[maybe_unused]] static const bool fork_waits_for_it = [] {
    internal::set_fork_handler(internal::ForkStage::generator,
                               {.acquire = [] { fork_lock = new GeneratorLock(*generator); },
                                .in_parent = let_go,
                                .in_child = let_go});
    return true;
  }();
  return *generator;
}

void manual_seed(std::uint64_t seed) { default_generator().manual_seed(seed); }

void fill_uniform(float* out, Index n, double from, double to, Generator& generator) {
  uniform(out, n, from, to, generator);
}
void fill_uniform(double* out, Index n, double from, double to, Generator& generator) {
  uniform(out, n, from, to, generator);
}

void fill_normal(float* out, Index n, double mean, double std, Generator& generator) {
  normal(out, n, mean, std, generator);
}
void fill_normal(double* out, Index n, double mean, double std, Generator& generator) {
  normal(out, n, mean, std, generator);
}

void fill_randint(std::int64_t* out, Index n, std::int64_t low, std::int64_t high,
                  Generator& generator) {
  check_count("randint", n);
  VG_CHECK(low < high, ShapeError, "randint: low must be below high; got {} and {}", low, high);
  // Unsigned: high - low may exceed 2^63.
  const auto base = static_cast<std::uint64_t>(low);
  const std::uint64_t range = static_cast<std::uint64_t>(high) - base;
  const bool wide = range >= (std::uint64_t{1} << 28);  // so few bits favour no number by much
  GeneratorLock stream(generator);
  for (Index i = 0; i < n; ++i) {
    const std::uint64_t drawn = wide ? stream.draw64() : stream.draw();
    out[i] = static_cast<std::int64_t>(base + drawn % range);
  }
}

void fill_randperm(std::int64_t* out, Index n, Generator& generator) {
  check_count("randperm", n);
  std::iota(out, out + n, std::int64_t{0});
  const bool wide = n > std::numeric_limits<std::uint32_t>::max();
  GeneratorLock stream(generator);
  for (Index i = 0; i + 1 < n; ++i) {
    const std::uint64_t drawn = wide ? stream.draw64() : stream.draw();
    std::swap(out[i], out[i + static_cast<Index>(drawn % static_cast<std::uint64_t>(n - i))]);
  }
}

void fill_bernoulli(float* out, Index n, double p, Generator& generator) {
  bernoulli(out, n, p, generator);
}
void fill_bernoulli(double* out, Index n, double p, Generator& generator) {
  bernoulli(out, n, p, generator);
}
void fill_bernoulli(bool* out, Index n, double p, Generator& generator) {
  bernoulli(out, n, p, generator);
}

}  // namespace voxgrad
