// How the examples print durations, counts and rates.
#pragma once

#include <string>

namespace voxgrad::examples {

/// "7 s", "1:23" (minutes:seconds), "2:05:09" (hours:minutes:seconds). Rounds to whole seconds; "?"
/// unless finite and >= 0.
std::string format_duration(double seconds);

/// Three significant digits with a unit prefix: "950", "12.3 k", "1.25 M", "3.10 G"; "?" unless
/// finite and >= 0.
std::string format_count(double count);

/// Four decimals while that shows the value ("0.2341", "12.3456"), else scientific ("3.2e-05");
/// "nan" and "inf" as such.
std::string format_loss(double loss);

}  // namespace voxgrad::examples
