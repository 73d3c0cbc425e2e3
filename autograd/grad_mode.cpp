#include <voxgrad/autograd/grad_mode.h>

namespace voxgrad {
namespace {
thread_local bool enabled = true;
}

bool grad_enabled() { return enabled; }
void set_grad_enabled(bool on) { enabled = on; }

}  // namespace voxgrad
