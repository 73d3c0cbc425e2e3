#include "examples/support/run_main.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>

namespace voxgrad::examples {
namespace {

// Messages hold names out of files: control characters in them must neither break the line nor
// command the terminal.
int report(std::string_view program, std::string message) {
  std::ranges::replace_if(
      message, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  std::fflush(stdout);
  std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(program.size()), program.data(),
               message.c_str());
  return kFailure;
}

}  // namespace

void fail(const std::string& message) { throw UsageError(message); }

int run_main(std::string_view program, const std::function<int()>& body) {
  // A file beyond the shell's limit (ulimit -f) is then a write that fails, not the end.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    const int status = body();
    errno = 0;
    if (std::fflush(stdout) != 0) {
      return report(program,
                    fmt::format("standard output cannot be written: {}", std::strerror(errno)));
    }
    return status;
  } catch (const std::bad_alloc&) {
    return report(program, "this machine has too little memory for it");
  } catch (const std::exception& error) {
    return report(program, error.what());
  } catch (...) {
    return report(program, "an unknown error ended the program");
  }
}

}  // namespace voxgrad::examples
