#include <voxgrad/nn/pool.h>

#include <fmt/format.h>

#include <voxgrad/autograd/functions/pool.h>
#include <voxgrad/nn/layer_support.h>

namespace voxgrad::nn {

template <int Rank>
MaxPool<Rank>::MaxPool(const MaxPoolOptions& options) : options_(options) {
  const std::string name = type_name();
  options.kernel_size.at(Rank, name, "kernel_size");
  if (options.stride) options.stride->at(Rank, name, "stride");
  options.padding.at(Rank, name, "padding");
  options.dilation.at(Rank, name, "dilation");
}

template <int Rank>
Tensor MaxPool<Rank>::forward(const Tensor& x) const {
  return max_pool(x, {.kernel = options_.kernel_size,
                      .stride = options_.stride,
                      .padding = options_.padding,
                      .dilation = options_.dilation,
                      .ceil_mode = options_.ceil_mode,
                      .rank = Rank});
}

template <int Rank>
std::string MaxPool<Rank>::type_name() const {
  return fmt::format("MaxPool{}d", Rank);
}

template <int Rank>
std::string MaxPool<Rank>::extra_repr() const {
  return fmt::format("kernel_size={}, stride={}, padding={}, dilation={}, ceil_mode={}",
                     python_number_or_tuple(options_.kernel_size),
                     python_number_or_tuple(options_.stride.value_or(options_.kernel_size)),
                     python_number_or_tuple(options_.padding),
                     python_number_or_tuple(options_.dilation), python_bool(options_.ceil_mode));
}

template <int Rank>
AvgPool<Rank>::AvgPool(const AvgPoolOptions& options) : options_(options) {
  const std::string name = type_name();
  options.kernel_size.at(Rank, name, "kernel_size");
  if (options.stride) options.stride->at(Rank, name, "stride");
  options.padding.at(Rank, name, "padding");
}

template <int Rank>
Tensor AvgPool<Rank>::forward(const Tensor& x) const {
  return avg_pool(x, {.kernel = options_.kernel_size,
                      .stride = options_.stride,
                      .padding = options_.padding,
                      .ceil_mode = options_.ceil_mode,
                      .count_include_pad = options_.count_include_pad,
                      .rank = Rank});
}

template <int Rank>
std::string AvgPool<Rank>::type_name() const {
  return fmt::format("AvgPool{}d", Rank);
}

template <int Rank>
std::string AvgPool<Rank>::extra_repr() const {
  return fmt::format("kernel_size={}, stride={}, padding={}",
                     python_number_or_tuple(options_.kernel_size),
                     python_number_or_tuple(options_.stride.value_or(options_.kernel_size)),
                     python_number_or_tuple(options_.padding));
}

template class MaxPool<1>;
template class MaxPool<2>;
template class MaxPool<3>;
template class AvgPool<1>;
template class AvgPool<2>;
template class AvgPool<3>;

}  // namespace voxgrad::nn
