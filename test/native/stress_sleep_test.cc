// Sleeps that exactly one thing ends, with delays: nothing that comes later makes up for a wake-up that is lost.
#include <atomic>
#include <string>
#include <thread>

#include "conversation.h"
#include "stress.h"

using namespace isthmus;
using namespace isthmus::test;
using wire::Kind;

namespace {

void linger(Random& random) {
  if (random.one_in(2)) std::this_thread::sleep_for(std::chrono::microseconds(random.below(200)));
}

// Waits for input alone, as a thread does or as a loop does.
void wait_until(const std::atomic<bool>& done, Channel& worker, bool in_a_loop) {
  while (!done) {
    if (!in_a_loop) {
      (void)worker.wait(kForever, false);
    } else if (worker.park(false)) {
      (void)os::wait_event(worker.event(), -1, -1, kForever);
      worker.unpark();
    } else {
      (void)worker.drain();
    }
  }
}

// The next message, for a loop that does nothing else.
Status next_in_a_loop(Channel& channel, Message& message) {
  for (;;) {
    if (channel.park(false)) {
      (void)os::wait_event(channel.event(), -1, -1, kForever);
      channel.unpark();
    }
    if (const Status status = channel.receive(message); status != Status::kEmpty) return status;
  }
}

}  // namespace

TEST("stress: calls one after the other to a loop that parks, and back to one: each is answered") {
  for (Stress stress; stress.next_round();) {
    ChannelPair pair;
    constexpr uint32_t kCalls = 100;
    std::thread worker([&] {
      Message message;
      for (uint32_t count = 0; count < kCalls; ++count) {
        REQUIRE_EQ(next_in_a_loop(*pair.worker, message), Status::kOk);
        CHECK_EQ(send(*pair.worker, Kind::Result, message->id(), ""), Status::kOk);
      }
    });
    Message message;
    for (uint32_t id = 0; id < kCalls; ++id) {
      CHECK_EQ(send(*pair.node, Kind::Call, id, ""), Status::kOk);
      REQUIRE_EQ(next_in_a_loop(*pair.node, message), Status::kOk);
      CHECK_EQ(message->id(), id);
    }
    worker.join();
  }
}

TEST("stress: one interrupt ends a wait, for whatever, whenever it comes") {
  for (Stress stress; stress.next_round();) {
    ChannelPair pair;
    pair.worker->expect(1);
    Random random = stress.random();
    std::thread listener([&] { (void)pair.worker->wait(kForever, false); });
    for (int count = 0; count < 20; ++count) {
      constexpr Waiter::For kWhat[] = {Waiter::For::kInput, Waiter::For::kRoom, Waiter::For::kAnswer};
      Waiter waiter = pair.worker->waiter(kWhat[random.below(3)], 1);
      std::thread sleeper([&] { CHECK_EQ(pair.worker->wait(waiter, kForever), Status::kEmpty); });
      linger(random);
      pair.worker->interrupt(waiter);
      sleeper.join();
      CHECK(waiter.interrupted());
    }
    CHECK_EQ(send(*pair.node, Kind::Call, 1, ""), Status::kOk);
    listener.join();
  }
}

TEST("stress: what is owed and found no room goes out when there is some, though its sender waits for input alone") {
  constexpr uint32_t kCancelled = 30;  // their answers are more than the reserve holds
  for (Stress stress; stress.next_round();) {
    Options options = small_options();
    options.ring_bytes = kMinRingBytes;
    ChannelPair pair(options);
    Random random = stress.random();
    for (uint32_t id = 1; id <= kCancelled; ++id) CHECK_EQ(send(*pair.node, Kind::Call, id, ""), Status::kOk);
    CHECK_EQ(pair.worker->drain(), Status::kOk);
    for (uint32_t id = 1; id <= kCancelled; ++id) CHECK_EQ(send(*pair.node, Kind::Cancel, id, ""), Status::kOk);
    uint32_t items = 0;
    for (const size_t length : {size_t{300}, size_t{0}})
      while (send(*pair.worker, Kind::Item, 9, std::string(length, 'x')) == Status::kOk) ++items;
    std::atomic<bool> done{false};
    const bool in_a_loop = random.one_in(2);
    std::thread worker([&] { wait_until(done, *pair.worker, in_a_loop); });
    const auto& parks = pair.node->counters(Side::kWorker).parks;
    if (stress.round() % 2 != 0)
      while (parks.load() == 0) std::this_thread::yield();
    Message message;
    uint32_t dropped = 0;
    for (uint32_t at = 0; at < items + kCancelled; ++at) {
      REQUIRE_EQ(next(*pair.node, message), Status::kOk);
      dropped += message->kind() == Kind::Dropped ? 1 : 0;
    }
    CHECK_EQ(dropped, kCancelled);
    done = true;
    pair.worker->close();
    worker.join();
  }
}
