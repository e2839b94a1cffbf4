// An event loop that sleeps on the event itself, and threads that wait beside it.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "channel_ends.h"
#include "core/channel.h"
#include "run.h"

using namespace isthmus;
using namespace isthmus::test;
using wire::Kind;

namespace {

bool is_notified(const Channel& channel) { return os::wait_event(channel.event(), -1, -1, 0) == os::Wake::kNotified; }

Status wait_for(Channel& channel, Waiter::For what, uint32_t id, int64_t deadline_ns = kForever) {
  Waiter waiter = channel.waiter(what, id);
  return channel.wait(waiter, deadline_ns);
}

void until_asleep(const ChannelPair& pair, uint64_t parks) {
  while (pair.worker->counters(Side::kWorker).parks.load() < parks) std::this_thread::yield();
}

// A loop in the worker, as asyncio's: everything that it receives counts. The selector wakes up in vain now and then.
void run_loop(Channel& worker, std::atomic<uint32_t>& received, const std::atomic<bool>& done, int64_t timeout_ns) {
  Message message;
  while (!done) {
    if (worker.park(false)) {
      (void)os::wait_event(worker.event(), -1, -1, timeout_ns);
      worker.unpark();
    }
    while (worker.receive(message) == Status::kOk) ++received;
  }
}

// Answers calls, and makes one of its own for every answer.
void answer_calls(Channel& node) {
  Message message;
  for (;;) {
    Status status = node.receive(message);
    while (status == Status::kEmpty) {
      (void)wait_for(node, Waiter::For::kInput, 0);
      status = node.receive(message);
    }
    if (status != Status::kOk || message->kind() == Kind::Log) return;
    CHECK_EQ(send(node, Kind::Call, message->id(), ""), Status::kOk);
    CHECK_EQ(send(node, Kind::Result, message->id(), ""), Status::kOk);
  }
}

}  // namespace

TEST("a loop that parks, and threads that wait for answers: both get all that is theirs") {
  for (const int64_t timeout_ns : {int64_t{-1}, int64_t{30'000}}) {
    deadline(120);
    constexpr uint32_t kThreads = 3;
    constexpr uint32_t kEach = 1'500;
    ChannelPair pair;
    std::atomic<bool> done{false};
    std::atomic<uint32_t> received{0};
    std::thread node([&] { answer_calls(*pair.node); });
    std::thread loop([&] { run_loop(*pair.worker, received, done, timeout_ns); });
    std::vector<std::thread> threads;
    for (uint32_t thread = 0; thread < kThreads; ++thread)
      threads.emplace_back([&, thread] {
        Message message;
        for (uint32_t id = 1 + thread * kEach; id < 1 + (thread + 1) * kEach; ++id) {
          pair.worker->expect(id);
          CHECK_EQ(send(*pair.worker, Kind::Call, id, ""), Status::kOk);
          while (pair.worker->receive_answer(id, message) == Status::kEmpty)
            (void)wait_for(*pair.worker, Waiter::For::kAnswer, id);
          CHECK_EQ(message->id(), id);
        }
      });
    for (std::thread& thread : threads) thread.join();
    while (received < kThreads * kEach) std::this_thread::yield();
    CHECK_EQ(send(*pair.worker, Kind::Log, 0, ""), Status::kOk);
    node.join();
    done = true;
    pair.worker->close();
    loop.join();
  }
}

TEST("a thread that listens when the loop parks leaves the event to it, and listens again after unpark") {
  ChannelPair pair;
  Message message;
  pair.worker->expect(1);
  std::thread thread([&] { CHECK_EQ(wait_for(*pair.worker, Waiter::For::kAnswer, 1), Status::kOk); });
  until_asleep(pair, 1);
  REQUIRE(pair.worker->park(false));
  CHECK_EQ(send(*pair.node, Kind::Call, 5, ""), Status::kOk);
  until_asleep(pair, 3);  // the loop, and the thread again: it has taken the call from the ring
  CHECK(is_notified(*pair.worker));
  pair.worker->unpark();
  CHECK_EQ(pair.worker->receive(message), Status::kOk);
  CHECK(!is_notified(*pair.worker));
  until_asleep(pair, 4);
  CHECK_EQ(send(*pair.node, Kind::Result, 1, ""), Status::kOk);  // the loop is busy
  thread.join();
}

TEST("a thread that waits while the loop is parked is served by the loop") {
  ChannelPair pair;
  Message message;
  pair.worker->expect(1);
  REQUIRE(pair.worker->park(false));
  std::thread thread([&] { CHECK_EQ(wait_for(*pair.worker, Waiter::For::kAnswer, 1), Status::kOk); });
  until_asleep(pair, 2);
  CHECK_EQ(send(*pair.node, Kind::Result, 1, ""), Status::kOk);
  CHECK(is_notified(*pair.worker));
  pair.worker->unpark();
  thread.join();  // unpark() has passed the listening on
  CHECK_EQ(pair.worker->receive(message), Status::kEmpty);
  CHECK_EQ(pair.worker->receive_answer(1, message), Status::kOk);
}

TEST("what runs in the parked loop's own thread may wait, whoever listened before; the loop wakes up afterwards") {
  for (const bool another_listens : {false, true}) {
    ChannelPair pair;
    Message message;
    for (const uint32_t id : {1u, 2u}) pair.worker->expect(id);
    std::thread other;
    if (another_listens) {
      other = std::thread([&] { CHECK_EQ(wait_for(*pair.worker, Waiter::For::kAnswer, 2), Status::kOk); });
      until_asleep(pair, 1);
    }
    REQUIRE(pair.worker->park(false));
    const uint64_t asleep = pair.worker->counters(Side::kWorker).parks.load();
    std::thread sender([&] {
      until_asleep(pair, asleep + 1);
      CHECK_EQ(send(*pair.node, Kind::Call, 3, ""), Status::kOk);
      CHECK_EQ(send(*pair.node, Kind::Result, 1, ""), Status::kOk);
    });
    CHECK_EQ(wait_for(*pair.worker, Waiter::For::kAnswer, 1), Status::kOk);
    sender.join();
    CHECK(is_notified(*pair.worker));
    CHECK_EQ(send(*pair.node, Kind::Result, 2, ""), Status::kOk);
    pair.worker->unpark();
    if (another_listens) other.join();
    CHECK_EQ(pair.worker->receive(message), Status::kOk);
    CHECK_EQ(message->id(), 3u);
  }
}

// The queue and the answers are full, so that the loop parks beside a call in the ring. Then the call is taken by another
// thread: by one whose answer leaves the table, or by one that waits for an answer, to which the limit does not apply.
TEST("a parked loop is told of input that it could not take, and that another thread takes") {
  constexpr uint32_t kAnswers = 64;  // of 4 MiB and a little: just above the limit
  constexpr uint32_t kMiB = 1 << 20;
  for (const bool by_waiting : {false, true}) {
    ChannelPair pair;
    Message message;
    for (uint32_t id = 1; id <= kAnswers; ++id) {
      pair.worker->expect(id);
      REQUIRE_EQ(send(*pair.node, Kind::Result, id, std::string(4 * kMiB, 'x')), Status::kOk);
      REQUIRE_EQ(pair.worker->drain(), Status::kOk);
      pair.worker->flush_returns();
      REQUIRE_EQ(pair.node->drain(), Status::kOk);
    }
    CHECK_EQ(send(*pair.node, Kind::Call, 5, ""), Status::kOk);
    CHECK_EQ(pair.worker->receive(message), Status::kEmpty);
    REQUIRE(pair.worker->park(false));
    CHECK(!is_notified(*pair.worker));
    std::thread other([&] {
      pair.worker->expect(kAnswers + 1);
      if (by_waiting)
        CHECK_EQ(wait_for(*pair.worker, Waiter::For::kAnswer, kAnswers + 1, 0), Status::kTimeout);
      else
        CHECK_EQ(pair.worker->receive_answer(1, message), Status::kOk);
    });
    other.join();
    CHECK(is_notified(*pair.worker));
    pair.worker->unpark();
    CHECK_EQ(pair.worker->receive(message), Status::kOk);
    CHECK_EQ(message->id(), 5u);
  }
}

TEST("poll finds input within the budget, and gives up when the budget is over") {
  ChannelPair pair;
  CHECK(!pair.worker->poll(kForever));  // no budget
  pair.worker->set_spin_ns(static_cast<uint64_t>(10 * kSecond));
  CHECK(!pair.worker->poll(0));
  CHECK_EQ(send(*pair.worker, Kind::Log, 0, ""), Status::kOk);  // the budget counts from the last activity
  pair.worker->expect(1);
  CHECK_EQ(send(*pair.node, Kind::Result, 1, ""), Status::kOk);
  CHECK(!pair.worker->poll(os::now_ns() + 1'000'000));  // which is not for receive(); one miss does not end polling
  std::thread sender([&] { CHECK_EQ(send(*pair.node, Kind::Call, 1, ""), Status::kOk); });
  CHECK(pair.worker->poll(kForever));
  sender.join();
  CHECK(pair.worker->poll(0));
}

TEST(
    "room that a parked loop was notified of reaches the thread that waits for it, though the loop parks again at "
    "once") {
  deadline(60);
  for (int round = 0; round < 200; ++round) {
    Options options = small_options();
    options.ring_bytes = 4096;
    ChannelPair pair(options);
    const std::string text(500, 'x');
    while (send(*pair.worker, Kind::Item, 9, text) == Status::kOk) {
    }
    const uint64_t parks = pair.worker->counters(Side::kWorker).parks.load();
    pair.worker->expect(1);
    std::thread for_answer([&] {
      Message message;
      while (pair.worker->receive_answer(1, message) == Status::kEmpty)
        (void)wait_for(*pair.worker, Waiter::For::kAnswer, 1);
    });
    until_asleep(pair, parks + 1);
    std::thread for_room([&] {
      while (send(*pair.worker, Kind::Item, 9, text) == Status::kFull)
        (void)wait_for(*pair.worker, Waiter::For::kRoom, 0);
    });
    until_asleep(pair, parks + 2);
    CHECK(pair.worker->park(false));
    Message message;
    while (pair.node->receive(message) == Status::kOk) {
    }
    (void)os::wait_event(pair.worker->event(), -1, -1, 1'000'000'000);
    pair.worker->unpark();
    (void)pair.worker->park(false);
    for_room.join();
    CHECK_EQ(send(*pair.node, Kind::Result, 1, ""), Status::kOk);
    (void)os::wait_event(pair.worker->event(), -1, -1, 1'000'000'000);
    pair.worker->unpark();
    for_answer.join();
  }
}
