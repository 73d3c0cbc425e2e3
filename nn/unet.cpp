#include <voxgrad/nn/unet.h>

#include <algorithm>

#include <voxgrad/autograd/functions/pool.h>
#include <voxgrad/autograd/functions/shape.h>
#include <voxgrad/core/check.h>
#include <voxgrad/nn/activation.h>
#include <voxgrad/nn/norm.h>

namespace voxgrad::nn {
namespace {

const UNetOptions& checked(const UNetOptions& options) {
  VG_CHECK(!options.channels.empty() &&
               std::ranges::all_of(options.channels, [](Index count) { return count >= 1; }),
           ShapeError, "UNet: channels must be one number >= 1 per level; got {}",
           voxgrad::to_string(options.channels));
  VG_CHECK(options.in_channels >= 1 && options.out_channels >= 1 && options.convs_per_level >= 1,
           ShapeError,
           "UNet: in_channels, out_channels and convs_per_level must be >= 1; got {}, {} and {}",
           options.in_channels, options.out_channels, options.convs_per_level);
  return options;
}

AnyLayer activation_of(const UNetOptions& options) {
  if (options.activation == UNetActivation::relu) return ReLU({.inplace = true});
  return LeakyReLU({.negative_slope = options.negative_slope, .inplace = true});
}

template <int Rank>
void add_norm(Sequential& block, const UNetOptions& options, Index channels) {
  if (options.norm == UNetNorm::batch)
    block.add(BatchNorm<Rank>({.num_features = channels, .dtype = options.dtype}));
  else if (options.norm == UNetNorm::instance)
    block.add(
        InstanceNorm<Rank>({.num_features = channels, .affine = true, .dtype = options.dtype}));
}

/// convs_per_level times convolution, norm, activation.
template <int Rank>
Sequential block_of(const UNetOptions& options, Index in_channels, Index out_channels) {
  Sequential block;
  for (int i = 0; i < options.convs_per_level; ++i) {
    block.add(Conv<Rank>({.in_channels = i == 0 ? in_channels : out_channels,
                          .out_channels = out_channels,
                          .kernel_size = options.kernel_size,
                          .padding = "same",
                          .dtype = options.dtype}));
    add_norm<Rank>(block, options, out_channels);
    block.add(activation_of(options));
  }
  return block;
}

template <int Rank>
ModuleList<Sequential> encoder_of(const UNetOptions& options) {
  ModuleList<Sequential> encoder;
  Index in_channels = options.in_channels;
  for (const Index channels : options.channels) {
    encoder.add(block_of<Rank>(options, in_channels, channels));
    in_channels = channels;
  }
  return encoder;
}

template <int Rank>
ModuleList<ConvTranspose<Rank>> up_of(const UNetOptions& options) {
  ModuleList<ConvTranspose<Rank>> up;
  for (std::size_t level = options.channels.size() - 1; level > 0; --level) {
    up.add(ConvTranspose<Rank>({.in_channels = options.channels[level],
                                .out_channels = options.channels[level - 1],
                                .kernel_size = 2,
                                .stride = 2,
                                .dtype = options.dtype}));
  }
  return up;
}

template <int Rank>
ModuleList<Sequential> decoder_of(const UNetOptions& options) {
  ModuleList<Sequential> decoder;
  for (std::size_t level = options.channels.size() - 1; level > 0; --level) {
    const Index channels = options.channels[level - 1];
    decoder.add(block_of<Rank>(options, 2 * channels, channels));
  }
  return decoder;
}

}  // namespace

// The members are made in their order in the class, and with them the initial values.
template <int Rank>
UNet<Rank>::UNet(const UNetOptions& options)
    : options_(checked(options)),
      encoder_(encoder_of<Rank>(options)),
      up_(up_of<Rank>(options)),
      decoder_(decoder_of<Rank>(options)),
      head_({.in_channels = options.channels.front(),
             .out_channels = options.out_channels,
             .kernel_size = 1,
             .dtype = options.dtype}) {}

template <int Rank>
Tensor UNet<Rank>::forward(const Tensor& x) {
  VG_CHECK(x.dim() == Rank + 2, ShapeError,
           "{}: x must be (batch, channels, {} sizes); got shape {}", type_name(), Rank,
           voxgrad::to_string(x.shape()));
  const Index least = Index{1} << up_.size();
  VG_CHECK(std::ranges::all_of(x.shape().begin() + 2, x.shape().end(),
                               [least](Index size) { return size >= least; }),
           ShapeError, "{}: with {} levels every size must be >= {}; got shape {}", type_name(),
           encoder_.size(), least, voxgrad::to_string(x.shape()));
  std::vector<Tensor> skips;
  Tensor value = x;
  for (std::size_t level = 0; level < encoder_.size(); ++level) {
    value = encoder_[level](value);
    if (level == up_.size()) break;
    skips.push_back(value);
    value = max_pool(value, {.kernel = 2, .rank = Rank});
  }
  for (std::size_t i = 0; i < up_.size(); ++i) {
    Tensor joined = cat({skips.back(), up_[i](value, {.like = &skips.back()})}, 1);
    skips.pop_back();
    value = decoder_[i](std::move(joined));
  }
  return head_(value);
}

template <int Rank>
void UNet<Rank>::visit(Visitor& visitor) {
  visitor.child("encoder", encoder_);
  visitor.child("up", up_);
  visitor.child("decoder", decoder_);
  visitor.child("head", head_);
}

template <int Rank>
std::string UNet<Rank>::type_name() const {
  return fmt::format("UNet{}d", Rank);
}

template class UNet<1>;
template class UNet<2>;
template class UNet<3>;

}  // namespace voxgrad::nn
