#include <voxgrad/core/version.h>

namespace voxgrad {

const char* version() noexcept { return VOXGRAD_VERSION; }

}  // namespace voxgrad
