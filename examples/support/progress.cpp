#include "examples/support/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "examples/support/format.h"

namespace voxgrad::examples {
namespace {

constexpr int kRecentSteps = 20;
constexpr int kWidestBar = 30;
constexpr int kNarrowestBar = 8;
constexpr int kDefaultColumns = 80;

double steady_seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

bool is_terminal(std::FILE* stream) {
  const char* term = std::getenv("TERM");
  return isatty(fileno(stream)) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

int terminal_columns(std::FILE* stream) {
  winsize size{};
  if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return kDefaultColumns;
}

// A control sequence of the text would move the cursor, and a newline would leave half a line
// behind.
std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return text;
}

std::string step_text(const ProgressState& state) {
  const std::string total = std::to_string(state.total);
  return fmt::format("step {:>{}}/{}", state.step, total.size(), total);
}

// In order of importance, the first last to go; widths are padded so that figures do not jump
// about.
struct Figure {
  int importance;
  std::string text;
};

std::vector<Figure> figures(const ProgressState& state) {
  std::vector<Figure> all = {{0, "loss " + format_loss(state.loss)}};
  if (state.dice) all.push_back({1, fmt::format("Dice {:.4f}", *state.dice)});
  all.push_back({3, fmt::format("{:>6} {}/s", format_count(state.voxels_per_second), state.unit)});
  all.push_back({4, fmt::format("{:>5} elapsed", format_duration(state.elapsed_seconds))});
  all.push_back({2, fmt::format("{:>5} left", format_duration(state.left_seconds))});
  return all;
}

std::string join(const std::string& head, const std::vector<Figure>& shown) {
  std::string line = head;
  for (const Figure& figure : shown) line += "  " + figure.text;
  return line;
}

std::string bar(const ProgressState& state, int width) {
  const double done =
      state.total > 0
          ? std::clamp(static_cast<double>(state.step) / static_cast<double>(state.total), 0.0, 1.0)
          : 0;
  const auto filled = static_cast<std::size_t>(done * width);
  std::string text(filled, '=');
  if (filled < static_cast<std::size_t>(width) && filled > 0) text.back() = '>';
  text.resize(static_cast<std::size_t>(width), ' ');
  return "[" + text + "]";
}

}  // namespace

std::string plain_progress_line(const ProgressState& state) {
  return join(step_text(state), figures(state));
}

std::string progress_line(const ProgressState& state, int columns) {
  // A character in the last column makes some terminals wrap.
  const auto room = static_cast<std::size_t>(std::max(columns - 1, 1));
  const std::string head = step_text(state);
  std::vector<Figure> shown = figures(state);
  std::string line = join(head, shown);
  while (line.size() > room && !shown.empty()) {
    shown.erase(std::max_element(shown.begin(), shown.end(), [](const Figure& a, const Figure& b) {
      return a.importance < b.importance;
    }));
    line = join(head, shown);
  }
  if (line.size() > room) return line.substr(0, room);
  const int spare = static_cast<int>(room - line.size()) - 4;  // "  [" and "]"
  if (spare >= kNarrowestBar) {
    line = join(head + "  " + bar(state, std::min(spare, kWidestBar)), shown);
  }
  return line;
}

Progress::Progress(ProgressOptions options) : options_(std::move(options)) {
  if (!options_.clock) options_.clock = steady_seconds;
  terminal_ = options_.terminal.value_or(is_terminal(options_.stream));
  start_ = options_.clock();
  state_.step = options_.first;
  state_.total = options_.total;
  state_.unit = options_.unit;
  recent_.push_back({start_, 0});
}

Progress::~Progress() { finish(); }

void Progress::measure(std::int64_t step, double voxels) {
  const double now = options_.clock();
  voxels_ += voxels;
  recent_.push_back({now, voxels_});
  if (recent_.size() > kRecentSteps + 1) recent_.pop_front();
  const double seconds = recent_.back().seconds - recent_.front().seconds;
  const auto steps = static_cast<double>(recent_.size() - 1);
  state_.voxels_per_second = seconds > 0 ? (voxels_ - recent_.front().voxels) / seconds : 0;
  state_.elapsed_seconds = now - start_;
  state_.left_seconds =
      static_cast<double>(std::max<std::int64_t>(state_.total - step, 0)) * seconds / steps;
}

void Progress::update(std::int64_t step, double loss, std::optional<double> dice, double voxels) {
  measure(step, voxels);
  state_.step = step;
  state_.loss = loss;
  if (dice) state_.dice = dice;
  pending_ = true;
  const double least = terminal_ ? options_.redraw_seconds : options_.plain_seconds;
  if (!any_shown_ || step >= state_.total || options_.clock() - shown_at_ >= least) show();
}

void Progress::show() {
  // One write per redraw, and what is left of a longer line is erased after the new text: no
  // flicker.
  const std::string text =
      terminal_
          ? fmt::format("\r{}\x1b[K", progress_line(state_, terminal_columns(options_.stream)))
          : fmt::format("{}\n", plain_progress_line(state_));
  std::fwrite(text.data(), 1, text.size(), options_.stream);
  std::fflush(options_.stream);
  line_open_ = terminal_;
  any_shown_ = true;
  pending_ = false;
  shown_at_ = options_.clock();
}

void Progress::note(const std::string& text) {
  const std::string whole = fmt::format("{}{}\n", line_open_ ? "\r\x1b[K" : "", one_line(text));
  std::fwrite(whole.data(), 1, whole.size(), options_.stream);
  std::fflush(options_.stream);
  if (line_open_) show();
}

void Progress::finish() {
  if (pending_) show();
  if (line_open_) {
    std::fputc('\n', options_.stream);
    std::fflush(options_.stream);
  }
  line_open_ = false;
}

}  // namespace voxgrad::examples
