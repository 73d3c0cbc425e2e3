// CLI11 with what the examples want of it: ranges, errors as one sentence, and a --help that shows
// every default.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace voxgrad::examples {

/// A program's options. Each member function binds one option to a variable, whose value is the
/// default that --help shows. Of an option given twice the last one counts.
class CommandLine {
 public:
  CommandLine(const std::string& program, const std::string& description);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  /// Options added after this call stand under `title` in --help.
  void group(const std::string& title) { group_ = title; }

  void flag(const std::string& name, bool& value, const std::string& description);
  /// Any text but an empty one; `kind` is what --help calls it ("FILE").
  void text(const std::string& name, std::string& value, const std::string& kind,
            const std::string& description);
  void whole(const std::string& name, std::int64_t& value, std::int64_t low, std::int64_t high,
             const std::string& description);
  /// Any 64-bit number >= 0.
  void seed(const std::string& name, std::uint64_t& value, const std::string& description);
  void real(const std::string& name, double& value, double low, double high,
            const std::string& description);
  /// Three sizes, as three arguments or as one AxBxC; each a multiple of `multiple`, at most
  /// `high`.
  void sizes(const std::string& name, std::array<std::int64_t, 3>& value, std::int64_t multiple,
             std::int64_t high, const std::string& description);
  /// For what has a form of its own; `assign` throws UsageError.
  void custom(const std::string& name, const std::string& kind, const std::string& default_text,
              const std::string& description, std::function<void(const std::string&)> assign);

  /// Assigns what the command line holds; false after --help was printed to stdout. @throws
  /// UsageError, one sentence.
  bool parse(int argc, const char* const* argv);

  /// Names of the options that the command line held, "--steps" say.
  const std::set<std::string>& given() const { return given_; }

 private:
  std::unique_ptr<CLI::App> app_;
  std::string group_ = "Options";
  std::set<std::string> given_;
};

}  // namespace voxgrad::examples
