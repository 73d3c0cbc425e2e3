// run.csv: what every training step did, written while it runs.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace voxgrad::examples {

struct RunLogRow {
  std::int64_t step = 0;  // counted from 1
  double loss = 0;
  std::optional<double> dice{};  // an empty field where a step measured none
  double voxels_per_second = 0;
  double seconds = 0;  // of training, all parts of an interrupted run together
  double learning_rate = 0;
};

/// Reads a run.csv. A last line without its newline (the program was killed in it) is left out.
/// @throws FileError when the file cannot be read or a line does not hold what write it.
std::vector<RunLogRow> read_run_log(const std::string& path);

/// Appends rows to run.csv; each is in the file when append() returns, so an interrupted run keeps
/// its rows.
class RunLog {
 public:
  /// Starts a new file; it takes the place of an old one at the first row, so that a run stopped
  /// before leaves nothing. @throws FileError when it cannot be written.
  static RunLog create(const std::string& path);

  /// Goes on after step `last_step`: rows of later steps go (they will be run again), the others
  /// stay and are in rows(). A file that is not there is begun as create() does. @throws FileError.
  static RunLog resume(const std::string& path, std::int64_t last_step);

  /// @throws FileError when the file cannot be written, e.g. because the disk is full.
  void append(const RunLogRow& row);

  /// All rows of the file, in order.
  const std::vector<RunLogRow>& rows() const { return rows_; }

 private:
  RunLog(std::string path, std::vector<RunLogRow> rows);

  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  std::string path_;
  std::vector<RunLogRow> rows_;
  std::unique_ptr<std::FILE, Close> file_;  // none before the first row
};

}  // namespace voxgrad::examples
