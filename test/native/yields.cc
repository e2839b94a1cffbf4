#include "yields.h"

#include <sched.h>
#include <sys/mman.h>
#include <time.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "random.h"

namespace isthmus::test::yields {

namespace {

constexpr uint64_t kSleepPerRoundNs = 500'000'000;  // of all threads of a process together
constexpr uint32_t kVisitsAtOnce = 64;              // counted together

struct Visits {
  std::atomic<uint64_t> of[kPoints];
};

Visits* shared = nullptr;
uint64_t base_seed = 0;
std::atomic<bool> on{false};
std::atomic<uint64_t> round_number{0};
std::atomic<uint64_t> threads{0};
std::atomic<uint64_t> slept_ns{0};

// What one thread has counted and not yet told.
class Counted {
 public:
  ~Counted() { tell(); }
  void add(uint32_t point) noexcept {
    ++visits_[point];
    if (++count_ == kVisitsAtOnce) tell();
  }

 private:
  void tell() noexcept {
    for (uint32_t point = 0; point < kPoints; ++point) {
      if (visits_[point] != 0) shared->of[point].fetch_add(visits_[point], std::memory_order_relaxed);
      visits_[point] = 0;
    }
    count_ = 0;
  }
  uint32_t visits_[kPoints] = {};
  uint32_t count_ = 0;
};

thread_local Counted counted;

// Chosen anew in each round.
struct Choice {
  uint64_t round = UINT64_MAX;
  uint64_t thread = UINT64_MAX;
  uint32_t slow_point = 0;
  Random random{0};
};

thread_local Choice choice;

void sleep_ns(uint64_t ns) noexcept {
  if (slept_ns.fetch_add(ns, std::memory_order_relaxed) > kSleepPerRoundNs) return;
  const timespec time{0, static_cast<long>(ns)};
  nanosleep(&time, nullptr);
}

void spin(uint64_t turns) noexcept {
  for (volatile uint64_t turn = 0; turn < turns;) turn = turn + 1;
}

}  // namespace

void begin() noexcept {
  void* memory = mmap(nullptr, sizeof(Visits), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) abort();
  shared = new (memory) Visits{};
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const char* given = getenv("ISTHMUS_SEED");
  base_seed = given != nullptr && *given != '\0' ? strtoull(given, nullptr, 10)
                                                 : static_cast<uint64_t>(now.tv_sec * 1000 + now.tv_nsec / 1'000'000);
}

uint64_t seed() noexcept { return base_seed; }

void set_on(bool wanted) noexcept { on.store(wanted, std::memory_order_relaxed); }

void next_round() noexcept {
  round_number.fetch_add(1, std::memory_order_relaxed);
  slept_ns.store(0, std::memory_order_relaxed);
}

const char* name(uint32_t point) noexcept {
  static constexpr const char* kNames[] = {
#define ISTHMUS_SYNC_NAME(point, name, between) name,
      ISTHMUS_SYNC_POINTS(ISTHMUS_SYNC_NAME)
#undef ISTHMUS_SYNC_NAME
  };
  return kNames[point];
}

const char* between(uint32_t point) noexcept {
  static constexpr const char* kBetween[] = {
#define ISTHMUS_SYNC_BETWEEN(point, name, between) between,
      ISTHMUS_SYNC_POINTS(ISTHMUS_SYNC_BETWEEN)
#undef ISTHMUS_SYNC_BETWEEN
  };
  return kBetween[point];
}

bool visited() noexcept {
  uint64_t sum = 0;
  for (uint32_t point = 0; point < kPoints; ++point) sum += visits(point);
  return sum != 0;
}

uint64_t visits(uint32_t point) noexcept { return shared->of[point].load(std::memory_order_relaxed); }

}  // namespace isthmus::test::yields

void isthmus::sync_point(Sync point) noexcept {
  using namespace isthmus::test;
  using namespace isthmus::test::yields;
  if (!on.load(std::memory_order_relaxed)) return;
  counted.add(static_cast<uint32_t>(point));
  const uint64_t round = round_number.load(std::memory_order_relaxed);
  if (choice.thread == UINT64_MAX) choice.thread = threads.fetch_add(1, std::memory_order_relaxed);
  if (choice.round != round) {
    choice.round = round;
    choice.slow_point = static_cast<uint32_t>(Random(base_seed ^ round * 0x9e37'79b9u).below(kPoints));
    choice.random = Random(base_seed + round * 0x1'0001 + choice.thread);
  }
  const bool slow = choice.slow_point == static_cast<uint32_t>(point);
  const uint64_t die = choice.random.below(slow ? 8 : 128);
  if (slow && die == 0) return sleep_ns(2'000'000);
  if (slow && die < 5) return sleep_ns(choice.random.below(200'000));
  if (die < 2) return sleep_ns(choice.random.below(200'000));
  if (die < 8) return static_cast<void>(sched_yield());
  if (die < 16) spin(choice.random.below(2'000));
}
