// How well a segmentation fits.
#pragma once

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Dice overlap 2 |a and b| / (|a| + |b|) of two masks in [0, 1]; every element other than 0 is
/// foreground. 1 when both are empty.
/// @throws ShapeError when the shapes differ.
double dice(const Tensor& a, const Tensor& b);

struct ThresholdResult {
  double threshold = 0;
  double dice = 0;
};

/// The threshold t for which the mask `image > t` has the best Dice overlap with `mask`, over all
/// thresholds; the lowest of the best.
/// @throws ShapeError when the shapes differ or are empty, DTypeError unless `image` is floating,
/// Error when it holds a NaN.
ThresholdResult best_threshold(const Tensor& image, const Tensor& mask);

/// `image > threshold` as uint8, plain layout. @throws DTypeError unless `image` is floating.
Tensor threshold_mask(const Tensor& image, double threshold);

}  // namespace voxgrad
