#include "examples/support/ticks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace voxgrad::examples {
namespace {

double round_step(double rough) {
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (rough <= factor * power * (1 + 1e-9)) return factor * power;
  }
  return 10 * power;
}

std::string label(double value, double step, double largest) {
  if (largest >= 1e6 || step < 1e-5) return fmt::format("{:.3g}", value);
  const int decimals = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  return fmt::format("{:.{}f}", value, decimals);
}

}  // namespace

std::vector<Tick> linear_ticks(double low, double high, int count) {
  if (!(low < high) || !std::isfinite(low) || !std::isfinite(high)) return {};
  const double step = round_step((high - low) / std::max(count, 1));
  const double largest = std::max(std::abs(low), std::abs(high));
  // A range too narrow for its magnitude has no ticks that differ.
  if (!std::isfinite(step) || step < largest * 1e-12) return {};
  std::vector<Tick> ticks;
  for (double i = std::ceil(low / step - 1e-6); i * step <= high + step * 1e-6; i += 1) {
    const double value = i == 0 ? 0 : i * step;  // no "-0"
    ticks.push_back({value, label(value, step, largest)});
  }
  return ticks;
}

std::vector<Tick> log_ticks(double low, double high, int count) {
  if (!(low > 0) || !(low < high) || !std::isfinite(high)) return {};
  const int first = static_cast<int>(std::floor(std::log10(low)));
  const int last = static_cast<int>(std::ceil(std::log10(high)));
  const int decades = last - first;
  const std::vector<double> factors =
      decades * 3 <= 2 * count ? std::vector<double>{1, 2, 5} : std::vector<double>{1};
  const int every = std::max(1, decades / std::max(count, 1));
  std::vector<Tick> ticks;
  for (int exponent = first; exponent <= last; exponent += every) {
    for (const double factor : factors) {
      const double value = factor * std::pow(10, exponent);
      if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) {
        ticks.push_back({value, fmt::format("{:g}", value)});
      }
    }
  }
  return ticks.size() < 2 ? linear_ticks(low, high, count) : ticks;
}

}  // namespace voxgrad::examples
