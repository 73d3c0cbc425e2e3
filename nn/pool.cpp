#include <voxgrad/nn/pool.h>

#include <voxgrad/autograd/functions/pool.h>
#include <voxgrad/core/check.h>
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

template <int Rank>
AdaptiveAvgPool<Rank>::AdaptiveAvgPool(AdaptiveSize output_size)
    : output_size_(std::move(output_size)) {
  VG_CHECK(output_size_.size() == 1 || output_size_.size() == Rank, ShapeError,
           "{}: output_size must be one number or {}; got {}", type_name(), Rank,
           output_size_.size());
  for (const auto& size : output_size_) {
    VG_CHECK(size.value_or(0) >= 0, ShapeError, "{}: output_size must not be negative; got {}",
             type_name(), *size);
  }
}

template <int Rank>
Tensor AdaptiveAvgPool<Rank>::forward(const Tensor& x) const {
  if (output_size_.size() == Rank) return adaptive_avg_pool(x, output_size_);
  return adaptive_avg_pool(x, AdaptiveSize(Rank, output_size_[0]));
}

template <int Rank>
std::string AdaptiveAvgPool<Rank>::type_name() const {
  return fmt::format("AdaptiveAvgPool{}d", Rank);
}

template <int Rank>
std::string AdaptiveAvgPool<Rank>::extra_repr() const {
  std::vector<std::string> each;
  for (const auto& size : output_size_) each.push_back(size ? std::to_string(*size) : "None");
  if (each.size() == 1) return "output_size=" + each[0];
  return fmt::format("output_size=({})", fmt::join(each, ", "));
}

template class AdaptiveAvgPool<1>;
template class AdaptiveAvgPool<2>;
template class AdaptiveAvgPool<3>;
template class MaxPool<1>;
template class MaxPool<2>;
template class MaxPool<3>;
template class AvgPool<1>;
template class AvgPool<2>;
template class AvgPool<3>;

}  // namespace voxgrad::nn
