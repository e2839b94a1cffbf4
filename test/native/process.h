// Another real process in a test: runs a body in a fork, and tells how it ended.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

// Only in a build that measures coverage (scripts/verify/coverage.mjs): writes down what this process has reached.
extern "C" __attribute__((weak)) int __llvm_profile_write_file();

namespace isthmus::test {

class Process {
 public:
  // The body's result is the exit code. Nothing of the parent's is destroyed in the child.
  template <typename Body>
  explicit Process(Body body) : id_(fork()) {
    if (id_ != 0) return;
    const int code = body();
    if (__llvm_profile_write_file != nullptr) __llvm_profile_write_file();
    _exit(code);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (id_ > 0 && !ended_) {
      kill();
      wait();
    }
  }

  [[nodiscard]] pid_t id() const { return id_; }
  void kill() const { ::kill(id_, SIGKILL); }
  // Exit code, or the negated signal that ended it.
  int wait() {
    int status = 0;
    while (waitpid(id_, &status, 0) < 0) {
    }
    ended_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t id_;
  bool ended_ = false;
};

}  // namespace isthmus::test
