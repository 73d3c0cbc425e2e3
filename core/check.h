// Internal (includes {fmt}; no public header includes it): checks at the public boundary.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <voxgrad/core/error.h>

/// VG_CHECK(condition, ShapeError, "op: rule; got {}", value): throws ErrorType with the text when
/// the condition fails.
#define VG_CHECK(condition, ErrorType, ...)                   \
  do {                                                        \
    if (!(condition)) [[unlikely]]                            \
      throw ::voxgrad::ErrorType(::fmt::format(__VA_ARGS__)); \
  } while (false)
