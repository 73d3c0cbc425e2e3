// Which samples of a data set make up a batch: every sample once per epoch, in a new random order
// each time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// The seed of stream `i` of a family of independent streams: both numbers mixed into one
/// (splitmix64's finaliser).
std::uint64_t mix_seed(std::uint64_t seed, std::uint64_t i);

/// Batch i is a function of count, batch, seed and i alone, so that to continue a run only i is
/// needed. Batches of one epoch hold each sample once; the last one of an epoch may be smaller. Not
/// for several threads at once.
class EpochSampler {
 public:
  /// @throws ShapeError unless count >= 1 and batch >= 1.
  EpochSampler(Index count, Index batch, std::uint64_t seed);

  /// Numbers in [0, count) of the samples in batch `i`. @throws IndexError when i is negative.
  std::vector<Index> batch(Index i);

  Index batches_per_epoch() const { return batches_; }

 private:
  Index count_;
  Index batch_;
  Index batches_;
  std::uint64_t seed_;
  Index epoch_ = -1;  // whose order is kept
  std::vector<Index> order_;
};

/// A copy of some rows: result[i] = data[rows[i]], any dtype, plain layout. @throws IndexError when
/// a row is not there, ShapeError when `data` has rank 0.
Tensor take_rows(const Tensor& data, std::span<const Index> rows);

}  // namespace voxgrad
