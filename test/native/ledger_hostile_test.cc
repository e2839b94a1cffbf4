// Peers that name what is not theirs, and peers that die.
#include <sys/stat.h>

#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "core/ledger.h"
#include "run.h"
#include "three_ledgers.h"

using namespace isthmus;
using isthmus::test::Link;
using isthmus::test::Party;
using isthmus::test::ThreeLedgers;

namespace {

constexpr uint64_t kMiB = 1 << 20;

uint64_t touched_bytes(int descriptor) {
  struct stat status{};
  fstat(descriptor, &status);
  return static_cast<uint64_t>(status.st_blocks) * 512;
}

BlockName lent_name(Link& link, Slot slot) {
  BlockName name{};
  CHECK_EQ(link.from.ledger.lend(slot, link.there, name), Status::kOk);
  return name;
}

Status accept(Link& link, const BlockName& name) {
  Slot slot = kNoSlot;
  return link.to.ledger.accept(link.here, name, slot);
}

Status give_back(Link& link, const BlockName& name, uint32_t count) {
  return link.to.ledger.give_back(link.here, LeaseReturn{name.arena, name.block, count});
}

}  // namespace

TEST("a peer that names a free block of ours is refused") {
  ThreeLedgers all;
  const Slot slot = all.node.allocate(kMiB);
  const BlockName name = lent_name(*all.node_to_a, slot);
  all.node.ledger.release(slot);
  CHECK_EQ(give_back(*all.a_to_node, name, 1), Status::kOk);
  CHECK_EQ(accept(*all.a_to_node, name), Status::kProtocol);
}

TEST("a peer that names a block of ours on which it has no lease is refused, though another has one") {
  ThreeLedgers all;
  const Slot slot = all.node.allocate(kMiB);
  const BlockName name = lent_name(*all.node_to_b, slot);
  CHECK_EQ(accept(*all.a_to_node, name), Status::kProtocol);
  CHECK_EQ(accept(*all.b_to_node, name), Status::kOk);
  CHECK_EQ(give_back(*all.a_to_node, name, 1), Status::kProtocol);
  CHECK_EQ(give_back(*all.b_to_node, name, 1), Status::kOk);
  CHECK_EQ(accept(*all.b_to_node, name), Status::kProtocol);  // it had returned the lease
}

TEST("a peer that names a part of a block, more than a block, or another start is refused") {
  ThreeLedgers all;
  const BlockName name = lent_name(*all.node_to_a, all.node.allocate(kMiB));
  CHECK_EQ(accept(*all.a_to_node, {name.arena, name.block, name.length - 1}), Status::kProtocol);
  CHECK_EQ(accept(*all.a_to_node, {name.arena, name.block, name.length + 1}), Status::kProtocol);
  CHECK_EQ(accept(*all.a_to_node, {name.arena, name.block + 64, name.length - 64}), Status::kProtocol);
  CHECK_EQ(accept(*all.a_to_node, {name.arena, name.block, 0}), Status::kProtocol);
}

TEST("a peer's own block must lie in its arena, aligned, and be something") {
  ThreeLedgers all;
  const uint64_t size = Party::kArenaBytes;
  for (const BlockName& name :
       {BlockName{0xa, 0, 0}, BlockName{0xa, 0, size + 1}, BlockName{0xa, size, 64}, BlockName{0xa, size - 64, 65},
        BlockName{0xa, UINT64_MAX - 63, 64}, BlockName{0xa, 64, UINT64_MAX - 63}, BlockName{0xa, 1, 64},
        BlockName{0xa, 64, UINT64_MAX}})
    CHECK_EQ(accept(*all.a_to_node, name), Status::kProtocol);
  CHECK_EQ(accept(*all.a_to_node, {0xa, size - 64, 64}), Status::kOk);
  CHECK_EQ(accept(*all.a_to_node, {0xa, size - 64, 32}), Status::kProtocol);  // two lengths of one block
  CHECK(all.is_valid());
}

TEST("an unknown arena, and another worker's arena, are refused") {
  ThreeLedgers all;
  CHECK_EQ(accept(*all.a_to_node, {0x77, 0, 64}), Status::kProtocol);
  CHECK_EQ(accept(*all.a_to_node, {0xb, 0, 64}), Status::kProtocol);
  const Slot in_node = all.b_to_node->mention(all.b.allocate(100));
  const BlockName name = lent_name(*all.node_to_b, in_node);  // back to B: its own block
  CHECK_EQ(name.arena, 0xbu);
  CHECK_EQ(accept(*all.a_to_node, name), Status::kProtocol);
  CHECK_EQ(accept(*all.b_to_node, name), Status::kOk);
}

TEST("a return of a lease not held, of too many, of none, or of nothing known is refused and changes nothing") {
  ThreeLedgers all;
  const Slot slot = all.node.allocate(kMiB);
  const BlockName name = lent_name(*all.node_to_a, slot);
  (void)lent_name(*all.node_to_a, slot);
  CHECK_EQ(give_back(*all.a_to_node, name, 3), Status::kProtocol);
  CHECK_EQ(give_back(*all.a_to_node, name, UINT32_MAX), Status::kProtocol);
  CHECK_EQ(give_back(*all.a_to_node, name, 0), Status::kProtocol);
  CHECK_EQ(give_back(*all.b_to_node, name, 1), Status::kProtocol);
  CHECK_EQ(give_back(*all.a_to_node, {0x77, 0, 0}, 1), Status::kProtocol);
  CHECK_EQ(give_back(*all.a_to_node, {name.arena, name.block + 64, 0}, 1), Status::kProtocol);
  CHECK_EQ(all.node.ledger.stats().lent_leases, 2u);
  CHECK_EQ(give_back(*all.a_to_node, name, 2), Status::kOk);
  CHECK_EQ(give_back(*all.a_to_node, name, 1), Status::kProtocol);
  CHECK_EQ(all.node.ledger.stats().own_blocks, 1u);
}

// --- death -------------------------------------------------------------------------------------------------

TEST("a reaped borrower's leases are dropped, and nobody else's") {
  ThreeLedgers all;
  const Slot shared = all.node.allocate(kMiB);
  const Slot only_a = all.node.allocate(kMiB);
  (void)all.node_to_a->mention(shared);
  (void)all.node_to_a->mention(shared);
  (void)all.node_to_a->mention(only_a);
  (void)all.node_to_b->mention(shared);
  all.node.ledger.release(shared);
  all.node.ledger.release(only_a);
  CHECK_EQ(all.node.ledger.stats().own_blocks, 2u);
  all.node.ledger.drop_channel(all.node_to_a->there);
  CHECK_EQ(all.node.ledger.stats().own_blocks, 1u);
  CHECK_EQ(all.node.ledger.stats().lent_leases, 1u);
  all.node.ledger.drop_channel(all.node_to_b->there);
  CHECK_EQ(all.node.ledger.stats().own_blocks, 0u);
  CHECK(all.node.ledger.is_valid());
}

TEST("nothing is lent to a reaped process, and a lease lent before can still be taken back") {
  ThreeLedgers all;
  const Slot slot = all.node.allocate(kMiB);
  BlockName name = lent_name(*all.node_to_a, slot);
  all.node.ledger.drop_channel(all.node_to_a->there);
  all.node.ledger.unlend(slot, all.node_to_a->there);
  CHECK_EQ(all.node.ledger.stats().lent_leases, 0u);
  CHECK_EQ(all.node.ledger.lend(slot, all.node_to_a->there, name), Status::kClosed);
  all.node.ledger.release(slot);
  CHECK_EQ(all.node.ledger.stats().own_blocks, 0u);
}

TEST("what a dead owner lent stays readable; the rest of its pages go back, and nothing is owed to it") {
  ThreeLedgers all;
  const Slot kept = all.a.allocate(100);
  const Slot other = all.a.allocate(8 * kMiB);
  std::memset(all.a.ledger.data(kept), 5, 100);
  std::memset(all.a.ledger.data(other), 6, 8 * kMiB);
  const Slot in_node = all.a_to_node->mention(kept);
  all.node.ledger.drop_channel(all.node_to_a->there);
  CHECK_EQ(touched_bytes(all.a.descriptor), 4096u);
  for (int at = 0; at < 100; ++at) REQUIRE_EQ(all.node.ledger.data(in_node)[at], 5);
  Slot found = kNoSlot;
  CHECK(all.node.ledger.find(all.node.ledger.data(in_node) + 50, found));
  all.node.ledger.release(found);
  BlockName name{};
  CHECK(all.node.ledger.lend(in_node, all.node_to_a->there, name) != Status::kOk);
  all.node.ledger.release(in_node);
  CHECK(!all.node.ledger.owes(all.node_to_a->there));
  CHECK_EQ(all.node.ledger.stats().borrowed_blocks, 0u);
  CHECK_EQ(accept(*all.a_to_node, {0xa, 0, 64}), Status::kProtocol);
  CHECK(all.node.ledger.is_valid());
}

TEST("A lends to Node, Node to B: any of them may die at any step, and no block is lost or freed early") {
  // Steps: 0 A lends, 1 Node lends on, 2 A and Node let go, 3 B lets go and returns, 4 Node returns.
  for (int died_after = 0; died_after < 5; ++died_after) {
    for (const bool is_a : {true, false}) {
      ThreeLedgers all;
      bool a_lives = true;
      bool b_lives = true;
      Slot in_a = all.a.allocate(kMiB);
      Slot in_node = kNoSlot;
      Slot in_b = kNoSlot;
      for (int step = 0; step < 5; ++step) {
        if (step == 0) in_node = all.a_to_node->mention(in_a), std::memset(all.a.ledger.data(in_a), 3, 64);
        if (step == 1 && b_lives) in_b = all.node_to_b->mention(in_node);
        if (step == 2) all.node.ledger.release(in_node);
        if (step == 2 && a_lives) all.a.ledger.release(in_a);
        if (step == 3 && b_lives) {
          CHECK_EQ(all.b.ledger.data(in_b)[63], 3);
          all.b.ledger.release(in_b);
          all.b_to_node->give_back();
        }
        if (step == 4 && a_lives) all.node_to_a->give_back();
        if (step == died_after) {
          (is_a ? a_lives : b_lives) = false;
          all.node.ledger.drop_channel(is_a ? all.node_to_a->there : all.node_to_b->there);
        }
        CHECK(all.is_valid());
      }
      CHECK_EQ(all.node.ledger.stats().borrowed_blocks, 0u);
      CHECK_EQ(all.node.ledger.stats().lent_leases, 0u);
      if (a_lives) {
        all.node_to_a->give_back();
        CHECK_EQ(all.a.ledger.stats().own_blocks, 0u);
      }
    }
  }
}

TEST("a random life of three processes: marks stay, books add up, and in the end everything is free") {
  for (uint32_t seed = 0; seed < 6; ++seed) {
    std::mt19937 random(seed);
    ThreeLedgers all;
    struct Held {
      Party* party;
      Slot slot;
    };
    std::vector<Held> held;  // one entry per reference
    Link* const links[] = {all.node_to_a, all.a_to_node, all.node_to_b, all.b_to_node};
    const auto mark = [](Party& party, Slot slot) {
      std::memcpy(&slot, party.ledger.data(slot), sizeof slot);
      return slot;
    };
    uint32_t marks = 0;
    for (int step = 0; step < 6'000; ++step) {
      const uint32_t what = random() % 10;
      if (what < 3 || held.empty()) {
        Party& party = *std::vector<Party*>{&all.a, &all.node, &all.b}[random() % 3];
        Slot slot = kNoSlot;
        if (party.ledger.allocate(random() % (random() % 4 == 0 ? 300'000 : 3'000), false, slot) != Status::kOk)
          continue;
        ++marks;
        std::memcpy(party.ledger.data(slot), &marks, sizeof marks);
        held.push_back({&party, slot});
        continue;
      }
      const size_t at = random() % held.size();
      const Held chosen = held[at];
      if (what < 6) {
        Link& link = *links[random() % 4];
        if (&link.from != chosen.party) continue;
        Slot accepted = kNoSlot;
        const Status status = link.mention(chosen.slot, accepted);
        if (status != Status::kOk) {  // a third party's arena that was never announced to this one
          REQUIRE_EQ(status, Status::kProtocol);
          link.from.ledger.unlend(chosen.slot, link.there);
          continue;
        }
        REQUIRE_EQ(mark(link.to, accepted), mark(*chosen.party, chosen.slot));
        held.push_back({&link.to, accepted});
      } else if (what < 9) {
        chosen.party->ledger.release(chosen.slot);
        held[at] = held.back();
        held.pop_back();
      } else {
        links[random() % 4]->give_back();
      }
      if (step % 64 == 0) REQUIRE(all.is_valid());
    }
    for (const Held& each : held) each.party->ledger.release(each.slot);
    for (int round = 0; round < 3; ++round)
      for (Link* link : links) link->give_back();
    for (Party* party : {&all.a, &all.node, &all.b}) {
      const LedgerStats stats = party->ledger.stats();
      CHECK_EQ(stats.own_blocks + stats.borrowed_blocks + stats.lent_leases, 0u);
      CHECK(party->ledger.is_valid());
    }
  }
}
