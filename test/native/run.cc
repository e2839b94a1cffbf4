// native_test [--list] [--here] [--yields] [--every-point] [words]: runs the tests whose file or name contains one of the
// words.
// --here runs them in this process, for a debugger.
// --yields delays threads at the sync points in all tests, not only in those that ask for it (yields.h).
// --every-point fails where a sync point was not visited.
#include "run.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "yields.h"

namespace isthmus::test {
namespace {

struct Test {
  const char* name;
  const char* file;
  Body body;
};

// A function's static: registrations run before main, in no known order.
std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

constexpr unsigned kDeadlineSeconds = 60;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr unsigned kPatience = 5;  // under a sanitizer, everything takes longer
#else
constexpr unsigned kPatience = 1;
#endif
const char* running = "";
std::atomic<int> failures{0};

void on_deadline(int) {
  constexpr char kText[] = "    the watchdog ended it: ";
  [[maybe_unused]] ssize_t written = write(2, kText, sizeof kText - 1);
  written = write(2, running, strlen(running));
  written = write(2, "\n", 1);
  abort();
}

int run_here(const Test& test) {
  running = test.name;
  failures = 0;
  signal(SIGALRM, on_deadline);
  deadline(kDeadlineSeconds);
  yields::next_round();
  test.body();
  alarm(0);
  return failures == 0 ? 0 : 1;
}

bool run_apart(const Test& test) {
  fflush(nullptr);
  const pid_t child = fork();
  // exit, not _exit: the leak checker runs at exit.
  if (child == 0) exit(run_here(test));
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return false;
  if (WIFSIGNALED(status)) printf("    ended by signal %d\n", WTERMSIG(status));
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool selected(const Test& test, const std::vector<const char*>& words) {
  if (words.empty()) return true;
  for (const char* word : words) {
    if (strstr(test.name, word) || strstr(test.file, word)) return true;
  }
  return false;
}

// How often threads came by; false if one point was never visited.
bool tell_visits(bool every_point) {
  uint64_t visits = 0;
  uint32_t visited = 0;
  uint32_t rarest = 0;
  for (uint32_t point = 0; point < yields::kPoints; ++point) {
    visits += yields::visits(point);
    visited += yields::visits(point) != 0 ? 1 : 0;
    if (yields::visits(point) < yields::visits(rarest)) rarest = point;
    if (every_point && yields::visits(point) == 0)
      printf("       not visited: %s: %s\n", yields::name(point), yields::between(point));
  }
  printf("yields: seed %llu, %llu visits of %u of %u sync points, the fewest %llu (%s)\n",
         static_cast<unsigned long long>(yields::seed()), static_cast<unsigned long long>(visits), visited,
         yields::kPoints, static_cast<unsigned long long>(yields::visits(rarest)), yields::name(rarest));
  return visited == yields::kPoints;
}

}  // namespace

Registration::Registration(const char* name, const char* file, Body body) {
  const char* base = strrchr(file, '/');
  tests().push_back({name, base ? base + 1 : file, body});
}

void fail(const char* file, int line, const char* expression, const std::string& detail) {
  ++failures;
  printf("    %s:%d: %s%s%s\n", file, line, expression, detail.empty() ? "" : ": ", detail.c_str());
  fflush(stdout);
}

bool has_failed() { return failures.load(std::memory_order_relaxed) != 0; }

void deadline(unsigned seconds) { alarm(seconds * kPatience); }

}  // namespace isthmus::test

int main(int count, char** arguments) {
  using namespace isthmus::test;
  bool list = false;
  bool here = false;
  bool every_point = false;
  yields::begin();
  std::vector<const char*> words;
  for (int i = 1; i < count; ++i) {
    if (strcmp(arguments[i], "--list") == 0) {
      list = true;
    } else if (strcmp(arguments[i], "--here") == 0) {
      here = true;
    } else if (strcmp(arguments[i], "--yields") == 0) {
      yields::set_on(true);
    } else if (strcmp(arguments[i], "--every-point") == 0) {
      every_point = true;
    } else {
      words.push_back(arguments[i]);
    }
  }
  int passed = 0;
  int failed = 0;
  for (const Test& test : tests()) {
    if (!selected(test, words)) continue;
    if (list) {
      printf("%s: %s\n", test.file, test.name);
      continue;
    }
    const bool ok = here ? run_here(test) == 0 : run_apart(test);
    ok ? ++passed : ++failed;
    printf("%s %s: %s\n", ok ? "ok    " : "FAILED", test.file, test.name);
    if (!ok && yields::visited()) printf("       ISTHMUS_SEED=%llu\n", static_cast<unsigned long long>(yields::seed()));
  }
  const bool all_visited = !yields::visited() || tell_visits(every_point);
  if (every_point) {
    const bool ok = yields::visited() && all_visited;
    ok ? ++passed : ++failed;
    printf("%s every sync point was visited\n", ok ? "ok    " : "FAILED");
  }
  if (!list) printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
