// How tests talk through a channel however long it takes, and a worker in a process of its own.
#pragma once

#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "channel_ends.h"
#include "core/channel.h"
#include "process.h"

namespace isthmus::test {

// The next message, however long it takes.
inline Status next(Channel& channel, Message& message) {
  for (;;) {
    const Status status = channel.receive(message);
    if (status != Status::kEmpty) return status;
    const Status waited = channel.wait(kForever, false);
    if (waited != Status::kOk && waited != Status::kEmpty && waited != Status::kClosed) return waited;
  }
}

// Sends, however long there is no room. Never blocks without draining (DESIGN 3.2).
inline Status send_all(Channel& channel, wire::Kind kind, uint32_t id, std::string_view payload,
                       const std::vector<WrittenTensor>& tensors = {}) {
  for (;;) {
    const Status status = send(channel, kind, id, payload, tensors);
    if (status != Status::kFull) return status;
    if (const Status drained = channel.drain(); drained != Status::kOk) return drained;
    const Status waited = channel.wait(kForever, true);
    if (waited != Status::kOk && waited != Status::kEmpty) return waited;
  }
}

// Node and a worker process that runs `body(channel)`.
struct WorkerProcess {
  template <typename Body>
  WorkerProcess(const Options& options, Body body)
      : node(opened(options, socket)), process([&] {
          node.reset();
          std::unique_ptr<Channel> worker;
          return Channel::join(socket, 10 * kSecond, worker) == Status::kOk ? body(*worker) : 99;
        }) {
    os::close_descriptor(socket);
  }
  static std::unique_ptr<Channel> opened(const Options& options, int& socket) {
    std::unique_ptr<Channel> channel;
    CHECK_EQ(open(options, channel, socket), Status::kOk);
    return channel;
  }
  int socket = -1;
  std::unique_ptr<Channel> node;
  Process process;
};

// Takes in what comes back on both sides until neither has a block or a lease. The watchdog ends it if that never happens.
inline void settle(Channel& node, Channel& worker) {
  const auto is_settled = [](Channel& channel) {
    const LedgerStats stats = channel.ledger().stats();
    return stats.own_blocks == 0 && stats.lent_leases == 0 && stats.borrowed_blocks == 0;
  };
  while (!is_settled(node) || !is_settled(worker)) {
    for (Channel* channel : {&node, &worker}) {
      channel->flush_returns();
      (void)channel->drain();
      std::this_thread::yield();
    }
  }
}

}  // namespace isthmus::test
