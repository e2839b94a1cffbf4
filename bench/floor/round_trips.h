// What the floors of two processes share: each on a core of its own, a page that both see, and the timing of round trips.
#pragma once

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

namespace floor_bench {

constexpr size_t kMaxTrips = 500'000;

inline int64_t now_ns() { return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds{1}; }

// Keeps the calling process on the nth CPU that it may use, if there are that many.
inline void pin(int nth) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || nth-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

// Forks a process in which `answer(shared)` runs until `end(shared)`, and prints how long each `round_trip(shared, n)`
// took, in ns, a line each. Gives the exit code.
template <class Shared, class Answer, class RoundTrip, class End>
int time_round_trips(double seconds, size_t warm_trips, Answer answer, RoundTrip round_trip, End end) {
  void* page = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return 1;
  auto& shared = *new (page) Shared{};

  const pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(1);
    answer(shared);
    _exit(0);
  }
  pin(0);

  std::vector<int64_t> samples;
  samples.reserve(kMaxTrips);
  size_t trip = 0;
  while (trip < warm_trips) round_trip(shared, trip++);
  const int64_t last = now_ns() + static_cast<int64_t>(seconds * 1e9);
  for (int64_t start = now_ns(); start < last && samples.size() < kMaxTrips;) {
    round_trip(shared, trip++);
    const int64_t stop = now_ns();
    samples.push_back(stop - start);
    start = stop;
  }
  end(shared);
  waitpid(child, nullptr, 0);
  for (const int64_t sample : samples) std::printf("%lld\n", static_cast<long long>(sample));
  return 0;
}

}  // namespace floor_bench
