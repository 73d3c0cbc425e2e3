#include "examples/support/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "examples/support/run_main.h"

namespace voxgrad::examples {
namespace {

constexpr std::size_t kHelpColumn = 28;

// One line per option: name and kind, then the description and the default.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(kHelpColumn); }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_type_size() == 0 ? "" : " " + option->get_type_name();
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    const std::string& text = option->get_default_str();
    const std::string& description = option->get_description();
    return text.empty() ? description : fmt::format("{} (default {})", description, text);
  }
};

template <typename T>
std::optional<T> number(std::string_view text) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

std::array<std::int64_t, 3> parse_sizes(const std::string& name, const std::string& text,
                                        std::int64_t multiple, std::int64_t high) {
  std::array<std::int64_t, 3> sizes{};
  std::string_view rest = text;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::size_t cross = axis < 2 ? rest.find('x') : rest.size();
    const auto size = number<std::int64_t>(rest.substr(0, cross));
    if (cross == std::string_view::npos || !size || *size < multiple || *size > high ||
        *size % multiple != 0) {
      fail(fmt::format("{}: must be three multiples of {}, at most {} each, as in 40 96 80; got {}",
                       name, multiple, high, text));
    }
    sizes[axis] = *size;
    rest.remove_prefix(axis < 2 ? cross + 1 : cross);
  }
  return sizes;
}

}  // namespace

CommandLine::CommandLine(const std::string& program, const std::string& description)
    : app_(std::make_unique<CLI::App>(description, program)) {
  app_->formatter(std::make_shared<HelpFormatter>());
  app_->set_help_flag("-h,--help", "print this help and stop");
  app_->allow_extras();  // parse() has a better sentence for them
}

CommandLine::~CommandLine() = default;

void CommandLine::custom(const std::string& name, const std::string& kind,
                         const std::string& default_text, const std::string& description,
                         std::function<void(const std::string&)> assign) {
  app_->add_option_function<std::string>(
          name,
          [this, name, assign = std::move(assign)](const std::string& value) {
            if (value.empty()) fail(name + ": must not be empty");
            // CLI11 takes the next word, whatever it is.
            if (value.starts_with("--")) fail(name + ": needs a value; got " + value);
            assign(value);
            given_.insert(name);
          },
          description)
      ->type_name(kind)
      ->default_str(default_text)
      ->group(group_)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void CommandLine::flag(const std::string& name, bool& value, const std::string& description) {
  app_->add_flag_callback(
          name,
          [this, name, &value] {
            value = true;
            given_.insert(name);
          },
          description)
      ->default_str("off")
      ->group(group_);
}

void CommandLine::text(const std::string& name, std::string& value, const std::string& kind,
                       const std::string& description) {
  custom(name, kind, value, description, [&value](const std::string& text) { value = text; });
}

void CommandLine::whole(const std::string& name, std::int64_t& value, std::int64_t low,
                        std::int64_t high, const std::string& description) {
  custom(name, "N", std::to_string(value), description,
         [&value, name, low, high](const std::string& text) {
           const auto parsed = number<std::int64_t>(text);
           if (!parsed || *parsed < low || *parsed > high) {
             fail(fmt::format("{}: must be a whole number from {} to {}; got {}", name, low, high,
                              text));
           }
           value = *parsed;
         });
}

void CommandLine::seed(const std::string& name, std::uint64_t& value,
                       const std::string& description) {
  custom(name, "N", std::to_string(value), description, [&value, name](const std::string& text) {
    const auto parsed = number<std::uint64_t>(text);
    if (!parsed)
      fail(fmt::format("{}: must be a whole number from 0 to 2^64 - 1; got {}", name, text));
    value = *parsed;
  });
}

void CommandLine::real(const std::string& name, double& value, double low, double high,
                       const std::string& description) {
  custom(name, "X", fmt::format("{}", value), description,
         [&value, name, low, high](const std::string& text) {
           const auto parsed = number<double>(text);
           if (!parsed || !(*parsed >= low && *parsed <= high)) {
             fail(fmt::format("{}: must be a number from {} to {}; got {}", name, low, high, text));
           }
           value = *parsed;
         });
}

void CommandLine::sizes(const std::string& name, std::array<std::int64_t, 3>& value,
                        std::int64_t multiple, std::int64_t high, const std::string& description) {
  app_->add_option_function<std::vector<std::string>>(
          name,
          [this, &value, name, multiple, high](const std::vector<std::string>& words) {
            value = parse_sizes(name, fmt::format("{}", fmt::join(words, "x")), multiple, high);
            given_.insert(name);
          },
          description)
      ->expected(1, 3)
      ->type_name("D H W")
      ->default_str(fmt::format("{}", fmt::join(value, " ")))
      ->group(group_)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

bool CommandLine::parse(int argc, const char* const* argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    // One empty line between groups instead of two.
    std::fputs(CLI::detail::find_and_replace(app_->help(), "\n\n\n", "\n\n").c_str(), stdout);
    return false;
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string text = error.what();
    fail(text.substr(0, text.find(':')) + ": needs a value; --help lists the options");
  } catch (const CLI::Error& error) {
    fail(error.what());
  }
  const std::vector<std::string> unknown = app_->remaining();
  if (!unknown.empty()) {
    fail(fmt::format("command line: {} is no option; --help lists the options", unknown.front()));
  }
  return true;
}

}  // namespace voxgrad::examples
