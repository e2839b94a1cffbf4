// A channel is closed at any moment, from another thread, with delays: everybody comes back, and nothing is left.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "conversation.h"
#include "stress.h"

using namespace isthmus;
using namespace isthmus::test;
using wire::Kind;

namespace {

void receive(Channel& channel) {
  Message message;
  Status status;
  while ((status = next(channel, message)) == Status::kOk) {
  }
  CHECK_EQ(status, Status::kClosed);
}

// Until the channel is closed, or this process dies.
void send_tensors(Channel& channel, const std::atomic<bool>& dies) {
  Status status = Status::kOk;
  while (status == Status::kOk && !dies) {
    Slot slot = kNoSlot;
    status = channel.allocate(2048, false, slot);
    if (status != Status::kOk) break;
    status = send_all(channel, Kind::Item, 1, "tensor", {whole(slot, 2048)});
    channel.ledger().release(slot);
  }
  CHECK_EQ(status, dies ? Status::kOk : Status::kClosed);
}

void wait_for_answer(Channel& worker, uint32_t id) {
  Message message;
  worker.expect(id);
  while (worker.receive_answer(id, message) != Status::kClosed) {
    Waiter waiter = worker.waiter(Waiter::For::kAnswer, id);
    (void)worker.wait(waiter, kForever);
  }
}

void run_loop(Channel& channel) {
  Message message;
  while (!channel.closed()) {
    if (channel.park(false)) {
      (void)os::wait_event(channel.event(), -1, -1, kForever);
      channel.unpark();
    }
    while (channel.receive(message) == Status::kOk) {
    }
  }
}

}  // namespace

TEST("stress: both sides are closed while threads send, wait and park: all come back, and no lease is left") {
  for (Stress stress; stress.next_round();) {
    Options options = small_options();
    options.ring_bytes = kMinRingBytes;
    ChannelPair pair(options);
    Channel& node = *pair.node;
    Channel& worker = *pair.worker;
    Random random = stress.random();
    const bool with_loop = random.one_in(2);
    std::vector<std::thread> threads;
    for (Channel* channel : {&node, &worker}) {
      threads.emplace_back([&, channel] { with_loop ? run_loop(*channel) : receive(*channel); });
      threads.emplace_back([channel] { send_tensors(*channel, false); });
    }
    threads.emplace_back([&] { receive(worker); });
    for (const uint32_t id : {1u, 2u}) threads.emplace_back([&, id] { wait_for_answer(worker, id); });
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(3000)));
    if (random.one_in(2)) node.hang_up();
    std::thread closer([&] { worker.close(); });
    node.close();
    closer.join();
    for (std::thread& thread : threads) thread.join();
    CHECK(pair.is_valid());
    const std::shared_ptr<Ledger> ledger = node.shared_ledger();
    pair.worker.reset();
    node.reap();
    pair.node.reset();
    CHECK(ledger->is_valid());
    const LedgerStats stats = ledger->stats();
    CHECK_EQ(stats.own_blocks + stats.lent_leases + stats.borrowed_blocks, 0u);
  }
}

TEST("stress: a dead worker is reaped while other threads of Node still send to it and wait for it") {
  for (Stress stress; stress.next_round();) {
    ChannelPair pair;
    Channel& node = *pair.node;
    Random random = stress.random();
    std::atomic<bool> dies{false};
    std::thread worker([&] {
      send_tensors(*pair.worker, dies);
      pair.worker.reset();  // as when its process has ended
    });
    std::vector<std::thread> threads;
    for (int count = 0; count < 2; ++count) {
      threads.emplace_back([&] { receive(node); });
      threads.emplace_back([&] { send_tensors(node, false); });
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(2000)));
    dies = true;
    worker.join();
    node.reap();
    for (std::thread& thread : threads) thread.join();
    const std::shared_ptr<Ledger> ledger = node.shared_ledger();
    pair.node.reset();
    CHECK(ledger->is_valid());
    const LedgerStats stats = ledger->stats();
    CHECK_EQ(stats.own_blocks + stats.lent_leases + stats.borrowed_blocks, 0u);
  }
}
