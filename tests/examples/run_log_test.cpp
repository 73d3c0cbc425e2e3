#include "examples/support/run_log.h"

#include <gtest/gtest.h>
#include <voxgrad/core/error.h>

#include <cmath>
#include <cstddef>
#include <string>

#include "tests/support/temporary_folder.h"

namespace voxgrad::examples {
namespace {

using test::message_of;
using test::put_file;

std::string content(const std::string& path) {
  const auto bytes = test::get_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

RunLogRow row(std::int64_t step) {
  return {.step = step,
          .loss = 1.0F / static_cast<float>(step),
          .dice = step % 2 == 0 ? std::optional(0.5) : std::nullopt,
          .voxels_per_second = 2.5e6,
          .seconds = static_cast<double>(step) * 0.25,
          .learning_rate = 5e-3};
}

constexpr const char* kHeader = "step,loss,dice,voxels_per_second,seconds,learning_rate\n";

TEST(RunLog, EveryRowIsInTheFileAtOnce) {
  const test::TemporaryFolder folder;
  RunLog log = RunLog::create(folder / "run.csv");
  log.append(row(1));
  EXPECT_EQ(content(folder / "run.csv"), std::string(kHeader) + "1,1,,2.5e+06,0.25,0.005\n");
  log.append(row(2));
  EXPECT_EQ(content(folder / "run.csv"),
            std::string(kHeader) + "1,1,,2.5e+06,0.25,0.005\n2,0.5,0.5,2.5e+06,0.5,0.005\n");
}

TEST(RunLog, WithoutARowLeavesWhatWasThere) {
  const test::TemporaryFolder folder;
  { const RunLog log = RunLog::create(folder / "run.csv"); }
  EXPECT_TRUE(folder.list().empty());
  put_file(folder / "run.csv", std::string("old"));
  RunLog log = RunLog::create(folder / "run.csv");
  EXPECT_EQ(content(folder / "run.csv"), "old");
  log.append(row(1));
  EXPECT_EQ(read_run_log(folder / "run.csv").size(), 1U);
}

TEST(RunLog, RowsComeBackAsTheyWere) {
  const test::TemporaryFolder folder;
  RunLog log = RunLog::create(folder / "run.csv");
  for (int step = 1; step <= 7; ++step) log.append(row(step));
  RunLogRow diverged = row(8);
  diverged.loss = std::nan("");
  log.append(diverged);
  const auto rows = read_run_log(folder / "run.csv");
  ASSERT_EQ(rows.size(), 8U);
  for (int step = 1; step <= 7; ++step) {
    const auto& read = rows[static_cast<std::size_t>(step - 1)];
    EXPECT_EQ(read.step, step);
    EXPECT_EQ(static_cast<float>(read.loss), static_cast<float>(row(step).loss));
    EXPECT_EQ(read.dice, row(step).dice);
  }
  EXPECT_TRUE(std::isnan(rows[7].loss));
}

TEST(RunLog, ResumingDropsTheStepsThatAreRunAgain) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "run.csv";
  {
    RunLog log = RunLog::create(path);
    for (int step = 1; step <= 6; ++step) log.append(row(step));
  }
  {
    RunLog log = RunLog::resume(path, 4);
    EXPECT_EQ(log.rows().size(), 4U);
    log.append(row(5));
  }
  const auto rows = read_run_log(path);
  ASSERT_EQ(rows.size(), 5U);
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i].step, i + 1);
  EXPECT_EQ(folder.list(), std::vector<std::string>{"run.csv"});
}

TEST(RunLog, ResumingBeginsAFileThatIsNotThere) {
  const test::TemporaryFolder folder;
  RunLog log = RunLog::resume(folder / "run.csv", 4);
  EXPECT_TRUE(log.rows().empty());
  log.append(row(5));
  EXPECT_EQ(read_run_log(folder / "run.csv").size(), 1U);
}

TEST(RunLog, ALineThatWasCutOffIsLeftOut) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "run.csv";
  put_file(path, std::string(kHeader) + "1,0.5,0.5,1,1,0.1\n2,0.4,0.");
  EXPECT_EQ(read_run_log(path).size(), 1U);
  { RunLog::resume(path, 9).append(row(2)); }
  EXPECT_EQ(read_run_log(path).size(), 2U);
}

TEST(RunLog, NamesTheLineThatItCannotRead) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "run.csv";
  for (const char* line : {"1,2,3", "1,0.5,0.5,1,1,0.1,9", "1,0.5,0.5,1,1,x", "1,0.5x,,1,1,0.1",
                           ",0.5,,1,1,0.1", ""}) {
    put_file(path, std::string(kHeader) + line + "\n");
    const std::string message = message_of<FileError>([&] { read_run_log(path); });
    EXPECT_NE(message.find("line 2"), std::string::npos) << line << ": " << message;
  }
  put_file(path, std::string("a,b\n"));
  EXPECT_NE(message_of<FileError>([&] { read_run_log(path); }).find("line 1"), std::string::npos);
  EXPECT_THROW(read_run_log(folder / "none.csv"), FileError);
  EXPECT_THROW(RunLog::create(folder / "no/run.csv"), FileError);
}

}  // namespace
}  // namespace voxgrad::examples
