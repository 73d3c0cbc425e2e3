// Batch and instance normalisation: y = (x - mean) / sqrt(variance + eps) * weight + bias, per
// channel.
#pragma once

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

struct BatchNormOptions {
  Tensor running_mean = {};      ///< (channels); moved in place when training; required when not
  Tensor running_variance = {};  ///< (channels), unbiased; as running_mean
  Tensor weight = {};            ///< (channels); undefined is 1
  Tensor bias = {};              ///< (channels); undefined is 0
  bool training = false;         ///< true: statistics of this batch; false: the running ones
  double momentum = 0.1;         ///< running = (1 - momentum) * running + momentum * new
  double eps = 1e-5;
};

/// Normalises each channel over the batch and all spatial axes.
///
/// Statistics are summed in float64; the variance that divides is the biased one, as in
/// torch.nn.functional.batch_norm.
///
/// @param x  (batch, channels, size...), any rank from 2; floating
/// @return   the shape and dtype of x; channels-last
/// @throws ShapeError unless every parameter is (channels), when training on one value per channel,
/// or when running
///         statistics are missing; DTypeError, DeviceError when parameters differ from x.
Tensor batch_norm(const Tensor& x, const BatchNormOptions& options = {});

struct InstanceNormOptions {
  Tensor running_mean =
      {};  ///< (channels); moved in place by the batch's mean when use_input_stats
  Tensor running_variance = {};  ///< as running_mean
  Tensor weight = {};            ///< (channels); undefined is 1
  Tensor bias = {};              ///< (channels); undefined is 0
  bool use_input_stats = true;   ///< false: the running statistics, as batch_norm in evaluation
  double momentum = 0.1;
  double eps = 1e-5;
};

/// Normalises each channel of each sample over its spatial axes: torch.nn.functional.instance_norm.
///
/// @param x  (batch, channels, size...) with at least one spatial axis; floating
/// @return   the shape and dtype of x; channels-last
/// @throws ShapeError as batch_norm, also when a sample has one value per channel; DTypeError,
/// DeviceError.
Tensor instance_norm(const Tensor& x, const InstanceNormOptions& options = {});

}  // namespace voxgrad
