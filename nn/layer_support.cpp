#include <voxgrad/nn/layer_support.h>

#include <cmath>

#include <fmt/ranges.h>

#include <voxgrad/nn/init.h>

namespace voxgrad::nn {

Tensor make_parameter(Shape shape, std::optional<DType> dtype) {
  return Tensor::empty(std::move(shape), dtype.value_or(default_dtype())).requires_grad_();
}

void reset_weight_and_bias(const Tensor& weight, const Tensor& bias) {
  // Equal to U(+-1 / sqrt(fan in)), rounded as PyTorch rounds it.
  init::kaiming_uniform_(weight, {.a = std::sqrt(5.0)});
  const Index fan_in = init::calculate_fans(weight).in;
  if (!bias.defined() || fan_in == 0) return;
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  init::uniform_(bias, -bound, bound);
}

std::string python_bool(bool value) { return value ? "True" : "False"; }

std::string python_float(double value) {
  const std::string text = fmt::format("{}", value);
  return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
}

std::string python_tuple(const Spatial& values, int rank) {
  const auto each = values.at(rank, "repr", "option");
  if (rank == 1) return fmt::format("({},)", each[0]);
  return fmt::format("({})", fmt::join(each.begin(), each.begin() + rank, ", "));
}

std::string python_number_or_tuple(const Spatial& values) {
  const auto each = values.values();
  if (each.size() == 1) return std::to_string(each[0]);
  return fmt::format("({})", fmt::join(each, ", "));
}

}  // namespace voxgrad::nn
