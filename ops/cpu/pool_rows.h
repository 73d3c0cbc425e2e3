// Internal: how pooling kernels walk. Every kernel produces a row of places along the last axis;
// what each place is made of is a list of (place, tap) pairs per axis, so clipping, strides and
// dilation are settled before the loops.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/pool.h>

namespace voxgrad::ops::cpu {

struct Pair {
  Index place;  // on the side that is read
  Index tap;    // inside the window
};

struct Pairs {
  const Pair* first;
  const Pair* last;

  [[gnu::always_inline]] Index size() const { return last - first; }
};

/// For each place that is written, the pairs it is made of.
class AxisPairs {
 public:
  Pairs operator[](Index place) const {
    return {pairs_.data() + starts_[place], pairs_.data() + starts_[place + 1]};
  }
  Index places() const { return static_cast<Index>(starts_.size()) - 1; }

  /// Written: outputs; read: inputs.
  static AxisPairs inputs_of_outputs(const PoolAxis& axis) {
    AxisPairs result;
    for (Index o = 0; o < axis.out; ++o) {
      const auto [first, end] = axis.taps_inside(o);
      for (Index k = first; k < end; ++k)
        result.pairs_.push_back({axis.start(o) + k * axis.dilation, k});
      result.end_place();
    }
    return result;
  }

  /// Written: inputs; read: outputs, ascending.
  static AxisPairs outputs_of_inputs(const PoolAxis& axis) {
    AxisPairs result;
    for (Index i = 0; i < axis.in; ++i) {
      const auto [first, end] = axis.outputs_around(i);
      for (Index o = first; o < end; ++o) {
        if (const Index tap = axis.tap_at(o, i); tap >= 0) result.pairs_.push_back({o, tap});
      }
      result.end_place();
    }
    return result;
  }

 private:
  void end_place() { starts_.push_back(static_cast<Index>(pairs_.size())); }

  std::vector<Pair> pairs_;
  std::vector<Index> starts_{0};
};

/// Elements from one place to the next along each spatial axis, channels-last.
struct Steps {
  Index d, h, w;
};

inline Steps steps_of(const PoolGeometry& g, Index PoolAxis::*size) {
  const Index w = g.channels;
  const Index h = w * g.axis[2].*size;
  return {h * g.axis[1].*size, h, w};
}

/// What one call of a row kernel needs besides pointers.
struct Row {
  Pairs d, h;
  const AxisPairs* w;
  Index begin, end;  // places along w
  Index channels;
  Steps from;
  Index kernel_h, kernel_w;
  Index ahead;  // elements to what the next row of outputs reads, where rows are that
};

using AllPairs = std::array<AxisPairs, 3>;

inline AllPairs pairs_of(const PoolGeometry& g, AxisPairs (*side)(const PoolAxis&)) {
  return {side(g.axis[0]), side(g.axis[1]), side(g.axis[2])};
}

/// Calls body(row, offset of the sample that is read, offset of the line that is written, d, h) for
/// pieces of all lines.
template <typename Body>
void for_each_row(const PoolGeometry& g, const AllPairs& pairs, Index PoolAxis::*read,
                  Index PoolAxis::*written, const Body& body) {
  const Steps from = steps_of(g, read);
  const Steps to = steps_of(g, written);
  const Index depth = pairs[0].places(), height = pairs[1].places(), width = pairs[2].places();
  const Index read_sample = from.d * g.axis[0].*read;
  const Index written_sample = to.d * g.axis[0].*written;
  // Long lines are cut, so that rank 1 runs in parallel too; short ones are joined to at least 8192
  // elements.
  const Index piece = std::max<Index>(1, 8192 / std::max<Index>(g.channels, 1));
  const Index pieces = (width + piece - 1) / piece;
  const Index elements = std::max<Index>(1, std::min(piece, width) * g.channels);
  const Index grain = std::max<Index>(1, 8192 / elements);
  parallel_ranges(g.batch * depth * height * pieces, grain, [&](Index begin, Index end) {
    for (Index tile = begin; tile < end; ++tile) {
      const Index start = tile % pieces * piece;
      const Index line = tile / pieces;
      const Index h = line % height, d = line / height % depth, n = line / height / depth;
      const Row row{pairs[0][d],
                    pairs[1][h],
                    &pairs[2],
                    start,
                    std::min(start + piece, width),
                    g.channels,
                    from,
                    g.axis[1].kernel,
                    g.axis[2].kernel,
                    std::min(g.axis[1].stride, g.axis[1].*read - 1) * from.h};
      body(row, n * read_sample, n * written_sample + d * to.d + h * to.h, d, h);
    }
  });
}

}  // namespace voxgrad::ops::cpu
