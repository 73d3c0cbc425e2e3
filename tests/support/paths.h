// Where the tests find what the build made and what the repository holds.
#pragma once

#include <string>

namespace voxgrad::test {

/// The repository's root folder.
std::string source_dir();

/// The build folder; example programs are in its `examples`.
std::string binary_dir();

/// The folder that VOXGRAD_VECTORS names; empty when it is not set.
std::string vectors_dir();

/// True when VOXGRAD_FULL asks for the long sweeps.
bool full_run();

}  // namespace voxgrad::test
