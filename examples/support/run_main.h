// What every example's main() shares: one sentence and exit status 2 for anything that goes wrong.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace voxgrad::examples {

/// A command line or an input that the program cannot work with.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Exit status for bad input of any kind.
inline constexpr int kFailure = 2;

/// Ends the program through run_main with this sentence. @throws UsageError always.
[[noreturn]] void fail(const std::string& message);

/// Runs `body` and returns its exit status. An exception becomes "program: message" on stderr, on
/// one line, and kFailure; so does standard output that cannot be written.
///
///     int main(int argc, char** argv) {
///       return run_main("train_unet3d", [&] { return train(argc, argv); });
///     }
int run_main(std::string_view program, const std::function<int()>& body);

}  // namespace voxgrad::examples
