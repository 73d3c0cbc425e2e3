#include "examples/support/format.h"

#include <fmt/format.h>

#include <cmath>

namespace voxgrad::examples {

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e12) return "?";
  const long long whole = std::llround(seconds);
  if (whole < 60) return fmt::format("{} s", whole);
  const long long minutes = whole / 60;
  if (minutes < 60) return fmt::format("{}:{:02}", minutes, whole % 60);
  return fmt::format("{}:{:02}:{:02}", minutes / 60, minutes % 60, whole % 60);
}

std::string format_count(double count) {
  if (!std::isfinite(count) || count < 0) return "?";
  if (count < 999.5) return fmt::format("{:.0f}", count);
  const char* const prefixes[] = {"k", "M", "G", "T"};
  int prefix = 0;
  double value = count / 1000;
  // 999.5 would print as 1000: it belongs to the next prefix.
  while (value >= 999.5 && prefix < 3) {
    value /= 1000;
    ++prefix;
  }
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f} {}", value, decimals, prefixes[prefix]);
}

std::string format_loss(double loss) {
  if (std::isnan(loss)) return "nan";
  const double size = std::abs(loss);
  if (loss == 0 || (size >= 1e-3 && size < 1e4)) return fmt::format("{:.4f}", loss);
  return fmt::format("{:.1e}", loss);
}

}  // namespace voxgrad::examples
