// The worker's side of a channel whose Node writes what it likes, and greets as it likes.
#include <memory>

#include "channel_ends.h"
#include "honest.h"
#include "simulation.h"

namespace isthmus::fuzz {

namespace {

class Worker {
 public:
  Worker() : ledger_(raw_.worker->shared_ledger()), honest_(*ledger_) {}
  ~Worker() {
    simulation.fails_in = 0;
    honest_.release_all();
    raw_.worker->reap();  // nobody does that to Node; it drops every lease alike
    raw_.worker.reset();
    must_be_empty(*ledger_);
  }

  void run(const Op& op) {
    Channel& channel = *raw_.worker;
    if (op.code == kHandshake)
      join(op);
    else if (op.code == kLoop)
      (op.c & 1) != 0 ? channel.unpark() : void(channel.park((op.c & 2) != 0));
    else if (!hostile_.run(op))
      honest_.run(channel, op);
    MUST(ledger_->is_valid());
  }

 private:
  // Another worker is greeted: c: at a byte of the identity (or, with a's bit 0, of the greeting) stands x. a: with how many
  // descriptors, and which is wrong. b: the system refuses the b-th thing that the worker asks for.
  void join(const Op& op) {
    int sockets[2];
    Segment control;
    Segment arenas[2];
    if (os::socket_pair(sockets) != 0) return;
    bool made = Segment::create("control", control_bytes(kMinRingBytes), control) == Status::kOk;
    for (Segment& arena : arenas) made &= Segment::create("arena", 4096, arena) == Status::kOk;
    if (made) {
      Identity identity{kMagic, kLayoutVersion, kMinRingBytes, 1, 2, 4096, 4096, 0, 0};
      struct {
        uint64_t magic = kMagic;
        uint32_t version = kLayoutVersion;
        uint32_t descriptors = 6;
      } greeting;
      auto* changed = reinterpret_cast<uint8_t*>(&identity);
      size_t bytes = sizeof identity;
      if ((op.a & 1) != 0) {
        changed = reinterpret_cast<uint8_t*>(&greeting);
        bytes = sizeof greeting;
      }
      if (op.c != 0) std::memcpy(changed + op.c % (bytes - 7), &op.x, 8);
      std::memcpy(control.data(), &identity, sizeof identity);
      int events[2] = {-1, -1};
      (void)os::event_pair(events);
      int descriptors[] = {
          control.descriptor(), arenas[0].descriptor(), arenas[1].descriptor(), events[0], events[1], events[1],
          control.descriptor()};
      if ((op.a & 2) != 0) std::swap(descriptors[op.a >> 2 & 3], descriptors[4]);
      const size_t count = (op.a & 32) != 0 ? op.a >> 6 : 6 + ((op.a & 64) != 0);
      (void)os::send_with_descriptors(sockets[0], &greeting, (op.a & 16) != 0 ? op.c % 64 % sizeof greeting : 16,
                                      descriptors, count);
      for (const int event : events) os::close_descriptor(event);
      simulation.fails_in = op.b % 16;
      std::unique_ptr<Channel> channel;
      const Status status = Channel::join(sockets[1], 0, channel);
      MUST((status == Status::kOk) == (channel != nullptr));
      simulation.fails_in = 0;
      if (channel == nullptr) os::close_descriptor(sockets[1]);
    }
    os::close_descriptor(sockets[0]);
  }

  test::RawNode raw_{kMinRingBytes};
  Hostile hostile_{Side::kNode, raw_.control_segment, raw_.own_arena, raw_.socket};
  std::shared_ptr<Ledger> ledger_;
  Honest honest_;
};

void run(const uint8_t* data, size_t size) {
  simulation = {};
  Worker worker;
  Program program(data, size);
  for (Op op; program.next(op, kCodes);) worker.run(op);
}

size_t mutate(uint8_t* data, size_t size, size_t most, Random& random, MutateBytes bytes) {
  return mutate_ops(data, size, most, random, kCodes, bytes);
}

const Registration registration({"channel_worker", run, mutate});

}  // namespace

}  // namespace isthmus::fuzz
