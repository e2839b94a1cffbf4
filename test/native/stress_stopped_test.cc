// Both processes are stopped and continued at random moments, by a third one, while calls and tensors go both ways.
#include <cstring>
#include <string>

#include "conversation.h"
#include "stress.h"

using namespace isthmus;
using namespace isthmus::test;
using wire::Kind;

namespace {

constexpr uint32_t kCalls = 300;
constexpr uint32_t kWindow = 8;
constexpr uint64_t kBytes = 20'000;

void pause_us(uint64_t us) {
  const timespec time{0, static_cast<long>(us) * 1000};
  nanosleep(&time, nullptr);
}

// Sends a call back as its result, with a tensor of its own. Nothing may be left in the end.
int serve(Channel& worker) {
  Message message;
  for (;;) {
    if (next(worker, message) != Status::kOk) return 1;
    const uint32_t id = message->id();
    if (id == 0) break;
    const uint8_t* data = worker.ledger().data(slot_of(message));
    if (data[0] != (id & 0xff) || data[kBytes - 1] != (id & 0xff)) return 2;
    message.drop();
    Slot slot = kNoSlot;
    if (worker.allocate(kBytes, false, slot) != Status::kOk) return 3;
    std::memset(worker.ledger().data(slot), static_cast<int>(id & 0xff), kBytes);
    const Status sent = send_all(worker, Kind::Result, id, std::string(id % 500, 'x'), {whole(slot, kBytes)});
    worker.ledger().release(slot);
    if (sent != Status::kOk) return 4;
  }
  while (worker.ledger().stats().own_blocks != 0)
    if (next(worker, message) != Status::kOk) return 5;
  return worker.ledger().is_valid() ? 0 : 6;
}

void call(Channel& node, uint32_t id) {
  Slot slot = kNoSlot;
  CHECK_EQ(node.allocate(kBytes, false, slot), Status::kOk);
  std::memset(node.ledger().data(slot), static_cast<int>(id & 0xff), kBytes);
  CHECK_EQ(send_all(node, Kind::Call, id, "", {whole(slot, kBytes)}), Status::kOk);
  node.ledger().release(slot);
}

// Stops one of the two, and lets it go on, again and again.
int stop_and_continue(pid_t node, pid_t worker, Random random) {
  for (;;) {
    const pid_t victim = random.one_in(2) ? node : worker;
    if (kill(victim, SIGSTOP) != 0) return 1;
    pause_us(random.below(random.one_in(8) ? 5000 : 300));
    if (kill(victim, SIGCONT) != 0) return 1;
    pause_us(random.below(1000));
  }
}

}  // namespace

TEST("stress: both processes are stopped and continued at any moment: every call is answered, and nothing is left") {
  for (Stress stress; stress.next_round();) {
    Options options = small_options();
    options.ring_bytes = kMinRingBytes;
    Random random = stress.random();
    const uint64_t spin_ns = random.below(3) * 20'000;
    WorkerProcess worker(options, [&](Channel& channel) {
      channel.set_spin_ns(spin_ns);
      return serve(channel);
    });
    worker.node->set_spin_ns(random.below(3) * 20'000);
    const pid_t own = getpid();
    Process stopper([&] { return stop_and_continue(own, worker.process.id(), stress.random(1)); });
    Message message;
    uint32_t called = 0;
    for (uint32_t answered = 0; answered < kCalls;) {
      if (called < kCalls && called < answered + kWindow) {
        call(*worker.node, ++called);
        continue;
      }
      REQUIRE_EQ(next(*worker.node, message), Status::kOk);
      REQUIRE_EQ(message->id(), ++answered);
      CHECK_EQ(payload_of(message).size(), answered % 500);
      const uint8_t* data = worker.node->ledger().data(slot_of(message));
      CHECK(data[0] == (answered & 0xff) && data[kBytes - 1] == (answered & 0xff));
    }
    message.drop();
    CHECK_EQ(send_all(*worker.node, Kind::Call, 0, ""), Status::kOk);  // and the returns before it
    // Whoever is stopped when the stopper ends: this process has been continued if it runs, the worker is now.
    stopper.kill();
    CHECK_EQ(stopper.wait(), -SIGKILL);
    kill(worker.process.id(), SIGCONT);
    while (worker.node->ledger().stats().own_blocks != 0) (void)worker.node->drain();
    CHECK_EQ(worker.process.wait(), 0);
    CHECK(worker.node->ledger().is_valid());
  }
}
