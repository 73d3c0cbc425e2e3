// Internal: the axes along which kernels of every device walk N operands of one shape: those of
// size 1 dropped, the others ordered by the strides of operand 0, and neighbours merged that all
// operands run through without a jump.
#pragma once

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>
#include <vector>

#include <voxgrad/core/shape.h>

namespace voxgrad::ops {

inline constexpr int kMaxAxes = 32;

/// @throws ShapeError when a kernel cannot take so many.
[[gnu::visibility("default")]] void check_axis_count(std::size_t count);

template <int N>
class StridedAxes {
 public:
  using Offsets = std::array<Index, N>;  // elements, one number per operand
  struct Axis {
    Index size;
    Offsets steps;
  };

  StridedAxes(std::span<const Index> shape, const std::array<std::span<const Index>, N>& strides) {
    for (std::size_t i = 0; i < shape.size(); ++i) {
      count_ *= shape[i];
      if (shape[i] == 1) continue;
      Axis axis{shape[i], {}};
      for (std::size_t k = 0; k < N; ++k) axis.steps[k] = strides[k][i];
      axes_.push_back(axis);
    }
    std::stable_sort(axes_.begin(), axes_.end(), outside);
    merge();
    check_axis_count(axes_.size());
  }

  Index count() const { return count_; }
  /// Outermost first, at least one.
  const std::vector<Axis>& axes() const { return axes_; }
  const Axis& inner() const { return axes_.back(); }

 private:
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

}  // namespace voxgrad::ops
