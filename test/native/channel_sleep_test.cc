// Sleeping on a channel: nobody sleeps through a message, through room, or through the end.
#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "channel_ends.h"
#include "conversation.h"
#include "core/channel.h"
#include "run.h"

using namespace isthmus;
using namespace isthmus::test;
using wire::Kind;

namespace {

constexpr uint64_t kMiB = 1 << 20;

// Answers calls until the one with id 0.
int echo(Channel& worker) {
  Message message;
  for (;;) {
    if (next(worker, message) != Status::kOk) return 1;
    if (message->id() == 0) return 0;
    if (send_all(worker, Kind::Result, message->id(), payload_of(message)) != Status::kOk) return 2;
  }
}

bool is_notified(const Channel& channel) { return os::wait_event(channel.event(), -1, -1, 0) == os::Wake::kNotified; }

// Node borrows that many small blocks of the worker's, which keeps no reference of its own.
std::vector<Slot> borrow(ChannelPair& pair, size_t count) {
  std::vector<Slot> borrowed;
  Message message;
  while (borrowed.size() < count) {
    Slot slot = kNoSlot;
    CHECK_EQ(pair.worker->allocate(64, false, slot), Status::kOk);
    CHECK_EQ(send(*pair.worker, Kind::Result, 1, "", {whole(slot, 64)}), Status::kOk);
    pair.worker->ledger().release(slot);
    CHECK_EQ(pair.node->receive(message), Status::kOk);
    borrowed.push_back(slot_of(message));
    message.disown();
  }
  return borrowed;
}

}  // namespace

TEST("waiting ends with a message, with the deadline, and at once when something is there") {
  ChannelPair pair;
  CHECK_EQ(pair.worker->wait(os::now_ns() + 1'000'000, false), Status::kTimeout);
  CHECK_EQ(pair.worker->wait(0, false), Status::kTimeout);  // long past
  CHECK_EQ(send(*pair.node, Kind::Call, 1, ""), Status::kOk);
  CHECK_EQ(pair.worker->wait(kForever, false), Status::kOk);
  CHECK_EQ(pair.worker->drain(), Status::kOk);
  CHECK_EQ(pair.worker->wait(kForever, false), Status::kOk);  // in the private queue
  CHECK_EQ(pair.worker->wait(os::now_ns() + 1'000'000, true),
           Status::kTimeout);  // which is no room, and none was refused
}

TEST("an event loop parks only when there is nothing to do, and is notified when there is") {
  ChannelPair pair;
  CHECK(pair.node->park(false));
  CHECK(!is_notified(*pair.node));
  CHECK_EQ(send(*pair.worker, Kind::Result, 1, ""), Status::kOk);
  CHECK(is_notified(*pair.node));
  pair.node->unpark();
  CHECK(!is_notified(*pair.node));
  CHECK(!pair.node->park(false));
  CHECK_EQ(send(*pair.worker, Kind::Result, 2, ""), Status::kOk);
  CHECK(!is_notified(*pair.node));  // awake: nobody wrote to the event
  CHECK_EQ(pair.worker->counters(Side::kWorker).notifications.load(), 1u);
}

TEST("room that came between the refusal and the sleep is seen, though returns were flushed in between") {
  Options options = small_options();
  options.ring_bytes = kMinRingBytes;
  ChannelPair pair(options);
  std::vector<Slot> borrowed = borrow(pair, 30);
  CHECK_EQ(pair.worker->drain(), Status::kOk);
  while (send(*pair.node, Kind::Call, 1, std::string(100, 'x')) == Status::kOk) {
  }
  for (; !pair.node->ledger().owes(0); borrowed.pop_back()) {  // until not even a return has room
    REQUIRE(!borrowed.empty());
    pair.node->ledger().release(borrowed.back());
    pair.node->flush_returns();
  }
  CHECK_EQ(send(*pair.node, Kind::Call, 1, ""), Status::kFull);
  CHECK_EQ(pair.worker->drain(), Status::kOk);
  CHECK_EQ(pair.node->wait(os::now_ns() + 10 * kSecond, true), Status::kOk);  // flushes, and so looks at the ring
  CHECK(!pair.node->ledger().owes(0));
}

TEST("a ring full of returns wakes the parked side that must take them, when a call or a return is refused") {
  Options options = small_options();
  options.ring_bytes = kMinRingBytes;
  for (const bool call_is_refused : {true, false}) {
    ChannelPair pair(options);
    const std::vector<Slot> borrowed = borrow(pair, 200);
    CHECK_EQ(pair.worker->drain(), Status::kOk);
    CHECK(pair.worker->park(false));
    for (size_t at = 0; at < (call_is_refused ? 50 : borrowed.size()); ++at) {  // one record each
      pair.node->ledger().release(borrowed[at]);
      pair.node->flush_returns();
    }
    CHECK_EQ(is_notified(*pair.worker), !call_is_refused);
    CHECK_EQ(send(*pair.node, Kind::Call, 1, std::string(400, 'x')), Status::kFull);
    CHECK(is_notified(*pair.worker));
    pair.worker->unpark();
    for (int round = 0; round < 3 && send(*pair.node, Kind::Call, 1, "") == Status::kFull; ++round)
      CHECK_EQ(pair.worker->drain(), Status::kOk);  // the rest of the returns goes first
    Message message;
    CHECK_EQ(pair.worker->receive(message), Status::kOk);
  }
}

TEST("what is owed and found no room goes out as soon as there is some, though its sender sleeps") {
  for (const bool in_a_loop : {false, true}) {
    Options options = small_options();
    options.ring_bytes = kMinRingBytes;
    ChannelPair pair(options);
    for (uint32_t id = 1; id <= 20; ++id) REQUIRE_EQ(send(*pair.node, Kind::Call, id, ""), Status::kOk);
    REQUIRE_EQ(pair.worker->drain(), Status::kOk);
    uint32_t items = 0;
    while (send(*pair.worker, Kind::Item, 9, std::string(500, 'x')) == Status::kOk) ++items;
    while (send(*pair.worker, Kind::Item, 9, "") == Status::kOk) ++items;
    for (uint32_t id = 1; id <= 20; ++id) REQUIRE_EQ(send(*pair.node, Kind::Cancel, id, ""), Status::kOk);
    std::atomic<bool> stopped{false};
    std::thread worker([&] {
      while (!stopped) {
        if (!in_a_loop) {
          (void)pair.worker->wait(kForever, false);
        } else if (pair.worker->park(false)) {
          (void)os::wait_event(pair.worker->event(), -1, -1, kForever);
          pair.worker->unpark();
        } else {
          CHECK_EQ(pair.worker->drain(), Status::kOk);
        }
      }
    });
    while (pair.worker->counters(Side::kWorker).parks.load() == 0) std::this_thread::yield();
    Message message;
    for (uint32_t at = 0; at < items + 20; ++at) REQUIRE_EQ(next(*pair.node, message), Status::kOk);
    stopped = true;
    pair.worker->close();
    worker.join();
  }
}

TEST("returns alone do not wake a parked side, until they are worth it") {
  ChannelPair pair;
  Message message;
  for (const uint64_t bytes : {kMiB, 64 * kMiB}) {
    Slot slot = kNoSlot;
    REQUIRE_EQ(pair.worker->ledger().allocate(bytes - 4096, false, slot), Status::kOk);
    REQUIRE_EQ(send(*pair.worker, Kind::Result, 1, "", {whole(slot, 4096)}), Status::kOk);
    pair.worker->ledger().release(slot);
    REQUIRE_EQ(pair.node->receive(message), Status::kOk);
    CHECK(pair.worker->park(false));
    message.drop();
    pair.node->flush_returns();
    CHECK_EQ(is_notified(*pair.worker), bytes != kMiB);
    pair.worker->unpark();
    CHECK_EQ(pair.worker->drain(), Status::kOk);
    pair.worker->ledger().trim();
  }
}

TEST("two processes that never poll: 30,000 calls, one after another, are all answered") {
  WorkerProcess worker(small_options(), echo);
  Message message;
  for (uint32_t id = 1; id <= 30'000; ++id) {
    REQUIRE_EQ(send(*worker.node, Kind::Call, id, "payload"), Status::kOk);
    REQUIRE_EQ(next(*worker.node, message), Status::kOk);
    REQUIRE_EQ(message->id(), id);
  }
  CHECK(worker.node->counters(Side::kNode).parks.load() > 0);
  CHECK_EQ(send(*worker.node, Kind::Call, 0, ""), Status::kOk);
  CHECK_EQ(worker.process.wait(), 0);
}

TEST("two processes, one polling, one not: answers that come just when Node goes to sleep are all seen") {
  for (const uint64_t node_spin_ns : {uint64_t{0}, uint64_t{1'000}}) {
    WorkerProcess worker(small_options(), [](Channel& channel) {
      channel.set_spin_ns(100'000);
      return echo(channel);
    });
    worker.node->set_spin_ns(node_spin_ns);
    Message message;
    for (uint32_t id = 1; id <= 30'000; ++id) {
      REQUIRE_EQ(send(*worker.node, Kind::Call, id, "payload"), Status::kOk);
      REQUIRE_EQ(next(*worker.node, message), Status::kOk);
      REQUIRE_EQ(message->id(), id);
    }
    CHECK_EQ(send(*worker.node, Kind::Call, 0, ""), Status::kOk);
    CHECK_EQ(worker.process.wait(), 0);
  }
}

TEST("two processes, both rings full: nobody blocks for ever, nothing is lost or reordered") {
  Options options = small_options();
  options.ring_bytes = 8192;
  WorkerProcess worker(options, echo);
  constexpr uint32_t kCalls = 20'000;
  uint32_t received = 0;
  Message message;
  for (uint32_t id = 1; id <= kCalls; ++id)  // only drains while it waits for room: results pile up
    REQUIRE_EQ(send_all(*worker.node, Kind::Call, id, std::string(id % 1500, 'x')), Status::kOk);
  while (received < kCalls) {
    REQUIRE_EQ(next(*worker.node, message), Status::kOk);
    REQUIRE_EQ(message->id(), ++received);
    REQUIRE_EQ(payload_of(message).size(), received % 1500);
  }
  REQUIRE_EQ(send_all(*worker.node, Kind::Call, 0, ""), Status::kOk);
  CHECK_EQ(worker.process.wait(), 0);
}

TEST("one thread waits for room while another waits for results: both are woken") {
  Options options = small_options();
  options.ring_bytes = 8192;
  ChannelPair pair(options);
  constexpr uint32_t kCalls = 20'000;
  std::thread worker([&] { CHECK_EQ(echo(*pair.worker), 0); });
  std::thread sender([&] {
    for (uint32_t id = 1; id <= kCalls; ++id)
      CHECK_EQ(send_all(*pair.node, Kind::Call, id, std::string(500, 'x')), Status::kOk);
  });
  Message message;
  for (uint32_t id = 1; id <= kCalls; ++id) {
    REQUIRE_EQ(next(*pair.node, message), Status::kOk);
    REQUIRE_EQ(message->id(), id);
  }
  sender.join();
  CHECK_EQ(send_all(*pair.node, Kind::Call, 0, ""), Status::kOk);
  worker.join();
}

TEST("what another thread is taking from the ring just then is not slept through") {
  ChannelPair pair;
  for (uint32_t round = 0; round < 10; ++round) {
    // Taking a large message in is a long time under the lock; the sender found nobody asleep and notified nobody.
    REQUIRE_EQ(send(*pair.worker, Kind::Result, round, std::string(10 * kMiB, 'x')), Status::kOk);
    std::atomic<bool> taking{false};
    std::thread other([&] {
      taking = true;
      CHECK_EQ(pair.node->drain(), Status::kOk);
    });
    while (!taking) std::this_thread::yield();
    CHECK_EQ(pair.node->wait(os::now_ns() + 10 * kSecond, false), Status::kOk);
    other.join();
    Message message;
    CHECK_EQ(pair.node->receive(message), Status::kOk);
    message.drop();
    pair.node->flush_returns();
    CHECK_EQ(pair.worker->drain(), Status::kOk);
  }
}

TEST("a thread that drains for its allocations takes no message away from one that sleeps") {
  ChannelPair pair;
  pair.worker->set_spin_ns(100'000);  // answers come just when Node goes to sleep
  std::atomic<bool> done{false};
  std::thread allocator([&] {
    while (!done) {
      Slot slot = kNoSlot;
      CHECK_EQ(pair.node->allocate(40'000, false, slot), Status::kOk);
      pair.node->ledger().release(slot);
    }
  });
  std::thread worker([&] { CHECK_EQ(echo(*pair.worker), 0); });
  Message message;
  for (uint32_t id = 1; id <= 20'000;
       ++id) {  // one at a time: no later message makes up for one that was slept through
    REQUIRE_EQ(send(*pair.node, Kind::Call, id, ""), Status::kOk);
    REQUIRE_EQ(next(*pair.node, message), Status::kOk);
    REQUIRE_EQ(message->id(), id);
  }
  CHECK_EQ(send(*pair.node, Kind::Call, 0, ""), Status::kOk);
  done = true;
  allocator.join();
  worker.join();
}

TEST("many threads send at once: every message arrives, each thread's in its order") {
  ChannelPair pair;
  constexpr uint32_t kThreads = 4;
  constexpr uint32_t kEach = 5'000;
  std::vector<std::thread> senders;
  for (uint32_t thread = 0; thread < kThreads; ++thread)
    senders.emplace_back([&, thread] {
      for (uint32_t count = 0; count < kEach; ++count)
        CHECK_EQ(send_all(*pair.node, Kind::Call, thread * kEach + count, std::string(count % 300, 'x')), Status::kOk);
    });
  uint32_t seen[kThreads] = {};
  Message message;
  for (uint32_t count = 0; count < kThreads * kEach; ++count) {
    if (next(*pair.worker, message) != Status::kOk) break;
    CHECK_EQ(message->id() % kEach, seen[message->id() / kEach]++);
  }
  for (std::thread& sender : senders) sender.join();
  for (const uint32_t count : seen) CHECK_EQ(count, kEach);
}

TEST("closing wakes every thread that waits") {
  ChannelPair pair;
  std::vector<std::thread> waiting;
  for (int count = 0; count < 3; ++count)
    waiting.emplace_back([&] {
      Status status;
      while ((status = pair.worker->wait(kForever, false)) != Status::kClosed)
        CHECK(status == Status::kOk || status == Status::kEmpty);
    });
  while (pair.worker->counters(Side::kWorker).parks.load() < 3) std::this_thread::yield();
  pair.worker->close();
  for (std::thread& thread : waiting) thread.join();
}
