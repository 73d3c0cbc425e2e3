#include <voxgrad/data/metrics.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <voxgrad/core/check.h>

namespace voxgrad {
namespace {

std::vector<bool> foreground(const Tensor& mask) {
  return visit_dtype(mask.dtype(), [&]<typename T>() {
    const std::vector<T> values = mask.detach().to(Device{}).to_vector<T>();
    std::vector<bool> result(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) result[i] = values[i] != T{};
    return result;
  });
}

std::vector<double> as_doubles(const Tensor& image) {
  return visit_floating(image.dtype(), [&]<typename T>() {
    const std::vector<T> values = image.detach().to(Device{}).to_vector<T>();
    return std::vector<double>(values.begin(), values.end());
  });
}

void check_image(std::string_view op, const Tensor& image) {
  VG_CHECK(is_floating(image.dtype()), DTypeError, "{}: the image must be floating; got {}", op,
           name(image.dtype()));
}

void check_same_shape(std::string_view op, const Tensor& a, const Tensor& b) {
  VG_CHECK(a.shape() == b.shape(), ShapeError, "{}: shapes must be equal; got {} and {}", op,
           to_string(a.shape()), to_string(b.shape()));
}

double dice_of(Index both, Index sum) {
  return sum == 0 ? 1 : 2 * static_cast<double>(both) / static_cast<double>(sum);
}

}  // namespace

double dice(const Tensor& a, const Tensor& b) {
  check_same_shape("dice", a, b);
  const std::vector<bool> in_a = foreground(a);
  const std::vector<bool> in_b = foreground(b);
  Index both = 0;
  Index sum = 0;
  for (std::size_t i = 0; i < in_a.size(); ++i) {
    both += in_a[i] && in_b[i];
    sum += Index{in_a[i]} + Index{in_b[i]};
  }
  return dice_of(both, sum);
}

ThresholdResult best_threshold(const Tensor& image, const Tensor& mask) {
  check_same_shape("best_threshold", image, mask);
  check_image("best_threshold", image);
  VG_CHECK(image.numel() > 0, ShapeError,
           "best_threshold: the image must have elements; got shape {}", to_string(image.shape()));
  const std::vector<double> values = as_doubles(image);
  VG_CHECK(std::ranges::none_of(values, [](double v) { return std::isnan(v); }), Error,
           "best_threshold: the image must hold no NaN");
  const std::vector<bool> inside = foreground(mask);
  std::vector<std::pair<double, bool>> sorted(values.size());
  Index both = 0;  // foreground above the threshold
  for (std::size_t i = 0; i < values.size(); ++i) {
    sorted[i] = {values[i], inside[i]};
    both += inside[i];
  }
  std::ranges::sort(sorted);
  const Index in_mask = both;
  ThresholdResult best{std::nextafter(sorted[0].first, -HUGE_VAL), -1};
  auto above = static_cast<Index>(sorted.size());
  // Nothing lies below -infinity, so no threshold takes an element of that value.
  if (sorted[0].first > -HUGE_VAL) best.dice = dice_of(both, above + in_mask);
  for (std::size_t i = 0; i < sorted.size();) {
    const double threshold = sorted[i].first;
    for (; i < sorted.size() && sorted[i].first == threshold; ++i) {
      both -= sorted[i].second;
      --above;
    }
    const double score = dice_of(both, above + in_mask);
    if (score > best.dice) best = {threshold, score};
  }
  return best;
}

Tensor threshold_mask(const Tensor& image, double threshold) {
  check_image("threshold_mask", image);
  Tensor mask = Tensor::empty(image.shape(), DType::uint8);
  const std::vector<double> values = as_doubles(image);
  std::ranges::transform(values, mask.mutable_data<std::uint8_t>(),
                         [&](double v) { return static_cast<std::uint8_t>(v > threshold); });
  return mask;
}

}  // namespace voxgrad
