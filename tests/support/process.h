// Example programs run as their users run them: as processes with a command line.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace voxgrad::test {

/// What a program did: its exit status (128 + number when a signal ended it) and what it printed.
struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

/// A running program of the build's `examples` folder. Destroyed before its end, it is killed.
class Process {
 public:
  Process(const std::string& program, const std::vector<std::string>& words);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void send(int signal) const;
  bool is_running();
  /// Waits for its end.
  Outcome wait();

 private:
  TemporaryFolder output_;
  pid_t id_ = -1;
  bool ended_ = false;
  int status_ = 0;  // as waitpid gives it
};

/// Runs a program to its end.
Outcome run_program(const std::string& program, const std::vector<std::string>& words);

/// What a program must do with bad input: exit status 2, nothing on standard output, and one line
/// on standard error that begins with its name. Returns what is wrong with that, "" when nothing
/// is.
std::string refusal_fault(const Outcome& outcome, const std::string& program);

}  // namespace voxgrad::test
