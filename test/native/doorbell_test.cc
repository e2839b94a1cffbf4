// The doorbell: nobody is notified who is awake, and nobody sleeps through a record.
#include "core/doorbell.h"

#include <memory>
#include <thread>

#include "core/segment.h"
#include "events.h"
#include "process.h"
#include "run.h"

using namespace isthmus;
using isthmus::test::Events;
using isthmus::test::Process;

namespace {

struct Pair {
  Pair() : states(std::make_unique<SideState[]>(2)) {
    node = Doorbell(states[0], states[1], events.of(0));
    worker = Doorbell(states[1], states[0], events.of(1));
  }
  std::unique_ptr<SideState[]> states;
  Events events;
  Doorbell node;
  Doorbell worker;
};

bool is_notified(const Doorbell& doorbell) {
  return os::wait_event(doorbell.event(), -1, -1, 0) == os::Wake::kNotified;
}

// A ball: a word that one side makes odd and the other even. Every move is published, then the other is notified.
struct Table {
  alignas(64) std::atomic<uint64_t> ball;
  SideState states[2];
};

// Plays until the ball is at `last`, always sleeping without polling. Returns how often it slept.
uint64_t play(Table& table, Doorbell& own, uint64_t parity, uint64_t last) {
  uint64_t slept = 0;
  for (;;) {
    uint64_t ball = table.ball.load(std::memory_order_acquire);
    while (ball < last && ball % 2 != parity) {
      own.announce(kAwaitsRecords);
      ball = table.ball.load(std::memory_order_acquire);
      if (ball < last && ball % 2 != parity) {
        os::wait_event(own.event(), -1, -1, -1);
        ++slept;
      }
      own.withdraw();
      own.clear();
      ball = table.ball.load(std::memory_order_acquire);
    }
    if (ball >= last) return slept;
    table.ball.store(ball + 1, std::memory_order_release);
    own.notify(kAwaitsRecords);
  }
}

}  // namespace

TEST("a side that is awake is not notified") {
  Pair pair;
  CHECK(!pair.node.notify(kAwaitsRecords));
  CHECK(!is_notified(pair.worker));
  pair.worker.announce(kAwaitsRecords);
  pair.worker.withdraw();
  CHECK(!pair.node.notify(kAwaitsRecords));
  CHECK(!is_notified(pair.worker));
}

TEST("a side that has announced is notified once") {
  Pair pair;
  pair.worker.announce(kAwaitsRecords);
  CHECK(pair.node.notify(kAwaitsRecords));
  CHECK(!pair.node.notify(kAwaitsRecords));
  CHECK(is_notified(pair.worker));
  CHECK(!is_notified(pair.node));
  pair.worker.clear();
  CHECK(!is_notified(pair.worker));
}

TEST("a side is notified only of what it awaits, and announcing more keeps the rest") {
  Pair pair;
  pair.worker.announce(kAwaitsRecords);
  CHECK(!pair.node.notify(kAwaitsSpace));
  pair.worker.announce(kAwaitsSpace);
  CHECK(pair.node.notify(kAwaitsRecords));
  pair.worker.announce(kAwaitsRecords | kAwaitsSpace);
  CHECK(pair.node.notify(kAwaitsSpace));
}

TEST("a notification that comes before the wait is kept") {
  Pair pair;
  pair.worker.announce(kAwaitsRecords);
  CHECK(pair.node.notify(kAwaitsRecords));
  CHECK_EQ(os::wait_event(pair.worker.event(), -1, -1, -1), os::Wake::kNotified);
}

TEST("announcing and publishing at the same moment: one of the two sides sees the other") {
  Pair pair;
  std::atomic<uint64_t> record{0};
  std::atomic<uint64_t> arrived{0};
  constexpr uint64_t kRounds = 150'000;
  const auto meet = [&](uint64_t round) {
    arrived.fetch_add(1);
    for (int look = 0; arrived.load() < 2 * round; ++look)
      if (look > 5'000) std::this_thread::yield();
  };
  const auto linger = [](uint64_t steps) {  // so that every order of the two comes about
    for (volatile uint64_t step = 0; step < steps;) step = step + 1;
  };
  uint64_t slept_through = 0;
  bool notified = false;
  std::thread publisher([&] {
    for (uint64_t round = 1; round <= kRounds; ++round) {
      meet(3 * round - 2);
      linger(round % 61);
      record.store(round, std::memory_order_release);
      notified = pair.node.notify(kAwaitsRecords);
      meet(3 * round - 1);
      meet(3 * round);
    }
  });
  for (uint64_t round = 1; round <= kRounds; ++round) {
    meet(3 * round - 2);
    linger(round % 53);
    pair.worker.announce(kAwaitsRecords);
    const bool seen = record.load(std::memory_order_acquire) == round;
    meet(3 * round - 1);
    if (!seen && !notified) ++slept_through;
    pair.worker.withdraw();
    pair.worker.clear();
    meet(3 * round);
  }
  publisher.join();
  CHECK_EQ(slept_through, 0u);
}

TEST("two threads that never poll: no wake-up is lost in 40,000 moves") {
  auto table = std::make_unique<Table>();
  const Events events;
  constexpr uint64_t kMoves = 40'000;
  std::thread other([&] {
    Doorbell worker(table->states[1], table->states[0], events.of(1));
    play(*table, worker, 1, kMoves);
  });
  Doorbell node(table->states[0], table->states[1], events.of(0));
  play(*table, node, 0, kMoves);
  other.join();
  CHECK_EQ(table->ball.load(), kMoves);
}

TEST("two processes that never poll: no wake-up is lost in 100,000 round trips") {
  isthmus::test::deadline(120);
  Segment segment;
  REQUIRE_EQ(Segment::create("doorbell-test", 4096, segment), Status::kOk);
  auto* table = reinterpret_cast<Table*>(segment.data());
  const Events events;
  constexpr uint64_t kMoves = 200'000;
  Process other([&] {
    Doorbell worker(table->states[1], table->states[0], events.of(1));
    play(*table, worker, 1, kMoves);
    return 0;
  });
  Doorbell node(table->states[0], table->states[1], events.of(0));
  CHECK(play(*table, node, 0, kMoves) > 0);
  CHECK_EQ(other.wait(), 0);
  CHECK_EQ(table->ball.load(), kMoves);
}
