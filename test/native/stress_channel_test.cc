// Many threads on one channel, with delays: callers, receivers, a loop that parks, senders that find no room, interrupts and
// deadlines. Nobody sleeps through what it waits for, and nothing is lost, doubled or reordered.
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "conversation.h"
#include "stress.h"

using namespace isthmus;
using namespace isthmus::test;
using wire::Kind;

namespace {

constexpr uint32_t kCallers = 3;
constexpr uint32_t kCalls = 40;  // of each
constexpr uint32_t kItems = 150;
constexpr uint32_t kLast = 1u << 30;  // id of the last call

// The waiters of one side, so that one thread can interrupt what another one waits for.
class Waiters {
 public:
  explicit Waiters(Channel& channel) : channel_(channel) {}
  Status wait(Waiter::For what, uint32_t id, int64_t deadline_ns) {
    Waiter waiter = channel_.waiter(what, id);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      waiting_.push_back(&waiter);
    }
    const Status status = channel_.wait(waiter, deadline_ns);
    const std::lock_guard<std::mutex> lock(mutex_);
    std::erase(waiting_, &waiter);
    return status;
  }
  void interrupt(Random& random) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!waiting_.empty()) channel_.interrupt(*waiting_[random.below(waiting_.size())]);
  }

 private:
  Channel& channel_;
  std::mutex mutex_;
  std::vector<Waiter*> waiting_;
};

int64_t some_deadline(Random& random) {
  return random.one_in(4) ? os::now_ns() + static_cast<int64_t>(random.below(300'000)) : kForever;
}

struct Conversation {
  explicit Conversation(const Stress& from, const Options& options) : stress(from), pair(options) {
    Random random = stress.random();
    for (Channel* channel : {pair.node.get(), pair.worker.get()})
      channel->set_spin_ns(random.one_in(2) ? 0 : random.below(20'000));
  }

  void send_patiently(Kind kind, uint32_t id, const std::string& payload, Random& random) {
    Status status;
    while ((status = send(*pair.worker, kind, id, payload)) == Status::kFull)
      (void)waiters.wait(Waiter::For::kRoom, 0, some_deadline(random));
    CHECK_EQ(status, Status::kOk);
  }

  // Each call after the answer to the one before. Some are given up.
  void call(uint32_t caller) {
    Random random = stress.random(caller + 1);
    Message answer;
    for (uint32_t id = 1 + caller * kCalls; id < 1 + (caller + 1) * kCalls; ++id) {
      pair.worker->expect(id);
      send_patiently(Kind::Call, id, std::to_string(id), random);
      Status status;
      bool gives_up = false;
      while (!gives_up && (status = pair.worker->receive_answer(id, answer)) == Status::kEmpty) {
        const Status waited = waiters.wait(Waiter::For::kAnswer, id, some_deadline(random));
        gives_up = waited == Status::kTimeout && random.one_in(4);
      }
      if (gives_up) {
        pair.worker->forget(id);
        continue;
      }
      CHECK_EQ(status, Status::kOk);
      if (status != Status::kOk) return;
      CHECK_EQ(answer->id(), id);
      CHECK_EQ(payload_of(answer), std::to_string(id));
    }
  }

  void send_items() {
    Random random = stress.random(100);
    for (uint32_t item = 0; item < kItems; ++item)
      send_patiently(Kind::Item, item, std::string(random.below(900), 'x'), random);
  }

  void take(const Message& message) {
    if (message->kind() == Kind::Call) ++received;
  }

  void receive(uint64_t part) {
    Random random = stress.random(part);
    Message message;
    for (;;) {
      const Status status = pair.worker->receive(message);
      if (status == Status::kClosed) return;
      if (status == Status::kOk)
        take(message);
      else if (status != Status::kEmpty)
        return static_cast<void>(CHECK_EQ(status, Status::kOk));
      else
        (void)waiters.wait(Waiter::For::kInput, 0, some_deadline(random));
    }
  }

  // A loop as asyncio's. What its selector runs may wait in its own thread.
  void run_loop() {
    Random random = stress.random(200);
    Message message;
    Channel& worker = *pair.worker;
    while (!worker.closed()) {
      if (worker.park(random.one_in(4))) {
        if (random.one_in(4))
          (void)waiters.wait(Waiter::For::kRoom, 0, os::now_ns() + static_cast<int64_t>(random.below(100'000)));
        (void)os::wait_event(worker.event(), -1, -1, random.one_in(2) ? kForever : 50'000);
        worker.unpark();
      }
      while (worker.receive(message) == Status::kOk) take(message);
    }
  }

  // Node: answers each call, makes one of its own for it, and sends an Interrupt now and then.
  void answer() {
    Random random = stress.random(300);
    Message message;
    uint32_t next_item = 0;
    for (;;) {
      if (next(*pair.node, message) != Status::kOk || message->id() == kLast) break;
      const uint32_t id = message->id();
      if (message->kind() == Kind::Item) {
        CHECK_EQ(id, next_item++);
        continue;
      }
      if (random.one_in(8)) CHECK_EQ(send_all(*pair.node, Kind::Interrupt, id, ""), Status::kOk);
      CHECK_EQ(send_all(*pair.node, Kind::Call, id, ""), Status::kOk);
      CHECK_EQ(send_all(*pair.node, Kind::Result, id, payload_of(message)), Status::kOk);
    }
    CHECK_EQ(next_item, kItems);
  }

  const Stress& stress;
  ChannelPair pair;
  Waiters waiters{*pair.worker};
  std::atomic<uint32_t> received{0};
};

void converse(const Stress& stress, bool with_loop) {
  Options options = small_options();
  options.ring_bytes = kMinRingBytes;
  Conversation conversation(stress, options);
  Channel& worker = *conversation.pair.worker;
  std::atomic<bool> done{false};
  std::thread node([&] { conversation.answer(); });
  std::vector<std::thread> receivers;
  receivers.emplace_back([&] { with_loop ? conversation.run_loop() : conversation.receive(201); });
  if (!with_loop) receivers.emplace_back([&] { conversation.receive(202); });
  receivers.emplace_back([&] {
    Random random = stress.random(400);
    while (!done) {
      conversation.waiters.interrupt(random);
      if (random.one_in(2)) (void)worker.drain();  // as a thread that allocates
      std::this_thread::sleep_for(std::chrono::microseconds(random.below(300)));
    }
  });
  std::vector<std::thread> senders;
  for (uint32_t caller = 0; caller < kCallers; ++caller)
    senders.emplace_back([&, caller] { conversation.call(caller); });
  senders.emplace_back([&] { conversation.send_items(); });
  for (std::thread& sender : senders) sender.join();
  while (conversation.received < kCallers * kCalls && !has_failed()) std::this_thread::yield();
  CHECK_EQ(send_all(worker, Kind::Call, kLast, ""), Status::kOk);
  node.join();
  done = true;
  worker.close();
  for (std::thread& receiver : receivers) receiver.join();
  CHECK_EQ(conversation.received.load(), kCallers * kCalls);
  CHECK(conversation.pair.is_valid());
}

}  // namespace

TEST("stress: threads that wait for answers, for room and for input, and are interrupted: each gets what is its own") {
  for (Stress stress; stress.next_round();) converse(stress, false);
}

TEST("stress: the same beside a loop that parks, and that waits in its own thread at times") {
  for (Stress stress; stress.next_round();) converse(stress, true);
}

TEST("stress: calls that are cancelled in the queue are each answered once, though the ring is full") {
  for (Stress stress; stress.next_round();) {
    Options options = small_options();
    options.ring_bytes = kMinRingBytes;
    ChannelPair pair(options);
    constexpr uint32_t kCancelled = 120;
    std::thread worker([&] {  // serves calls, one after the other; their answers fill the ring
      Message message;
      Random random = stress.random(1);
      while (next(*pair.worker, message) == Status::kOk && message->id() != kLast) {
        if (message->kind() != Kind::Call) continue;
        if (send_all(*pair.worker, Kind::Result, message->id(), std::string(random.below(700), 'x')) != Status::kOk)
          return;
      }
    });
    std::vector<uint32_t> answers(kCancelled, 0);
    Random random = stress.random(2);
    const auto call_and_cancel = [&](uint32_t from, uint32_t to) {
      for (uint32_t id = from; id < to; ++id) {
        CHECK_EQ(send_all(*pair.node, Kind::Call, id, ""), Status::kOk);
        if (random.one_in(2)) CHECK_EQ(send_all(*pair.node, Kind::Cancel, id, ""), Status::kOk);
      }
    };
    call_and_cancel(0, kCancelled / 2);  // nobody takes the answers yet
    std::thread receiver([&] {
      Message message;
      for (uint32_t count = 0; count < kCancelled; ++count) {
        if (next(*pair.node, message) != Status::kOk) return;
        ++answers[message->id()];
      }
    });
    call_and_cancel(kCancelled / 2, kCancelled);
    receiver.join();
    for (const uint32_t count : answers) CHECK_EQ(count, 1u);
    CHECK_EQ(send_all(*pair.node, Kind::Call, kLast, ""), Status::kOk);
    worker.join();
  }
}
