// Many threads that wait on one channel, each for its own: all are woken, and only for what they wait for.
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

constexpr uint32_t kLast = 1u << 30;  // id of the last call

Status wait_for(Channel& channel, Waiter::For what, uint32_t id = 0, int64_t deadline_ns = kForever) {
  Waiter waiter = channel.waiter(what, id);
  return channel.wait(waiter, deadline_ns);
}

Status receive(Channel& channel, Message& message) {
  for (;;) {
    const Status status = channel.receive(message);
    if (status != Status::kEmpty) return status;
    (void)wait_for(channel, Waiter::For::kInput);
  }
}

Status receive_answer(Channel& channel, uint32_t id, Message& message) {
  for (;;) {
    const Status status = channel.receive_answer(id, message);
    if (status != Status::kEmpty) return status;
    (void)wait_for(channel, Waiter::For::kAnswer, id);
  }
}

Status send_all(Channel& channel, Kind kind, uint32_t id) {
  for (;;) {
    const Status status = send(channel, kind, id, "payload");
    if (status != Status::kFull) return status;
    (void)wait_for(channel, Waiter::For::kRoom);
  }
}

// Answers the worker's calls, and makes one of its own for every answer. Ends with the call `kLast`.
void answer_calls(Channel& node) {
  Message message;
  for (;;) {
    if (receive(node, message) != Status::kOk || message->id() == kLast) return;
    CHECK_EQ(send_all(node, Kind::Call, message->id()), Status::kOk);
    CHECK_EQ(send_all(node, Kind::Result, message->id()), Status::kOk);
  }
}

// Calls `count` times, one call after the other: no later record makes up for an answer that was slept through.
void call(Channel& worker, uint32_t first, uint32_t count) {
  Message message;
  for (uint32_t id = first; id < first + count; ++id) {
    worker.expect(id);
    CHECK_EQ(send_all(worker, Kind::Call, id), Status::kOk);
    if (receive_answer(worker, id, message) != Status::kOk) return fail(__FILE__, __LINE__, "no answer", "");
    CHECK_EQ(message->id(), id);
  }
}

void until_asleep(const ChannelPair& pair, uint64_t parks) {
  while (pair.worker->counters(Side::kWorker).parks.load() < parks) std::this_thread::yield();
}

uint64_t parks(const ChannelPair& pair) { return pair.worker->counters(Side::kWorker).parks.load(); }

struct Waiting {
  Waiting(ChannelPair& pair, Waiter::For what, uint32_t id = 0)
      : thread([this, &pair, what, id] { status = wait_for(*pair.worker, what, id); }) {}
  Status end() {
    thread.join();
    return status;
  }
  Status status = Status::kSystem;
  std::thread thread;
};

}  // namespace

TEST(
    "threads that each wait for their own answer, while one receives: nobody sleeps through his, with and without "
    "polling") {
  for (const uint64_t spin_ns : {uint64_t{0}, uint64_t{5'000}}) {
    deadline(120);
    constexpr uint32_t kThreads = 6;
    constexpr uint32_t kEach = 1'500;
    ChannelPair pair;
    pair.worker->set_spin_ns(spin_ns);
    std::thread node([&] { answer_calls(*pair.node); });
    std::vector<std::thread> threads;
    for (uint32_t thread = 0; thread < kThreads; ++thread)
      threads.emplace_back([&, thread] { call(*pair.worker, 1 + thread * kEach, kEach); });
    Message message;
    for (uint32_t count = 0; count < kThreads * kEach; ++count) {
      REQUIRE_EQ(receive(*pair.worker, message), Status::kOk);
      REQUIRE(message->kind() == Kind::Call);
    }
    for (std::thread& thread : threads) thread.join();
    CHECK_EQ(send(*pair.worker, Kind::Call, kLast, ""), Status::kOk);
    node.join();
  }
}

TEST("answers that a thread takes from the ring which never sleeps wake those they are for") {
  ChannelPair pair;
  std::atomic<bool> done{false};
  std::thread node([&] { answer_calls(*pair.node); });
  std::thread drainer([&] {  // as one that computes and allocates
    Message message;
    while (!done) (void)pair.worker->receive(message);
  });
  std::vector<std::thread> threads;
  for (uint32_t thread = 0; thread < 3; ++thread)
    threads.emplace_back([&, thread] { call(*pair.worker, 1 + thread * 2'000, 2'000); });
  for (std::thread& thread : threads) thread.join();
  done = true;
  drainer.join();
  CHECK_EQ(send(*pair.worker, Kind::Call, kLast, ""), Status::kOk);
  node.join();
}

TEST("each sleeps on its own: an answer wakes the one it is for, and who listens passes that on when it leaves") {
  ChannelPair pair;
  Message message;
  for (const uint32_t id : {1u, 2u, 3u}) pair.worker->expect(id);
  Waiting first(pair, Waiter::For::kAnswer, 1);
  until_asleep(pair, 1);
  Waiting second(pair, Waiter::For::kAnswer, 2);
  until_asleep(pair, 2);
  Waiting third(pair, Waiter::For::kAnswer, 3);
  until_asleep(pair, 3);
  CHECK_EQ(send(*pair.node, Kind::Result, 3, ""), Status::kOk);  // the first listens, and sleeps again
  CHECK_EQ(third.end(), Status::kOk);
  until_asleep(pair, 4);
  CHECK_EQ(parks(pair), 4u);  // the second was left alone
  CHECK_EQ(send(*pair.node, Kind::Result, 1, ""), Status::kOk);
  CHECK_EQ(first.end(), Status::kOk);
  until_asleep(pair, 5);  // the second listens now
  CHECK_EQ(send(*pair.node, Kind::Call, 9, ""), Status::kOk);
  until_asleep(pair, 6);
  CHECK_EQ(send(*pair.node, Kind::Result, 2, ""), Status::kOk);
  CHECK_EQ(second.end(), Status::kOk);
  CHECK_EQ(pair.worker->receive(message), Status::kOk);
  CHECK_EQ(message->id(), 9u);
  for (const uint32_t id : {1u, 2u, 3u}) CHECK_EQ(pair.worker->receive_answer(id, message), Status::kOk);
}

TEST("a wait ends with its deadline, though others sleep on; an answer that is forgotten is not waited for") {
  ChannelPair pair;
  pair.worker->expect(1);
  pair.worker->expect(2);
  CHECK_EQ(wait_for(*pair.worker, Waiter::For::kAnswer, 1, os::now_ns() + 1'000'000), Status::kTimeout);
  Waiting listener(pair, Waiter::For::kAnswer, 1);
  until_asleep(pair, 2);
  CHECK_EQ(wait_for(*pair.worker, Waiter::For::kAnswer, 2, os::now_ns() + 1'000'000), Status::kTimeout);
  CHECK_EQ(wait_for(*pair.worker, Waiter::For::kInput, 0, os::now_ns() + 1'000'000), Status::kTimeout);
  CHECK_EQ(wait_for(*pair.worker, Waiter::For::kRoom, 0, os::now_ns() + 1'000'000), Status::kTimeout);
  pair.worker->forget(1);
  CHECK_EQ(listener.end(), Status::kOk);
  CHECK_EQ(wait_for(*pair.worker, Waiter::For::kAnswer, 1), Status::kOk);  // nothing to wait for
}

TEST("room wakes who waits for it, also when somebody else listens") {
  Options options = small_options();
  options.ring_bytes = kMinRingBytes;
  ChannelPair pair(options);
  Message message;
  pair.worker->expect(1);
  Waiting listener(pair, Waiter::For::kAnswer, 1);
  until_asleep(pair, 1);
  for (uint32_t round = 0; round < 200; ++round) {
    while (send(*pair.worker, Kind::Item, 1, std::string(300, 'x')) != Status::kFull) {
    }
    const uint64_t before = parks(pair);
    Waiting sender(pair, Waiter::For::kRoom);
    until_asleep(pair, before + 1);
    REQUIRE_EQ(pair.node->receive(message), Status::kOk);
    REQUIRE_EQ(sender.end(), Status::kOk);
  }
  CHECK_EQ(send(*pair.node, Kind::Result, 1, ""), Status::kOk);
  CHECK_EQ(listener.end(), Status::kOk);
}

TEST("the end wakes whoever waits, for whatever") {
  for (const bool hung_up : {false, true}) {
    ChannelPair pair;
    pair.worker->expect(1);
    pair.worker->expect(2);
    Waiting waiting[] = {{pair, Waiter::For::kAnswer, 1},
                         {pair, Waiter::For::kInput},
                         {pair, Waiter::For::kAnswer, 2},
                         {pair, Waiter::For::kInput},
                         {pair, Waiter::For::kRoom}};
    until_asleep(pair, 5);
    if (hung_up)
      pair.node->hang_up();
    else
      pair.worker->close();
    for (Waiting& each : waiting) CHECK_EQ(each.end(), Status::kClosed);
    Message message;
    CHECK_EQ(pair.worker->receive_answer(1, message), Status::kClosed);
  }
}

TEST("one waiter is interrupted, whether it sleeps or not yet; an Interrupt that comes interrupts all but receive") {
  ChannelPair pair;
  Message message;
  pair.worker->expect(1);
  pair.worker->expect(2);
  Waiter early = pair.worker->waiter(Waiter::For::kAnswer, 1);
  pair.worker->interrupt(early);
  CHECK_EQ(pair.worker->wait(early, kForever), Status::kEmpty);
  CHECK(early.interrupted());

  Waiting listener(pair, Waiter::For::kAnswer, 1);
  until_asleep(pair, 1);
  Waiter asleep = pair.worker->waiter(Waiter::For::kInput);
  std::thread thread([&] { CHECK_EQ(pair.worker->wait(asleep, kForever), Status::kEmpty); });
  until_asleep(pair, 2);
  pair.worker->interrupt(asleep);
  thread.join();
  CHECK_EQ(parks(pair), 2u);

  Waiting receiver(pair, Waiter::For::kInput);
  until_asleep(pair, 3);
  Waiting sender(pair, Waiter::For::kRoom);
  until_asleep(pair, 4);
  Waiter made_before = pair.worker->waiter(Waiter::For::kAnswer, 2);
  CHECK_EQ(send(*pair.node, Kind::Interrupt, 77, ""), Status::kOk);
  CHECK_EQ(listener.end(), Status::kEmpty);
  CHECK_EQ(sender.end(), Status::kEmpty);
  CHECK_EQ(receiver.end(), Status::kOk);
  CHECK_EQ(pair.worker->wait(made_before, kForever), Status::kEmpty);
  CHECK_EQ(wait_for(*pair.worker, Waiter::For::kAnswer, 2, os::now_ns() + 1'000'000), Status::kTimeout);  // only once
  CHECK_EQ(pair.worker->receive(message), Status::kOk);
}
