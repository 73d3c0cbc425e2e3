// The progress of a training run: one line that redraws itself on a terminal, plain lines anywhere
// else.
#pragma once

#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <optional>
#include <string>

namespace voxgrad::examples {

/// What one progress line shows.
struct ProgressState {
  std::int64_t step = 0;
  std::int64_t total = 0;
  double loss = 0;
  std::optional<double> dice{};
  double voxels_per_second = 0;
  double elapsed_seconds = 0;
  double left_seconds = 0;
  std::string unit = "voxels";  // what the rate counts
};

/// The line for a terminal of `columns` columns, shorter than that by one at least: a bar if there
/// is room for it, and the less important figures go first where there is not.
std::string progress_line(const ProgressState& state, int columns);

/// The same without a bar and at full length, for logs.
std::string plain_progress_line(const ProgressState& state);

struct ProgressOptions {
  /// Steps of the whole run, and those done before it was resumed.
  std::int64_t total = 0;
  std::int64_t first = 0;
  /// What the rate counts: "pixels" for images of two dimensions.
  std::string unit = "voxels";
  std::FILE* stream = stdout;
  /// Redraw one line; by default what isatty(stream) says, and never when TERM is "dumb".
  std::optional<bool> terminal{};
  /// Least time between two lines: on a terminal, and elsewhere.
  double redraw_seconds = 0.1;
  double plain_seconds = 10;
  /// Seconds since any moment; a steady clock by default.
  std::function<double()> clock{};
};

/// Prints the progress of a run. The line on the terminal is complete and ended with a newline at
/// the last of finish(), note() and the destructor, so what is printed next (an error, a result)
/// starts on its own line.
///
///     Progress progress({.total = steps});
///     for (...) progress.update(step, loss, dice, voxels_in_step);
///     progress.finish();
class Progress {
 public:
  explicit Progress(ProgressOptions options);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Step `step` of total (counted from 1) is done; `voxels` went through the network in it. The
  /// first and the last step are always shown. Without a Dice the last one given stays.
  void update(std::int64_t step, double loss, std::optional<double> dice, double voxels);

  /// Prints a line of its own, above the progress line.
  void note(const std::string& text);

  /// Shows the last state given and ends the line. Nothing happens at a second call.
  void finish();

  /// What the last update computed.
  const ProgressState& state() const { return state_; }

  /// True when a line is redrawn, false when lines are appended.
  bool on_terminal() const { return terminal_; }

 private:
  void measure(std::int64_t step, double voxels);
  void show();

  struct Sample {
    double seconds;
    double voxels;  // in all steps up to then
  };

  ProgressOptions options_;
  bool terminal_;
  ProgressState state_;
  double start_;
  double shown_at_ = 0;
  double voxels_ = 0;
  std::deque<Sample> recent_;  // one per step, the newest last: rates are those of the last steps
  bool pending_ = false;       // the state was updated since it was shown
  bool any_shown_ = false;
  bool line_open_ = false;
};

}  // namespace voxgrad::examples
