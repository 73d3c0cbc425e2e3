// Normalisation: y = (x - mean) / sqrt(variance + eps) * weight + bias, with the statistics of a
// channel (batch and instance norm), of channels of a sample (group norm) or of trailing axes
// (layer norm).
#pragma once

#include <initializer_list>
#include <span>

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
  /// What results below 0 are multiplied with: leaky_relu(batch_norm(x), negative_slope) in one,
  /// the same bits in half the time. 0 is relu, 1 nothing.
  double negative_slope = 1;
};

/// Normalises each channel over the batch and all spatial axes.
///
/// Statistics are summed in float64; the variance that divides is the biased one, as in
/// torch.nn.functional.batch_norm.
///
/// @param x  (batch, channels, size...), any rank from 2, or (0); floating
/// @return   the shape and dtype of x; channels-last
/// @throws ShapeError unless every parameter is (channels) and negative_slope at least 0 and
/// finite, when training on one value per channel, or when running statistics are missing;
/// DTypeError, DeviceError when parameters differ from x.
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
  double negative_slope = 1;  ///< as in BatchNormOptions
};

/// Normalises each channel of each sample over its spatial axes: torch.nn.functional.instance_norm.
///
/// @param x  (batch, channels, size...) with at least one spatial axis; floating
/// @return   the shape and dtype of x; channels-last
/// @throws ShapeError as batch_norm, also when a sample has one value per channel; DTypeError,
/// DeviceError.
Tensor instance_norm(const Tensor& x, const InstanceNormOptions& options = {});

struct GroupNormOptions {
  Tensor weight = {};  ///< (channels); undefined is 1
  Tensor bias = {};    ///< (channels); undefined is 0
  double eps = 1e-5;
};

/// Normalises each of `groups` equal parts of the channels of each sample over those channels and
/// all spatial axes: torch.nn.functional.group_norm.
///
/// @param x  (batch, channels, size...), any rank from 2; floating
/// @return   the shape and dtype of x; channels-last
/// @throws ShapeError unless groups divides the channels, when the whole batch has one value per
/// group, and as batch_norm; DTypeError, DeviceError.
Tensor group_norm(const Tensor& x, Index groups, const GroupNormOptions& options = {});

struct LayerNormOptions {
  Tensor weight = {};  ///< of the normalised shape; undefined is 1
  Tensor bias = {};    ///< of the normalised shape; undefined is 0
  double eps = 1e-5;
};

/// Normalises over the last axes of x, whose sizes `normalized_shape` repeats:
/// torch.nn.functional.layer_norm.
///
/// @return   the shape and dtype of x; plain
/// @throws ShapeError unless the shapes fit and at least one axis is normalised; DTypeError,
/// DeviceError.
Tensor layer_norm(const Tensor& x, std::span<const Index> normalized_shape,
                  const LayerNormOptions& options = {});
inline Tensor layer_norm(const Tensor& x, std::initializer_list<Index> normalized_shape,
                         const LayerNormOptions& options = {}) {
  return layer_norm(x, std::span(normalized_shape.begin(), normalized_shape.size()), options);
}

/// x divided by max(its p-norm along `axis`, eps): torch.nn.functional.normalize.
///
/// @param p  at least 0, or infinity; 0 counts what is not 0
/// @throws DTypeError unless floating; ShapeError for p < 0; IndexError.
Tensor normalize(const Tensor& x, double p = 2, Index axis = 1, double eps = 1e-12);

}  // namespace voxgrad
