// The floor of whoever sleeps: two processes on two cores wait in the kernel for a word of shared memory to change, and
// one round trip is timed. Each waits as soon as it has nothing to do.
// Usage: parked <seconds>. Prints one round trip in ns per line.

#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

namespace {

constexpr size_t kMaxTrips = 500'000;
constexpr size_t kWarmTrips = 200;
constexpr uint32_t kEnd = ~uint32_t{0};

// Odd: a request. Even: its answer.
struct alignas(64) Word {
  std::atomic<uint32_t> value;
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

void publish(Word& word, uint32_t value) {
  word.value.store(value, std::memory_order_release);
  syscall(SYS_futex, &word.value, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

// Returns the value that replaced `old`.
uint32_t wait_while(Word& word, uint32_t old) {
  for (;;) {
    const uint32_t seen = word.value.load(std::memory_order_acquire);
    if (seen != old) return seen;
    syscall(SYS_futex, &word.value, FUTEX_WAIT, old, nullptr, nullptr, 0);
  }
}

[[noreturn]] void answer(Word& word) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pin(1);
  for (uint32_t answered = 0;;) {
    const uint32_t request = wait_while(word, answered);
    if (request == kEnd) _exit(0);
    answered = request + 1;
    publish(word, answered);
  }
}

void round_trip(Word& word, uint32_t trip) {
  publish(word, 2 * trip + 1);
  wait_while(word, 2 * trip + 1);
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 0.5;
  void* page = mmap(nullptr, sizeof(Word), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return 1;
  auto& word = *new (page) Word{};

  const pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) answer(word);
  pin(0);

  std::vector<int64_t> samples;
  samples.reserve(kMaxTrips);
  uint32_t trip = 0;
  while (trip < kWarmTrips) round_trip(word, trip++);
  const int64_t end = now_ns() + static_cast<int64_t>(seconds * 1e9);
  for (int64_t start = now_ns(); start < end && samples.size() < kMaxTrips;) {
    round_trip(word, trip++);
    const int64_t stop = now_ns();
    samples.push_back(stop - start);
    start = stop;
  }
  publish(word, kEnd);
  waitpid(child, nullptr, 0);
  for (const int64_t sample : samples) std::printf("%lld\n", static_cast<long long>(sample));
}
