// Internal: the one loop behind the elementwise, layout and reduce kernels.
//
// A StridedLoop walks N operands of one shape along their StridedAxes and hands out rows: runs
// along the innermost axis, one by one or in blocks. The split over threads is a fixed number of
// elements, so it never follows from the number of threads.
#pragma once

#include <algorithm>
#include <array>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/cpu/stream.h>
#include <voxgrad/ops/strided_axes.h>

namespace voxgrad::ops::cpu {

/// Elements per tile of work: long enough to hide the hand-out, short enough to stay in the L2
/// cache.
inline constexpr Index kGrain = Index{1} << 15;

template <int N>
class StridedLoop : public StridedAxes<N> {
 public:
  using typename StridedAxes<N>::Offsets;
  using typename StridedAxes<N>::Axis;
  using StridedAxes<N>::StridedAxes;
  using StridedAxes<N>::count;
  using StridedAxes<N>::axes;
  /// `rows` rows of n elements each; row r begins at at + r * row_steps.
  struct Block {
    Offsets at;
    Offsets row_steps;
    Offsets steps;
    Index rows;
    Index n;
  };

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
    if (count() <= grain) return tile(0, count());
    parallel_ranges(count(), grain, tile);
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
    const std::size_t last = axes().size() - 1;
    const Axis& inner = axes()[last];
    const Axis& outer = axes()[last == 0 ? 0 : last - 1];
    std::array<Index, kMaxAxes> index;
    Offsets at{};
    Index rest = begin;
    for (std::size_t i = last + 1; i-- > 0;) {
      index[i] = rest % axes()[i].size;
      rest /= axes()[i].size;
      move(at, axes()[i], index[i]);
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
      while (index[i] == axes()[i].size) {
        move(at, axes()[i], -index[i]);
        index[i--] = 0;
        move(at, axes()[i], 1);
        ++index[i];
      }
    }
  }

  static void move(Offsets& at, const Axis& axis, Index by) {
    for (std::size_t k = 0; k < N; ++k) at[k] += by * axis.steps[k];
  }
};

}  // namespace voxgrad::ops::cpu
