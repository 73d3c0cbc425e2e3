#include <voxgrad/nn/conv.h>

#include <algorithm>
#include <vector>

#include <voxgrad/autograd/functions/conv.h>
#include <voxgrad/core/check.h>
#include <voxgrad/nn/layer_support.h>

namespace voxgrad::nn {
namespace {

void check_at_least(Index least, const Spatial& values, int rank, std::string_view op,
                    std::string_view option) {
  const auto each = values.at(rank, op, option);
  VG_CHECK(std::all_of(each.begin(), each.begin() + rank,
                       [least](Index value) { return value >= least; }),
           ShapeError, "{}: {} must be >= {}; got {}", op, option, least,
           python_number_or_tuple(values));
}

/// What both options have in common.
template <typename Options>
void check_options(const Options& options, int rank, std::string_view op) {
  VG_CHECK(options.in_channels >= 1 && options.out_channels >= 1, ShapeError,
           "{}: in_channels and out_channels must be >= 1; got {} and {}", op, options.in_channels,
           options.out_channels);
  VG_CHECK(options.groups >= 1, ShapeError, "{}: groups must be >= 1; got {}", op, options.groups);
  VG_CHECK(options.in_channels % options.groups == 0 && options.out_channels % options.groups == 0,
           ShapeError,
           "{}: groups must divide in_channels and out_channels; got {} groups for {} and {}", op,
           options.groups, options.in_channels, options.out_channels);
  check_at_least(1, options.kernel_size, rank, op, "kernel_size");
  check_at_least(1, options.stride, rank, op, "stride");
  check_at_least(1, options.dilation, rank, op, "dilation");
  VG_CHECK(!options.dtype || is_floating(*options.dtype), DTypeError,
           "{}: dtype must be float32 or float64; got {}", op, name(*options.dtype));
}

Shape weight_shape(Index first, Index second, const Spatial& kernel_size, int rank) {
  Shape shape{first, second};
  const auto kernel = kernel_size.at(rank, "Conv", "kernel_size");
  shape.insert(shape.end(), kernel.begin(), kernel.begin() + rank);
  return shape;
}

std::string_view pad_mode_name(PadMode mode) {
  switch (mode) {
    case PadMode::constant: return "zeros";
    case PadMode::reflect: return "reflect";
    case PadMode::replicate: return "replicate";
    case PadMode::circular: break;
  }
  return "circular";
}

/// ", name=(1, 1, 1)" unless all values are `usual`.
std::string unless_usual(std::string_view name, const Spatial& values, int rank, Index usual) {
  const auto each = values.at(rank, "repr", name);
  if (std::all_of(each.begin(), each.begin() + rank, [=](Index v) { return v == usual; }))
    return "";
  return fmt::format(", {}={}", name, python_tuple(values, rank));
}

/// What stands before and behind the padding.
template <typename Options>
std::string repr_start(const Options& options, int rank) {
  return fmt::format("{}, {}, kernel_size={}, stride={}", options.in_channels, options.out_channels,
                     python_tuple(options.kernel_size, rank), python_tuple(options.stride, rank));
}

template <typename Options>
std::string repr_end(const Options& options) {
  return (options.groups == 1 ? "" : fmt::format(", groups={}", options.groups)) +
         (options.bias ? "" : ", bias=False");
}

}  // namespace

template <int Rank>
void Conv<Rank>::check(const ConvOptions& options, std::string_view name) {
  check_options(options, Rank, name);
  if (!options.padding.is_same()) {
    check_at_least(0, options.padding.amount(), Rank, name, "padding");
  } else {
    VG_CHECK(options.stride.at(Rank, name, "stride") == Spatial(1).at(Rank, name, "stride"),
             ShapeError, "{}: padding 'same' needs stride 1; got {}", name,
             python_number_or_tuple(options.stride));
  }
}

template <int Rank>
Conv<Rank>::Conv(const ConvOptions& options) : options_(options) {
  check(options, type_name());
  weight = make_parameter(weight_shape(options.out_channels, options.in_channels / options.groups,
                                       options.kernel_size, Rank),
                          options.dtype);
  if (options.bias) bias = make_parameter({options.out_channels}, options.dtype);
  reset_parameters();
  this->to(options.device);
}

template <int Rank>
Tensor Conv<Rank>::forward(const Tensor& x) const {
  return conv(x, weight, bias,
              {.stride = options_.stride,
               .padding = options_.padding,
               .dilation = options_.dilation,
               .groups = options_.groups,
               .padding_mode = options_.padding_mode});
}

template <int Rank>
void Conv<Rank>::reset_parameters() {
  reset_weight_and_bias(weight, bias);
}

template <int Rank>
void Conv<Rank>::visit(Visitor& visitor) {
  visitor.parameter("weight", weight);
  visitor.parameter("bias", bias);
}

template <int Rank>
std::string Conv<Rank>::type_name() const {
  return fmt::format("Conv{}d", Rank);
}

template <int Rank>
std::string Conv<Rank>::describe(const ConvOptions& options) {
  std::string text = repr_start(options, Rank);
  text += options.padding.is_same() ? ", padding=same"
                                    : unless_usual("padding", options.padding.amount(), Rank, 0);
  text += unless_usual("dilation", options.dilation, Rank, 1);
  text += repr_end(options);
  if (options.padding_mode != PadMode::constant)
    text += fmt::format(", padding_mode={}", pad_mode_name(options.padding_mode));
  return text;
}

template <int Rank>
void ConvTranspose<Rank>::check(const ConvTransposeOptions& options, std::string_view name) {
  check_options(options, Rank, name);
  check_at_least(0, options.padding, Rank, name, "padding");
  check_at_least(0, options.output_padding, Rank, name, "output_padding");
}

template <int Rank>
ConvTranspose<Rank>::ConvTranspose(const ConvTransposeOptions& options) : options_(options) {
  check(options, type_name());
  weight = make_parameter(weight_shape(options.in_channels, options.out_channels / options.groups,
                                       options.kernel_size, Rank),
                          options.dtype);
  if (options.bias) bias = make_parameter({options.out_channels}, options.dtype);
  reset_parameters();
  this->to(options.device);
}

template <int Rank>
Tensor ConvTranspose<Rank>::forward(const Tensor& x, const Fit& fit) const {
  const ConvTransposeSettings settings{.stride = options_.stride,
                                       .padding = options_.padding,
                                       .output_padding = options_.output_padding,
                                       .groups = options_.groups,
                                       .dilation = options_.dilation,
                                       .output_size = fit.output_size,
                                       .like = fit.like};
  return conv_transpose(x, weight, bias, settings);
}

template <int Rank>
void ConvTranspose<Rank>::reset_parameters() {
  reset_weight_and_bias(weight, bias);
}

template <int Rank>
void ConvTranspose<Rank>::visit(Visitor& visitor) {
  visitor.parameter("weight", weight);
  visitor.parameter("bias", bias);
}

template <int Rank>
std::string ConvTranspose<Rank>::type_name() const {
  return fmt::format("ConvTranspose{}d", Rank);
}

template <int Rank>
std::string ConvTranspose<Rank>::describe(const ConvTransposeOptions& options) {
  return repr_start(options, Rank) + unless_usual("padding", options.padding, Rank, 0) +
         unless_usual("dilation", options.dilation, Rank, 1) +
         unless_usual("output_padding", options.output_padding, Rank, 0) + repr_end(options);
}

template class Conv<1>;
template class Conv<2>;
template class Conv<3>;
template class ConvTranspose<1>;
template class ConvTranspose<2>;
template class ConvTranspose<3>;

}  // namespace voxgrad::nn
