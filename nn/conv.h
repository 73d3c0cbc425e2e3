// Convolution and transposed convolution of ranks 1 to 3.
#pragma once

#include <optional>

#include <voxgrad/core/conv_geometry.h>
#include <voxgrad/core/pad_mode.h>
#include <voxgrad/nn/module.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace nn {

/// In the order of torch.nn.Conv3d's arguments. A Spatial is one number or one per axis (D, H, W).
struct ConvOptions {
  Index in_channels = 0;
  Index out_channels = 0;
  Spatial kernel_size;
  Spatial stride = 1;
  ConvPadding padding = 0;  ///< numbers, "same" (stride 1 only) or "valid"
  Spatial dilation = 1;
  Index groups = 1;
  bool bias = true;
  PadMode padding_mode = PadMode::constant;  ///< constant: zeros
  Device device = {};                        ///< of the parameters, which are drawn on the CPU
  std::optional<DType> dtype = {};           ///< default_dtype() when not given
};

/// In the order of torch.nn.ConvTranspose3d's arguments: dilation stands last there.
struct ConvTransposeOptions {
  Index in_channels = 0;
  Index out_channels = 0;
  Spatial kernel_size;
  Spatial stride = 1;
  Spatial padding = 0;         ///< cut off on both sides of the full result
  Spatial output_padding = 0;  ///< added at the high end; ignored where the output's size is given
  Index groups = 1;
  bool bias = true;
  Spatial dilation = 1;
  Device device = {};
  std::optional<DType> dtype = {};
};

/// torch.nn.Conv{1,2,3}d. Weight (out_channels, in_channels / groups, kernel...); weight and bias
/// start uniform in +-sqrt(k), k = groups / (in_channels * taps), with PyTorch's bits.
template <int Rank>
class Conv final : public Layer<Conv<Rank>> {
 public:
  using Options = ConvOptions;
  static constexpr int rank = Rank;

  /// @throws ShapeError when an option is out of its range or has a wrong number of values, groups
  /// do not divide the channels, or "same" meets a stride; DTypeError unless floating.
  explicit Conv(const ConvOptions& options);
  /// Throws as the constructor does. `name` stands first in the text.
  static void check(const ConvOptions& options, std::string_view name);

  /// @param x  (batch, in_channels, size...) or (in_channels, size...)
  /// @return   sizes floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1
  Tensor forward(const Tensor& x) const;
  /// Draws the initial values anew.
  void reset_parameters();
  void visit(Visitor& visitor) override;
  std::string type_name() const override;
  /// What stands in repr()'s parentheses.
  static std::string describe(const ConvOptions& options);
  std::string extra_repr() const override { return describe(options_); }
  const ConvOptions& options() const { return options_; }

  Tensor weight;
  Tensor bias;  ///< undefined without one

 private:
  ConvOptions options_;
};

/// The size of a transposed convolution's output where its options leave it open (a stride above
/// 1).
struct OutputFit {
  const Tensor* like = nullptr;  ///< the sizes of this tensor: a skip connection, odd ones too
  std::optional<Shape> output_size = {};  ///< or these: (size...) or a whole shape
};

/// torch.nn.ConvTranspose{1,2,3}d: the adjoint of Conv with the same weight array. Weight
/// (in_channels, out_channels / groups, kernel...); weight and bias start uniform in +-sqrt(k),
/// k = groups / (out_channels * taps), with PyTorch's bits.
template <int Rank>
class ConvTranspose final : public Layer<ConvTranspose<Rank>> {
 public:
  using Fit = OutputFit;
  using Options = ConvTransposeOptions;
  static constexpr int rank = Rank;

  /// @throws ShapeError as Conv; DTypeError unless floating.
  explicit ConvTranspose(const ConvTransposeOptions& options);
  static void check(const ConvTransposeOptions& options, std::string_view name);

  /// @param x  (batch, in_channels, size...) or (in_channels, size...)
  /// @return   sizes (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1 +
  ///           output_padding; with `fit` those wanted, of which stride many are within reach
  ///           (with `like` max(stride, dilation) many)
  /// @throws ShapeError for a fit out of reach, with a kernel and a stride that would reach it in
  /// the text; also when both its members are given.
  Tensor forward(const Tensor& x, const Fit& fit = {}) const;
  /// up(x, {.like = &skip}).
  Tensor operator()(const Tensor& x, const Fit& fit = {}) const { return forward(x, fit); }
  /// Draws the initial values anew.
  void reset_parameters();
  void visit(Visitor& visitor) override;
  std::string type_name() const override;
  static std::string describe(const ConvTransposeOptions& options);
  std::string extra_repr() const override { return describe(options_); }
  const ConvTransposeOptions& options() const { return options_; }

  Tensor weight;
  Tensor bias;  ///< undefined without one

 private:
  ConvTransposeOptions options_;
};

extern template class Conv<1>;
extern template class Conv<2>;
extern template class Conv<3>;
extern template class ConvTranspose<1>;
extern template class ConvTranspose<2>;
extern template class ConvTranspose<3>;

using Conv1d = Conv<1>;
using Conv2d = Conv<2>;
using Conv3d = Conv<3>;
using ConvTranspose1d = ConvTranspose<1>;
using ConvTranspose2d = ConvTranspose<2>;
using ConvTranspose3d = ConvTranspose<3>;

}  // namespace nn
}  // namespace voxgrad
