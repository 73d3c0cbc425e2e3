// Internal: the one loop behind the elementwise, layout and reduce kernels.
//
// A StridedLoop walks N operands of one shape. It drops axes of size 1, orders the others by the
// strides of operand 0, merges neighbours that all operands run through without a jump, and hands
// out rows: runs along the innermost axis, one by one or in blocks. The split over threads is a
// fixed number of elements, so it never follows from the number of threads.
#pragma once

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>
#include <vector>

#include <voxgrad/core/check.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/core/shape.h>
#include <voxgrad/ops/cpu/stream.h>

namespace voxgrad::ops::cpu {

/// Elements per tile of work: long enough to hide the hand-out, short enough to stay in the L2
/// cache.
inline constexpr Index kGrain = Index{1} << 15;
inline constexpr int kMaxAxes = 32;

template <int N>
class StridedLoop {
 public:
  using Offsets = std::array<Index, N>;  // elements, one number per operand
  struct Axis {
    Index size;
    Offsets steps;
  };
  /// `rows` rows of n elements each; row r begins at at + r * row_steps.
  struct Block {
    Offsets at;
    Offsets row_steps;
    Offsets steps;
    Index rows;
    Index n;
  };

  StridedLoop(std::span<const Index> shape, const std::array<std::span<const Index>, N>& strides) {
    for (std::size_t i = 0; i < shape.size(); ++i) {
      count_ *= shape[i];
      if (shape[i] == 1) continue;
      Axis axis{shape[i], {}};
      for (std::size_t k = 0; k < N; ++k) axis.steps[k] = strides[k][i];
      axes_.push_back(axis);
    }
    std::stable_sort(axes_.begin(), axes_.end(), outside);
    merge();
    VG_CHECK(axes_.size() <= kMaxAxes, ShapeError,
             "tensors: kernels take at most {} axes that do not merge; got {}", kMaxAxes,
             axes_.size());
  }

  Index count() const { return count_; }
  /// Outermost first, at least one.
  const std::vector<Axis>& axes() const { return axes_; }
  const Axis& inner() const { return axes_.back(); }

  /// Calls row(offsets, steps, n) for runs that cover everything, from several threads.
  template <typename Row>
  void run(const Row& row, Index grain = kGrain) const {
    run_blocks([&row](const Block& block) { for_each_row(block, row); }, grain);
  }

  /// The same with block(Block), for bodies to which a row of its own is too little: in a part of a
  /// channels-last tensor it may be a few channels.
  template <typename Body>
  void run_blocks(const Body& body, Index grain = kGrain) const {
    const auto tile = [&](Index begin, Index end) {
      walk_blocks(begin, end, body);
      finish_streaming();  // bodies may have streamed
    };
    if (count_ <= grain) return tile(0, count_);
    parallel_ranges(count_, grain, tile);
  }

  /// As run() for the elements [begin, end) in the loop's order, on this thread.
  template <typename Row>
  void walk(Index begin, Index end, const Row& row) const {
    walk_blocks(begin, end, [&row](const Block& block) { for_each_row(block, row); });
  }

 private:
  template <typename Row>
  static void for_each_row(const Block& block, const Row& row) {
    Offsets at = block.at;
    for (Index r = 0; r < block.rows; ++r) {
      row(at, block.steps, block.n);
      for (std::size_t k = 0; k < N; ++k) at[k] += block.row_steps[k];
    }
  }

  template <typename Body>
  void walk_blocks(Index begin, Index end, const Body& body) const {
    if (begin >= end) return;
    const std::size_t last = axes_.size() - 1;
    const Axis& inner = axes_[last];
    const Axis& outer = axes_[last == 0 ? 0 : last - 1];
    std::array<Index, kMaxAxes> index;
    Offsets at{};
    Index rest = begin;
    for (std::size_t i = last + 1; i-- > 0;) {
      index[i] = rest % axes_[i].size;
      rest /= axes_[i].size;
      move(at, axes_[i], index[i]);
    }
    while (true) {
      const Index n = std::min(inner.size - index[last], end - begin);
      Index rows = 1;
      if (n == inner.size && last > 0)
        rows = std::min(outer.size - index[last - 1], (end - begin) / n);
      body(Block{at, outer.steps, inner.steps, rows, n});
      begin += rows * n;
      if (begin >= end) return;
      move(at, inner, -index[last]);
      index[last] = 0;
      std::size_t i = last - 1;  // there is one: the elements left lie on other rows
      move(at, outer, rows);
      index[i] += rows;
      while (index[i] == axes_[i].size) {
        move(at, axes_[i], -index[i]);
        index[i--] = 0;
        move(at, axes_[i], 1);
        ++index[i];
      }
    }
  }

  static void move(Offsets& at, const Axis& axis, Index by) {
    for (std::size_t k = 0; k < N; ++k) at[k] += by * axis.steps[k];
  }

  static bool outside(const Axis& a, const Axis& b) {
    for (std::size_t k = 0; k < N; ++k) {
      const Index step_a = std::abs(a.steps[k]);
      const Index step_b = std::abs(b.steps[k]);
      if (step_a != step_b) return step_a > step_b;
    }
    return false;
  }

  static bool merges(const Axis& outer, const Axis& inner) {
    for (std::size_t k = 0; k < N; ++k) {
      if (outer.steps[k] != inner.steps[k] * inner.size) return false;
    }
    return true;
  }

  void merge() {
    if (axes_.empty()) axes_.push_back({1, {}});
    std::size_t kept = 0;
    for (std::size_t i = 1; i < axes_.size(); ++i) {
      if (merges(axes_[kept], axes_[i])) {
        axes_[kept] = {axes_[kept].size * axes_[i].size, axes_[i].steps};
      } else {
        axes_[++kept] = axes_[i];
      }
    }
    axes_.resize(kept + 1);
  }

  std::vector<Axis> axes_;
  Index count_ = 1;
};

}  // namespace voxgrad::ops::cpu
