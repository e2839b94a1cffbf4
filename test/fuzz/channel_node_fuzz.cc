// Node's side of two channels over one ledger; both workers write what they like, and die.
#include <array>
#include <memory>

#include "channel_ends.h"
#include "honest.h"
#include "simulation.h"

namespace isthmus::fuzz {

namespace {

constexpr test::Options kOptions{1 << 20, 3 << 20, 128 * 1024, 0, kMinRingBytes};

struct Worker {
  explicit Worker(const std::shared_ptr<Ledger>& ledger)
      : raw(ledger, kOptions), hostile(Side::kWorker, raw.control_segment, raw.own_arena, raw.socket) {}

  test::RawWorker raw;
  Hostile hostile;
};

class Node {
 public:
  Node() : ledger_(test::made_ledger(kOptions)), honest_(*ledger_) {}
  ~Node() {
    simulation.fails_in = 0;
    honest_.release_all();
    for (auto& worker : workers_)
      if (worker != nullptr) reap(*worker);
    workers_ = {};
    must_be_empty(*ledger_);
  }

  // a's top bit: which worker.
  void run(const Op& op) {
    auto& worker = workers_[op.a >> 7];
    if (worker == nullptr) {
      if (op.code == kHandshake) open_and_fail(op);
      const uint32_t fails_in = std::exchange(simulation.fails_in, 0);
      worker = std::make_unique<Worker>(ledger_);
      simulation.fails_in = fails_in;
    }
    Channel& channel = *worker->raw.node;
    if (op.code == kReap) {  // c: and another worker takes its place; or the channel stays for who has not noticed
      reap(*worker);
      if ((op.c & 1) == 0) worker.reset();
    } else if (op.code == kLoop) {
      (op.c & 1) != 0 ? channel.unpark() : void(channel.park((op.c & 2) != 0));
    } else if (!worker->hostile.run(op)) {
      honest_.run(channel, op);
    }
    MUST(ledger_->is_valid());
  }

 private:
  static void reap(Worker& worker) {
    Channel& channel = *worker.raw.node;
    channel.reap();
    MUST(channel.closed());
  }

  // The system refuses the b-th thing that it is asked for.
  void open_and_fail(const Op& op) {
    simulation.fails_in = 1 + op.b % 16;
    std::unique_ptr<Channel> channel;
    int socket = -1;
    const Status status = Channel::open(ledger_, {0, kMinRingBytes}, channel, socket);
    MUST(status == (channel != nullptr ? Status::kOk : Status::kSystem));
    simulation.fails_in = 0;
    if (channel == nullptr) return;
    channel->reap();
    os::close_descriptor(socket);
  }

  std::shared_ptr<Ledger> ledger_;
  Honest honest_;
  std::array<std::unique_ptr<Worker>, 2> workers_;
};

void run(const uint8_t* data, size_t size) {
  simulation = {};
  Node node;
  Program program(data, size);
  for (Op op; program.next(op, kCodes);) node.run(op);
}

size_t mutate(uint8_t* data, size_t size, size_t most, Random& random, MutateBytes bytes) {
  return mutate_ops(data, size, most, random, kCodes, bytes);
}

const Registration registration({"channel_node", run, mutate});

}  // namespace

}  // namespace isthmus::fuzz
