// Node reads while its worker writes into the ring and the control segment, at the same time: each byte is read once, so what
// was verified is what is used. The worker is a thread, and which write falls between which reads is chance: the only target
// that may behave differently when it is run again.
#include <atomic>
#include <memory>
#include <thread>

#include "channel_ends.h"
#include "honest.h"
#include "simulation.h"

namespace isthmus::fuzz {

namespace {

constexpr test::Options kOptions{1 << 20, 3 << 20, 128 * 1024, 0, kMinRingBytes};
constexpr int kRounds = 24;

enum Code : uint8_t { kToggle, kStore, kMoveTail, kCodes };

// Writes as another process does: word by word, and nobody is told.
void change(const test::RawWorker& worker, const Op& op) {
  const uint64_t bytes = worker.control_segment.bytes();
  const uint64_t ring = bytes - kMinRingBytes;  // where the worker's records are
  const uint64_t at = (op.a & 1) != 0 ? op.c % bytes / 8 * 8 : ring + op.c % 1024 / 8 * 8;
  auto* word = reinterpret_cast<uint64_t*>(worker.control_segment.data() + at);
  std::atomic<uint64_t>& tail = worker.control().rings[1].tail.bytes;
  switch (op.code % kCodes) {
    case kToggle:
      __atomic_fetch_xor(word, uint64_t{1} << (op.b % 64), __ATOMIC_RELAXED);
      break;
    case kStore:
      __atomic_store_n(word, op.x, __ATOMIC_RELAXED);
      break;
    default:
      tail.store(tail.load() + op.b / 8 * 8 % 256);
  }
}

// The first half of the programme writes messages, the second half is what the thread does, over and over.
void run(const uint8_t* data, size_t size) {
  simulation = {};
  const auto ledger = test::made_ledger(kOptions);
  test::RawWorker worker(ledger, kOptions);
  Hostile hostile(Side::kWorker, worker.control_segment, worker.own_arena, worker.socket);
  const size_t half = size / sizeof(Op) / 2;
  Program messages(data, half * sizeof(Op));
  Op op;
  while (messages.next(op, kTweak + 1)) {
    hostile.run(op);
    op.code = fuzz::kWrite;
    op.c = 0;
    hostile.run(op);
  }
  std::vector<Op> changes;
  Program rest(data + half * sizeof(Op), size - half * sizeof(Op));
  while (rest.next(op, kCodes)) changes.push_back(op);

  std::atomic<bool> reading{true};
  std::thread writer([&] {
    while (reading.load(std::memory_order_relaxed))
      for (const Op& each : changes) change(worker, each);
  });
  Honest honest(*ledger);
  for (int round = 0; round < kRounds; ++round) {
    honest.run(*worker.node, Op{kReceive, 3, 0, 0, 0});
    honest.run(*worker.node, Op{kWait, 0, 0, 0, 0});
  }
  reading.store(false, std::memory_order_relaxed);
  writer.join();
  MUST(ledger->is_valid());
  honest.release_all();
  worker.node->reap();
  worker.node.reset();
  must_be_empty(*ledger);
}

size_t mutate(uint8_t* data, size_t size, size_t most, Random& random, MutateBytes bytes) {
  return mutate_ops(data, size, most, random, kTweak + 1, bytes);
}

const Registration registration({"race", run, mutate});

}  // namespace

}  // namespace isthmus::fuzz
