// Random numbers: PyTorch's CPU generator, so that the same seed gives the same values, drawn here
// for every device.
//
// The generator is MT19937 (Matsumoto and Nishimura, 1998). Below, d is one draw of 32 bits and D
// is two of them, (first << 32) | second; r is d's low 24 bits times 2^-24 for float, D's low 53
// bits times 2^-53 for double.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include <voxgrad/core/shape.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// The seed of a generator that was given none; PyTorch's.
inline constexpr std::uint64_t kDefaultSeed = 67280421310721;

/// A stream of random numbers. Thread-safe: a filler below locks it once, so its values stay
/// together.
class Generator {
 public:
  explicit Generator(std::uint64_t seed = kDefaultSeed);
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  /// Starts the stream anew. As in PyTorch the low 32 bits decide.
  void manual_seed(std::uint64_t seed);
  /// What manual_seed was given last.
  std::uint64_t seed() const;

  /// The next d.
  std::uint32_t draw();
  /// The next D.
  std::uint64_t draw64();

  /// Everything that decides the numbers to come, for checkpoints: 630 words, whose order may
  /// change between versions.
  std::vector<std::uint32_t> state() const;
  /// Continues where state() was taken. @throws ShapeError when it is not a state.
  void set_state(const std::vector<std::uint32_t>& state);

 private:
  friend class GeneratorLock;
  static constexpr std::size_t kWords = 624;

  void start(std::uint64_t seed);
  void twist();
  std::uint32_t next();
  std::uint64_t next64();

  mutable std::mutex mutex_;
  std::uint64_t seed_ = 0;
  std::array<std::uint32_t, kWords> words_{};
  std::size_t position_ = kWords;   // of the next word; kWords: all are used
  bool has_second_normal_ = false;  // the pair's other value of a fill_normal of less than 16
  double second_normal_ = 0;
};

/// The generator that every function uses which is given none.
Generator& default_generator();

/// Seeds default_generator().
void manual_seed(std::uint64_t seed);

/// fma(r, to - from, from) for n elements, computed in their type; torch.rand is fill_uniform(...,
/// 0, 1).
/// @throws ShapeError unless from <= to, finite, and n >= 0.
void fill_uniform(float* out, Index n, double from, double to, Generator& generator);
void fill_uniform(double* out, Index n, double from, double to, Generator& generator);

/// Normal values by Box and Muller, times `std`, plus `mean`, in one rounding. Fewer than 16
/// elements come from doubles, one pair after another (the second of a pair is kept for the next
/// call); 16 and more from r, eight pairs at a time. float32 values agree with PyTorch's to
/// rounding, float64 in every bit. @throws ShapeError unless std >= 0 and n >= 0.
void fill_normal(float* out, Index n, double mean, double std, Generator& generator);
void fill_normal(double* out, Index n, double mean, double std, Generator& generator);

/// low + d % (high - low), with D in the place of d when high - low >= 2^32.
/// @throws ShapeError unless low < high and n >= 0.
void fill_randint(std::int64_t* out, Index n, std::int64_t low, std::int64_t high,
                  Generator& generator);

/// A permutation of 0 ... n - 1. @throws ShapeError unless n >= 0.
void fill_randperm(std::int64_t* out, Index n, Generator& generator);

/// 1 with probability p, else 0: double's r < p, whatever the type. Dropout keeps by
/// fill_bernoulli(1 - p).
/// @throws ShapeError unless 0 <= p <= 1 and n >= 0.
void fill_bernoulli(float* out, Index n, double p, Generator& generator);
void fill_bernoulli(double* out, Index n, double p, Generator& generator);
void fill_bernoulli(bool* out, Index n, double p, Generator& generator);

}  // namespace voxgrad
