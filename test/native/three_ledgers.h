// Three processes' ledgers in one: Node between workers A and B. What a ring would carry is carried by hand.
#pragma once

#include <unistd.h>

#include "core/ledger.h"
#include "run.h"

namespace isthmus::test {

// One process: its ledger, and the arena that it shares.
struct Party {
  static constexpr uint64_t kArenaBytes = 64ull << 20;

  explicit Party(uint64_t arena_id, uint64_t limit_bytes = UINT64_MAX / 4, uint64_t retain_bytes = 0)
      : id(arena_id), ledger(arena_id, made(descriptor), limit_bytes, retain_bytes) {}

  static Segment made(int& descriptor) {
    Segment segment;
    CHECK_EQ(Segment::create("ledger-test", kArenaBytes, segment), Status::kOk);
    descriptor = segment.descriptor();
    return segment;
  }
  // A second mapping of the arena, as another process has it.
  [[nodiscard]] Segment shared() const {
    Segment segment;
    CHECK_EQ(Segment::adopt(dup(descriptor), segment), Status::kOk);
    return segment;
  }
  Slot allocate(uint64_t bytes) {
    Slot slot = kNoSlot;
    CHECK_EQ(ledger.allocate(bytes, false, slot), Status::kOk);
    return slot;
  }

  int descriptor = -1;
  uint64_t id;
  Ledger ledger;
  Counters counters{};
};

// What one process says to another through a channel, in order.
struct Link {
  Party& from;
  Party& to;
  ChannelId there;  // the channel's id in `from`
  ChannelId here;   // and in `to`

  // A message that names the block: lent by one, accepted by the other.
  [[nodiscard]] Status mention(Slot slot, Slot& accepted) {
    BlockName name{};
    const Status status = from.ledger.lend(slot, there, name);
    return status == Status::kOk ? to.ledger.accept(here, name, accepted) : status;
  }
  Slot mention(Slot slot) {
    Slot accepted = kNoSlot;
    CHECK_EQ(mention(slot, accepted), Status::kOk);
    return accepted;
  }
  // All returns that are owed. How many leases they were.
  uint64_t give_back() {
    uint64_t leases = 0;
    LeaseReturn returns[16];
    uint64_t bytes = 0;
    for (;;) {
      const uint32_t count = from.ledger.take_returns(there, returns, 16, &bytes);
      if (count == 0) return leases;
      for (uint32_t at = 0; at < count; ++at) {
        leases += returns[at].count;
        CHECK_EQ(to.ledger.give_back(here, returns[at]), Status::kOk);
      }
    }
  }
};

struct ThreeLedgers {
  ThreeLedgers() : a(0xa), node(0x0de), b(0xb) {
    const ChannelId to_a = node.ledger.add_channel(a.id, a.shared(), &node.counters, &a.counters);
    const ChannelId to_b = node.ledger.add_channel(b.id, b.shared(), &node.counters, &b.counters);
    const ChannelId of_a = a.ledger.add_channel(node.id, node.shared(), &a.counters, &node.counters);
    const ChannelId of_b = b.ledger.add_channel(node.id, node.shared(), &b.counters, &node.counters);
    // A third party's arena reaches B through Node, so B knows it as Node's to lend.
    CHECK_EQ(b.ledger.add_arena(of_b, a.id, a.shared()), Status::kOk);
    node_to_a = new Link{node, a, to_a, of_a};
    a_to_node = new Link{a, node, of_a, to_a};
    node_to_b = new Link{node, b, to_b, of_b};
    b_to_node = new Link{b, node, of_b, to_b};
  }
  ~ThreeLedgers() {
    for (Link* link : {node_to_a, a_to_node, node_to_b, b_to_node}) delete link;
  }
  [[nodiscard]] bool is_valid() { return a.ledger.is_valid() && node.ledger.is_valid() && b.ledger.is_valid(); }

  Party a;
  Party node;
  Party b;
  Link* node_to_a;
  Link* a_to_node;
  Link* node_to_b;
  Link* b_to_node;
};

}  // namespace isthmus::test
