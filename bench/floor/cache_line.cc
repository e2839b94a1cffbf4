// The floor of the machine: two processes spin on one cache line, and one round trip is timed.
// Usage: cache_line <seconds>. Prints one round trip in ns per line.

#include <atomic>
#include <cstdint>
#include <cstdlib>

#include "mailbox.h"
#include "round_trips.h"

namespace {

constexpr size_t kWarmTrips = 10'000;
constexpr uint64_t kEnd = ~uint64_t{0};

// Odd: a request. Even: its answer.
struct alignas(64) Line {
  std::atomic<uint64_t> value;
};

void answer(Line& line) {
  for (uint64_t seen = 0; seen != kEnd;) {
    seen = line.value.load(std::memory_order_acquire);
    if (seen % 2 == 1 && seen != kEnd)
      line.value.store(seen + 1, std::memory_order_release);
    else
      floor_bench::pause();
  }
}

void round_trip(Line& line, uint64_t trip) {
  line.value.store(2 * trip + 1, std::memory_order_release);
  while (line.value.load(std::memory_order_acquire) != 2 * trip + 2) floor_bench::pause();
}

void end(Line& line) { line.value.store(kEnd, std::memory_order_release); }

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 0.5;
  return floor_bench::time_round_trips<Line>(seconds, kWarmTrips, answer, round_trip, end);
}
