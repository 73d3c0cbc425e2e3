// Batch and instance normalisation of ranks 1 to 3; group and layer normalisation of any rank.
#pragma once

#include <optional>

#include <voxgrad/nn/module.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace nn {

struct BatchNormOptions {
  Index num_features = 0;
  double eps = 1e-5;
  /// running = (1 - momentum) * running + momentum * new; nullopt: the plain average of all
  /// batches.
  std::optional<double> momentum = 0.1;
  bool affine = true;
  bool track_running_stats = true;
  std::optional<DType> dtype = {};  ///< default_dtype() when not given
};

struct InstanceNormOptions {
  Index num_features = 0;
  double eps = 1e-5;
  std::optional<double> momentum = 0.1;  ///< as in BatchNormOptions
  bool affine = false;
  bool track_running_stats = false;
  std::optional<DType> dtype = {};
};

/// What both norms are made of. Weight and bias are undefined without affine, the buffers without
/// track_running_stats; their names and initial values (1 and 0; mean 0 and variance 1) are
/// PyTorch's.
struct NormState {
  virtual ~NormState() = default;
  /// The layer, then leaky_relu of that slope, in one pass: what Sequential does with a norm and
  /// the ReLU or LeakyReLU behind it. The same bits. @throws ShapeError as the layer, and for
  /// slopes below 0.
  virtual Tensor forward(const Tensor& x, double negative_slope) = 0;

  Tensor weight, bias;
  Tensor running_mean, running_var;
  Tensor num_batches_tracked;  ///< int64, rank 0
};

/// Normalises each channel over the batch and all spatial axes: torch.nn.BatchNorm{1,2,3}d.
template <int Rank>
class BatchNorm final : public Layer<BatchNorm<Rank>>, public NormState {
 public:
  /// @throws ShapeError unless num_features >= 1, eps >= 0 and 0 <= momentum <= 1.
  explicit BatchNorm(const BatchNormOptions& options);

  /// @param x  (batch, channels, size...); rank 1 also takes (batch, channels)
  /// @throws ShapeError for other ranks or channels, and when training on one value per channel.
  Tensor forward(const Tensor& x) { return forward(x, 1); }
  Tensor forward(const Tensor& x, double negative_slope) override;
  void visit(Visitor& visitor) override;
  std::string type_name() const override;
  std::string extra_repr() const override;
  const BatchNormOptions& options() const { return options_; }

 private:
  BatchNormOptions options_;
};

/// Normalises each channel of each sample over its spatial axes: torch.nn.InstanceNorm{1,2,3}d.
template <int Rank>
class InstanceNorm final : public Layer<InstanceNorm<Rank>>, public NormState {
 public:
  /// @throws ShapeError as BatchNorm.
  explicit InstanceNorm(const InstanceNormOptions& options);

  /// @param x  (batch, channels, size...) or (channels, size...)
  /// @throws ShapeError for other ranks or channels, and when a sample has one value per channel.
  Tensor forward(const Tensor& x) { return forward(x, 1); }
  Tensor forward(const Tensor& x, double negative_slope) override;
  void visit(Visitor& visitor) override;
  std::string type_name() const override;
  std::string extra_repr() const override;
  const InstanceNormOptions& options() const { return options_; }

 private:
  InstanceNormOptions options_;
};

struct GroupNormOptions {
  Index num_groups = 0;
  Index num_channels = 0;
  double eps = 1e-5;
  bool affine = true;
  std::optional<DType> dtype = {};  ///< default_dtype() when not given
};

/// Normalises groups of channels of each sample: torch.nn.GroupNorm.
class GroupNorm final : public Layer<GroupNorm> {
 public:
  /// @throws ShapeError unless num_groups divides num_channels, both >= 1, and eps >= 0.
  explicit GroupNorm(const GroupNormOptions& options);

  /// @param x  (batch, channels, size...)
  /// @throws ShapeError for other channels, and when the batch has one value per group.
  Tensor forward(const Tensor& x) const;
  void visit(Visitor& visitor) override;
  std::string extra_repr() const override;
  const GroupNormOptions& options() const { return options_; }

  Tensor weight, bias;  ///< (channels), 1 and 0 at first; undefined without affine

 private:
  GroupNormOptions options_;
};

struct LayerNormOptions {
  Shape normalized_shape;  ///< the last axes of the input
  double eps = 1e-5;
  bool elementwise_affine = true;
  bool bias = true;                 ///< with elementwise_affine only
  std::optional<DType> dtype = {};  ///< default_dtype() when not given
};

/// Normalises over the last axes: torch.nn.LayerNorm.
class LayerNorm final : public Layer<LayerNorm> {
 public:
  /// @throws ShapeError unless all sizes are >= 1, there is one, and eps >= 0.
  explicit LayerNorm(const LayerNormOptions& options);

  /// @throws ShapeError unless x ends with normalized_shape.
  Tensor forward(const Tensor& x) const;
  void visit(Visitor& visitor) override;
  std::string extra_repr() const override;
  const LayerNormOptions& options() const { return options_; }

  Tensor weight, bias;  ///< of normalized_shape, 1 and 0 at first; may be undefined

 private:
  LayerNormOptions options_;
};

extern template class BatchNorm<1>;
extern template class BatchNorm<2>;
extern template class BatchNorm<3>;
extern template class InstanceNorm<1>;
extern template class InstanceNorm<2>;
extern template class InstanceNorm<3>;

using BatchNorm1d = BatchNorm<1>;
using BatchNorm2d = BatchNorm<2>;
using BatchNorm3d = BatchNorm<3>;
using InstanceNorm1d = InstanceNorm<1>;
using InstanceNorm2d = InstanceNorm<2>;
using InstanceNorm3d = InstanceNorm<3>;

}  // namespace nn
}  // namespace voxgrad
