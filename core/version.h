// The library's version.
#pragma once

namespace [[gnu::visibility("default")]] voxgrad {

/// Version of the library that runs, as "major.minor.patch" (semantic versioning).
const char* version() noexcept;

}  // namespace voxgrad
