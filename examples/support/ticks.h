// Round numbers for the axes of a plot.
#pragma once

#include <string>
#include <vector>

namespace voxgrad::examples {

struct Tick {
  double value = 0;
  std::string label;
};

/// Multiples of 1, 2 or 5 times a power of ten in [low, high], about `count` of them, all with the
/// same decimals. Empty unless low < high and both are finite.
std::vector<Tick> linear_ticks(double low, double high, int count);

/// Powers of ten in [low, high], with 2 and 5 times them where there are few; at most about
/// `count`. For low > 0. Falls back to linear_ticks where the range holds less than two of them.
std::vector<Tick> log_ticks(double low, double high, int count);

}  // namespace voxgrad::examples
