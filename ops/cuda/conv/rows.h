// Internal: what the convolution's kernels have of each other: rows of a gather, weights packed for
// a phase, and where a row's results lie.
#pragma once

#include <voxgrad/ops/conv.h>
#include <voxgrad/ops/conv_operands.h>
#include <voxgrad/ops/conv_phases.h>
#include <voxgrad/ops/cuda/launch.h>
#include <voxgrad/ops/cuda/walk.h>

namespace voxgrad::ops::cuda {

struct RowPlace {
  Index batch, at[3];
};

/// The rows of a gather by number.
class Rows {
 public:
  explicit Rows(const Gather& gather) : map(gather) {
    for (int i = 0; i < 3; ++i) count_[i] = Divisor(gather.axis[i].rows);
  }

  __host__ __device__ RowPlace operator()(Index row) const {
    const Divided c = count_[2](row);
    const Divided b = count_[1](c.quotient);
    const Divided a = count_[0](b.quotient);
    return {a.quotient, {a.rest, b.rest, c.rest}};
  }

  Gather map;

 private:
  Divisor count_[3];
};

/// The taps of a row one after the other, in the order of columns.
class TapCounter {
 public:
  /// From the first on, where there is one.
  __host__ __device__ explicit TapCounter(const Gather& map) : map_(map) {}
  /// `first` exists.
  __host__ __device__ TapCounter(const Gather& map, Index first) : map_(map) {
    const Divided c = divide(first, map.axis[2].taps);
    const Divided b = divide(c.quotient, map.axis[1].taps);
    at_[0] = b.quotient;
    at_[1] = b.rest;
    at_[2] = c.rest;
  }

  __host__ __device__ void next() {
    if (++at_[2] < map_.axis[2].taps) return;
    at_[2] = 0;
    if (++at_[1] < map_.axis[1].taps) return;
    at_[1] = 0;
    ++at_[0];
  }

  /// Elements from the start of the source to the position that the row and the tap meet; -1 where
  /// there is none.
  template <typename T>
  __host__ __device__ Index meets(const RowPlace& row, const Volumes<const T>& source) const {
    Index offset = row.batch * source.batch_stride;
    for (int i = 0; i < 3; ++i) {
      const Index position = map_.axis[i].at(row.at[i], at_[i]);
      if (position < 0 || position >= map_.axis[i].size) return -1;
      offset += position * source.stride[i];
    }
    return offset;
  }

 private:
  const Gather& map_;
  Index at_[3] = {0, 0, 0};
};

/// Channels of one group on both sides of a product: of the slot produced and of the one gathered.
struct ProductChannels {
  Index groups, produced, gathered;

  explicit ProductChannels(const ConvProblem& problem);
};

/// The weights of one phase as matrices [group][tap][gathered][fold][produced].
template <typename T>
void pack_weights(const ConvProblem& problem, const Phase& phase, const Tensor& w, T* packed);

/// Where the elements that a row produces lie in the dense channels-last result.
struct ResultRows {
  Rows rows;
  PhaseAxis axis[3];
  Index extent[3];
  Index channels;

  ResultRows(const ConvProblem& problem, const Phase& phase);
  /// Of the row's first channel; those of a fold follow.
  __host__ __device__ Index operator()(Index row) const {
    const RowPlace place = rows(row);
    Index at = place.batch;
    for (int i = 0; i < 3; ++i) at = at * extent[i] + axis[i].first + place.at[i] * axis[i].step;
    return at * channels;
  }
};

/// Sets the result to the bias, or to 0.
void fill_bias(const ConvEpilogue& epilogue, Tensor& result);

}  // namespace voxgrad::ops::cuda
