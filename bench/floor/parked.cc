// The floor of whoever sleeps: two processes on two cores wait in the kernel for a word of shared memory to change, and
// one round trip is timed. Each waits as soon as it has nothing to do.
// Usage: parked <seconds>. Prints one round trip in ns per line.

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>

#include "round_trips.h"

namespace {

constexpr size_t kWarmTrips = 200;
constexpr uint32_t kEnd = ~uint32_t{0};

// Odd: a request. Even: its answer.
struct alignas(64) Word {
  std::atomic<uint32_t> value;
};

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

void answer(Word& word) {
  for (uint32_t answered = 0;;) {
    const uint32_t request = wait_while(word, answered);
    if (request == kEnd) return;
    answered = request + 1;
    publish(word, answered);
  }
}

void round_trip(Word& word, uint32_t trip) {
  publish(word, 2 * trip + 1);
  wait_while(word, 2 * trip + 1);
}

void end(Word& word) { publish(word, kEnd); }

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 0.5;
  return floor_bench::time_round_trips<Word>(seconds, kWarmTrips, answer, round_trip, end);
}
