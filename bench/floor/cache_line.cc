// The floor of the machine: two processes spin on one cache line, and one round trip is timed.
// Usage: cache_line <seconds>. Prints one round trip in ns per line.

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

#include "mailbox.h"

namespace {

constexpr size_t kMaxTrips = 500'000;
constexpr size_t kWarmTrips = 10'000;
constexpr uint64_t kEnd = ~uint64_t{0};

// Odd: a request. Even: its answer.
struct alignas(64) Line {
  std::atomic<uint64_t> value;
};

int64_t now_ns() { return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds{1}; }

// Keeps the calling process on the nth CPU that it may use, if there are that many.
void pin(int nth) {
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

[[noreturn]] void answer(Line& line) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pin(1);
  for (uint64_t seen = 0; seen != kEnd;) {
    seen = line.value.load(std::memory_order_acquire);
    if (seen % 2 == 1 && seen != kEnd)
      line.value.store(seen + 1, std::memory_order_release);
    else
      floor_bench::pause();
  }
  _exit(0);
}

void round_trip(Line& line, uint64_t trip) {
  line.value.store(2 * trip + 1, std::memory_order_release);
  while (line.value.load(std::memory_order_acquire) != 2 * trip + 2) floor_bench::pause();
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 0.5;
  void* page = mmap(nullptr, sizeof(Line), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return 1;
  auto& line = *new (page) Line{};

  const pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) answer(line);
  pin(0);

  std::vector<int64_t> samples;
  samples.reserve(kMaxTrips);
  uint64_t trip = 0;
  while (trip < kWarmTrips) round_trip(line, trip++);
  const int64_t end = now_ns() + static_cast<int64_t>(seconds * 1e9);
  for (int64_t start = now_ns(); start < end && samples.size() < kMaxTrips;) {
    round_trip(line, trip++);
    const int64_t stop = now_ns();
    samples.push_back(stop - start);
    start = stop;
  }
  line.value.store(kEnd, std::memory_order_release);
  waitpid(child, nullptr, 0);
  for (const int64_t sample : samples) std::printf("%lld\n", static_cast<long long>(sample));
}
