// Pooling layers of ranks 1 to 3.
#pragma once

#include <optional>
#include <vector>

#include <voxgrad/core/conv_geometry.h>
#include <voxgrad/nn/module.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace nn {

struct MaxPoolOptions {
  Spatial kernel_size;
  std::optional<Spatial> stride = {};  ///< the kernel size when not given
  Spatial padding = 0;                 ///< at most half of the kernel; never wins
  Spatial dilation = 1;
  bool ceil_mode = false;
};

/// The largest value of each window, as torch.nn.MaxPool{1,2,3}d. x is (batch, channels, size...)
/// or (channels, size...).
template <int Rank>
class MaxPool final : public Layer<MaxPool<Rank>> {
 public:
  /// @throws ShapeError when an option has a wrong number of values.
  explicit MaxPool(const MaxPoolOptions& options);
  Tensor forward(const Tensor& x) const;
  void visit(Visitor&) override {}
  std::string type_name() const override;
  std::string extra_repr() const override;
  const MaxPoolOptions& options() const { return options_; }

 private:
  MaxPoolOptions options_;
};

struct AvgPoolOptions {
  Spatial kernel_size;
  std::optional<Spatial> stride = {};  ///< the kernel size when not given
  Spatial padding = 0;
  bool ceil_mode = false;
  bool count_include_pad = true;
};

/// The mean of each window, as torch.nn.AvgPool{1,2,3}d.
template <int Rank>
class AvgPool final : public Layer<AvgPool<Rank>> {
 public:
  /// @throws ShapeError when an option has a wrong number of values.
  explicit AvgPool(const AvgPoolOptions& options);
  Tensor forward(const Tensor& x) const;
  void visit(Visitor&) override {}
  std::string type_name() const override;
  std::string extra_repr() const override;
  const AvgPoolOptions& options() const { return options_; }

 private:
  AvgPoolOptions options_;
};

/// Per axis, nullopt keeps the size; one value stands for all axes.
using AdaptiveSize = std::vector<std::optional<Index>>;

/// The mean of evenly spread windows, as many as output_size says:
/// torch.nn.AdaptiveAvgPool{1,2,3}d.
template <int Rank>
class AdaptiveAvgPool final : public Layer<AdaptiveAvgPool<Rank>> {
 public:
  /// @throws ShapeError unless output_size has 1 or Rank values, none negative.
  explicit AdaptiveAvgPool(AdaptiveSize output_size);
  /// @param x  (batch, channels, size...) or (channels, size...)
  Tensor forward(const Tensor& x) const;
  void visit(Visitor&) override {}
  std::string type_name() const override;
  std::string extra_repr() const override;

 private:
  AdaptiveSize output_size_;
};

extern template class AdaptiveAvgPool<1>;
extern template class AdaptiveAvgPool<2>;
extern template class AdaptiveAvgPool<3>;
extern template class MaxPool<1>;
extern template class MaxPool<2>;
extern template class MaxPool<3>;
extern template class AvgPool<1>;
extern template class AvgPool<2>;
extern template class AvgPool<3>;

using MaxPool1d = MaxPool<1>;
using MaxPool2d = MaxPool<2>;
using MaxPool3d = MaxPool<3>;
using AdaptiveAvgPool1d = AdaptiveAvgPool<1>;
using AdaptiveAvgPool2d = AdaptiveAvgPool<2>;
using AdaptiveAvgPool3d = AdaptiveAvgPool<3>;
using AvgPool1d = AvgPool<1>;
using AvgPool2d = AvgPool<2>;
using AvgPool3d = AvgPool<3>;

}  // namespace nn
}  // namespace voxgrad
