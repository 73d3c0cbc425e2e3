#include "tests/support/paths.h"

#include <cstdlib>
#include <string_view>

namespace voxgrad::test {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string source_dir() { return VOXGRAD_SOURCE_DIR; }

std::string binary_dir() { return VOXGRAD_BINARY_DIR; }

std::string vectors_dir() { return variable("VOXGRAD_VECTORS"); }

bool full_run() {
  const std::string value = variable("VOXGRAD_FULL");
  return !value.empty() && value != "0";
}

}  // namespace voxgrad::test
