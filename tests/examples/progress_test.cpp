#include "examples/support/progress.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

namespace voxgrad::examples {
namespace {

const ProgressState kState = {.step = 120,
                              .total = 1300,
                              .loss = 0.2341,
                              .dice = 0.9123,
                              .voxels_per_second = 3.41e6,
                              .elapsed_seconds = 83,
                              .left_seconds = 125};

// A stream whose text can be read back.
class Output {
 public:
  Output() : file_(std::tmpfile(), std::fclose) {}
  std::FILE* stream() { return file_.get(); }
  std::string text() {
    std::string all;
    std::rewind(file_.get());
    for (int c = std::fgetc(file_.get()); c != EOF; c = std::fgetc(file_.get())) {
      all += static_cast<char>(c);
    }
    return all;
  }

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

std::ptrdiff_t count(const std::string& text, char c) {
  return std::count(text.begin(), text.end(), c);
}

TEST(ProgressLine, HasEveryFigureWhereThereIsRoom) {
  const std::string line = progress_line(kState, 160);
  for (const char* part : {"step  120/1300", "[=>", "loss 0.2341", "Dice 0.9123", "3.41 M voxels/s",
                           "1:23 elapsed", "2:05 left"}) {
    EXPECT_NE(line.find(part), std::string::npos) << part << " in: " << line;
  }
}

TEST(ProgressLine, FitsEveryWidthAndDropsTheLeastImportantFirst) {
  for (int columns = 1; columns < 200; ++columns) {
    EXPECT_LT(progress_line(kState, columns).size(),
              static_cast<std::size_t>(std::max(columns, 2)));
  }
  const std::string narrow = progress_line(kState, 50);
  EXPECT_NE(narrow.find("loss 0.2341"), std::string::npos) << narrow;
  EXPECT_EQ(narrow.find("elapsed"), std::string::npos) << narrow;
}

TEST(ProgressLine, BarGrowsWithTheSteps) {
  ProgressState state = kState;
  std::ptrdiff_t before = -1;
  for (const std::int64_t step : {0, 325, 650, 1299, 1300}) {
    state.step = step;
    const std::string line = progress_line(state, 200);
    const std::ptrdiff_t filled = count(line, '=') + count(line, '>');
    EXPECT_GE(filled, before);
    before = filled;
  }
  EXPECT_EQ(before, 30);
}

TEST(ProgressLine, PlainLineHasNoBar) {
  EXPECT_EQ(plain_progress_line(kState),
            "step  120/1300  loss 0.2341  Dice 0.9123  3.41 M voxels/s   1:23 elapsed   2:05 left");
}

TEST(Progress, RedrawsOneLineOnATerminalAndEndsIt) {
  Output output;
  double now = 0;
  {
    Progress progress(
        {.total = 3, .stream = output.stream(), .terminal = true, .clock = [&now] { return now; }});
    for (int step = 1; step <= 3; ++step) {
      now += 1;
      progress.update(step, 0.5, 0.9, 1000);
    }
    progress.finish();
    progress.finish();
  }
  const std::string text = output.text();
  EXPECT_EQ(count(text, '\r'), 3);
  EXPECT_EQ(count(text, '\n'), 1);
  EXPECT_EQ(text.back(), '\n');
  EXPECT_EQ(text.front(), '\r');
}

TEST(Progress, RedrawsNoFasterThanAsked) {
  Output output;
  double now = 0;
  Progress progress({.total = 100,
                     .stream = output.stream(),
                     .terminal = true,
                     .redraw_seconds = 1,
                     .clock = [&now] { return now; }});
  for (int step = 1; step <= 50; ++step) {
    now += 0.1;
    progress.update(step, 0.5, {}, 1000);
  }
  const std::string text = output.text();
  EXPECT_GE(count(text, '\r'), 5);
  EXPECT_LE(count(text, '\r'), 6);
}

TEST(Progress, WritesPlainLinesNowAndThenElsewhere) {
  Output output;
  double now = 0;
  Progress progress({.total = 100, .stream = output.stream(), .plain_seconds = 10, .clock = [&now] {
                       return now;
                     }});
  EXPECT_FALSE(progress.on_terminal());
  for (int step = 1; step <= 100; ++step) {
    now += 0.5;
    progress.update(step, 0.5, 0.75, 1000);
  }
  progress.finish();
  const std::string text = output.text();
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(count(text, '\n'), 6) << text;  // steps 1, 21, 41, 61, 81 and the last
  EXPECT_EQ(text.find("step   1/100"), 0U);
  EXPECT_NE(text.find("\nstep 100/100"), std::string::npos);
}

TEST(Progress, ShowsTheStateAtWhichTheRunStopped) {
  Output output;
  double now = 0;
  {
    Progress progress({.total = 100, .stream = output.stream(), .clock = [&now] { return now; }});
    progress.update(1, 0.5, {}, 1000);
    progress.update(2, 0.4, {}, 1000);
  }
  EXPECT_NE(output.text().find("step   2/100  loss 0.4000"), std::string::npos);
}

TEST(Progress, CountsInTheUnitThatItIsTold) {
  Output output;
  double now = 0;
  Progress progress(
      {.total = 9, .unit = "pixels", .stream = output.stream(), .clock = [&now] { return now; }});
  now += 2;
  progress.update(1, 0.5, {}, 1000);
  EXPECT_NE(output.text().find(" 500 pixels/s "), std::string::npos) << output.text();
}

TEST(Progress, NotesStandOnLinesOfTheirOwn) {
  Output output;
  double now = 0;
  Progress progress(
      {.total = 9, .stream = output.stream(), .terminal = true, .clock = [&now] { return now; }});
  progress.note("before");
  progress.update(1, 0.5, {}, 1000);
  progress.note("after\x1b[2J");
  const std::string text = output.text();
  EXPECT_EQ(text.find("before\n\r"), 0U);
  EXPECT_NE(text.find("\r\x1b[Kafter [2J\n\rstep"), std::string::npos);
}

TEST(Progress, RatesAreThoseOfTheLastSteps) {
  Output output;
  double now = 100;
  Progress progress(
      {.total = 60, .first = 20, .stream = output.stream(), .clock = [&now] { return now; }});
  now += 10;  // a slow first step, then two seconds each
  progress.update(21, 1, {}, 500);
  EXPECT_DOUBLE_EQ(progress.state().voxels_per_second, 50);
  EXPECT_DOUBLE_EQ(progress.state().left_seconds, 390);
  for (int step = 22; step <= 50; ++step) {
    now += 2;
    progress.update(step, 1, {}, 500);
  }
  EXPECT_DOUBLE_EQ(progress.state().voxels_per_second, 250);
  EXPECT_DOUBLE_EQ(progress.state().left_seconds, 20);
  EXPECT_DOUBLE_EQ(progress.state().elapsed_seconds, 68);
}

}  // namespace
}  // namespace voxgrad::examples
