#include "tests/support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "tests/support/paths.h"

namespace voxgrad::test {
namespace {

// Only calls that are allowed between fork and exec.
void redirect(const char* path, int flags, int descriptor) {
  const int opened = ::open(path, flags, 0600);
  if (opened < 0 || ::dup2(opened, descriptor) < 0) ::_exit(126);
}

std::string text_of(const std::string& path) {
  const std::vector<std::byte> bytes = get_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Process::Process(const std::string& program, const std::vector<std::string>& words) {
  const std::string path = binary_dir() + "/examples/" + program;
  const std::string out = output_ / "out", err = output_ / "err";
  std::vector<char*> arguments = {const_cast<char*>(path.c_str())};
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  id_ = ::fork();
  if (id_ < 0) throw std::runtime_error("fork failed");
  if (id_ > 0) return;
  redirect("/dev/null", O_RDONLY, STDIN_FILENO);
  redirect(out.c_str(), O_WRONLY | O_CREAT, STDOUT_FILENO);
  redirect(err.c_str(), O_WRONLY | O_CREAT, STDERR_FILENO);
  ::execv(path.c_str(), arguments.data());
  ::_exit(127);
}

Process::~Process() {
  if (ended_) return;
  ::kill(id_, SIGKILL);
  ::waitpid(id_, &status_, 0);
}

void Process::send(int signal) const {
  if (!ended_) ::kill(id_, signal);
}

bool Process::is_running() {
  if (!ended_) ended_ = ::waitpid(id_, &status_, WNOHANG) == id_;
  return !ended_;
}

Outcome Process::wait() {
  if (!ended_ && ::waitpid(id_, &status_, 0) != id_) throw std::runtime_error("waitpid failed");
  ended_ = true;
  const int status = WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  return {status, text_of(output_ / "out"), text_of(output_ / "err")};
}

Outcome run_program(const std::string& program, const std::vector<std::string>& words) {
  return Process(program, words).wait();
}

std::string refusal_fault(const Outcome& outcome, const std::string& program) {
  std::string fault;
  if (outcome.status != 2) fault += "exit status " + std::to_string(outcome.status) + "; ";
  if (!outcome.out.empty()) fault += "on standard output: " + outcome.out + "; ";
  const bool one_line = std::ranges::count(outcome.err, '\n') == 1 && outcome.err.ends_with('\n');
  if (!one_line || !outcome.err.starts_with(program + ": "))
    fault += "on standard error: " + outcome.err;
  return fault;
}

}  // namespace voxgrad::test
