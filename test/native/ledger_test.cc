// Who uses a block, and when it is free: L1 to L5.
#include "core/ledger.h"

#include <cstring>
#include <thread>
#include <vector>

#include "run.h"
#include "three_ledgers.h"

using namespace isthmus;
using isthmus::test::Link;
using isthmus::test::Party;
using isthmus::test::ThreeLedgers;

namespace {

constexpr uint64_t kMiB = 1 << 20;

uint64_t own_blocks(Party& party) { return party.ledger.stats().own_blocks; }
uint64_t borrowed_blocks(Party& party) { return party.ledger.stats().borrowed_blocks; }

}  // namespace

// --- own blocks ------------------------------------------------------------------------------------------

TEST("a block lives as long as one reference to it") {
  Party node(1);
  const Slot slot = node.allocate(kMiB);
  CHECK(node.ledger.length(slot) >= kMiB);
  node.ledger.retain(slot);
  node.ledger.release(slot);
  CHECK_EQ(own_blocks(node), 1u);
  node.ledger.release(slot);
  CHECK_EQ(own_blocks(node), 0u);
  CHECK(node.ledger.is_valid());
}

TEST("zeros in recycled memory are zeros") {
  Party node(1, UINT64_MAX / 4, 16 * kMiB);
  for (const uint64_t bytes : {uint64_t{100}, uint64_t{4000}, 2 * kMiB}) {
    Slot slot = node.allocate(bytes);
    std::memset(node.ledger.data(slot), 0xff, node.ledger.length(slot));
    node.ledger.release(slot);
    REQUIRE_EQ(node.ledger.allocate(bytes, true, slot), Status::kOk);
    for (uint64_t at = 0; at < bytes; ++at) REQUIRE_EQ(node.ledger.data(slot)[at], 0);
  }
}

TEST("an address finds its block, from the first byte to the last and no further") {
  Party node(1);
  const Slot slot = node.allocate(kMiB);
  uint8_t* data = node.ledger.data(slot);
  Slot found = kNoSlot;
  for (const uint64_t at : {uint64_t{0}, uint64_t{77}, kMiB - 1}) {
    CHECK(node.ledger.find(data + at, found));
    CHECK_EQ(found, slot);
  }
  CHECK(!node.ledger.find(data + kMiB, found));
  CHECK(!node.ledger.find(&node, found));
  CHECK(node.ledger.owns_address(data + kMiB));
  CHECK(!node.ledger.owns_address(&node));
  for (int reference = 0; reference < 4; ++reference) node.ledger.release_address(data + 5);
  CHECK_EQ(own_blocks(node), 0u);
  node.ledger.release_address(data);  // of no live block: nothing happens
  CHECK(!node.ledger.find(data, found));
}

TEST("a slot that names no block does nothing") {
  Party node(1);
  const Slot slot = node.allocate(100);
  node.ledger.release(slot);
  BlockName name{};
  for (const Slot stale : {slot, Slot{12345}, kNoSlot}) {
    node.ledger.release(stale);
    node.ledger.retain(stale);
    node.ledger.unlend(stale, 0);
    CHECK(node.ledger.data(stale) == nullptr);
    CHECK_EQ(node.ledger.length(stale), 0u);
    CHECK_EQ(node.ledger.lend(stale, 0, name), Status::kUnknownBlock);
  }
  CHECK(node.ledger.is_valid());
  CHECK_EQ(node.allocate(100), slot);
  CHECK_EQ(own_blocks(node), 1u);
}

TEST("the limit is on the physical bytes of all arenas together") {
  Party node(1, 8 * kMiB);
  Party worker(2, 8 * kMiB);
  (void)node.ledger.add_channel(worker.id, worker.shared(), &node.counters, &worker.counters);
  (void)worker.ledger.add_channel(node.id, node.shared(), &worker.counters, &node.counters);
  Slot slot = kNoSlot;
  (void)node.allocate(6 * kMiB);
  CHECK_EQ(worker.ledger.allocate(3 * kMiB, false, slot), Status::kArenaFull);
  CHECK_EQ(worker.ledger.allocate(2 * kMiB, false, slot), Status::kOk);
  CHECK_EQ(node.ledger.allocate(kMiB, false, slot), Status::kArenaFull);
  CHECK_EQ(node.ledger.stats().peer_bytes, 2 * kMiB);
  worker.counters.physical_bytes = UINT64_MAX;  // a lie costs the liar's partner room, and does not overflow
  CHECK_EQ(node.ledger.allocate(100, false, slot), Status::kArenaFull);
  CHECK_EQ(node.ledger.stats().peer_bytes, 8 * kMiB);
  CHECK(!node.ledger.prefault(kMiB) || node.ledger.stats().physical_bytes <= 8 * kMiB);
}

TEST("the largest holders are named, the largest first") {
  ThreeLedgers all;
  const Slot small = all.node.allocate(100);
  const Slot large = all.node.allocate(2 * kMiB);
  (void)all.node.allocate(kMiB);
  all.node.ledger.retain(large);
  (void)all.node_to_a->mention(small);
  const auto holders = all.node.ledger.largest(2);
  REQUIRE_EQ(holders.size(), 2u);
  CHECK_EQ(holders[0].length, 2 * kMiB);
  CHECK_EQ(holders[0].refs, 2u);
  CHECK_EQ(holders[1].length, kMiB);
  CHECK_EQ(all.node.ledger.largest(99).back().lent, 1u);
}

// --- lend, accept, give back -------------------------------------------------------------------------------

TEST("a lent block outlives its owner's references, and is free when the lease comes back") {
  ThreeLedgers all;
  const Slot slot = all.node.allocate(kMiB);
  all.node.ledger.data(slot)[3] = 7;
  const Slot borrowed = all.node_to_a->mention(slot);
  CHECK_EQ(all.a.ledger.data(borrowed)[3], 7);
  all.node.ledger.release(slot);
  CHECK_EQ(own_blocks(all.node), 1u);
  CHECK_EQ(all.node.ledger.stats().lent_leases, 1u);
  CHECK(!all.a.ledger.owes(all.a_to_node->there));
  all.a.ledger.release(borrowed);
  CHECK(all.a.ledger.owes(all.a_to_node->there));
  CHECK_EQ(all.a_to_node->give_back(), 1u);
  CHECK_EQ(own_blocks(all.node), 0u);
  CHECK_EQ(borrowed_blocks(all.a), 0u);
  CHECK(all.is_valid());
}

TEST("every mention is a lease; the last release owes all of them at once") {
  ThreeLedgers all;
  const Slot slot = all.node.allocate(kMiB);
  const Slot borrowed = all.node_to_a->mention(slot);
  CHECK_EQ(all.node_to_a->mention(slot), borrowed);
  CHECK_EQ(all.node_to_a->mention(slot), borrowed);
  CHECK_EQ(all.node.ledger.stats().lent_leases, 3u);
  CHECK_EQ(all.a.ledger.borrowed_bytes(), all.a.ledger.length(borrowed));
  all.a.ledger.release(borrowed);
  all.a.ledger.release(borrowed);
  CHECK_EQ(all.a_to_node->give_back(), 0u);
  all.a.ledger.release(borrowed);
  CHECK_EQ(all.a_to_node->give_back(), 3u);
  CHECK_EQ(all.a.ledger.borrowed_bytes(), 0u);
  CHECK_EQ(all.node.ledger.stats().lent_leases, 0u);
}

TEST("a block mentioned anew while its return is on the way is a new lease") {
  ThreeLedgers all;
  const Slot slot = all.node.allocate(kMiB);
  all.a.ledger.release(all.node_to_a->mention(slot));
  const Slot again = all.node_to_a->mention(slot);
  CHECK_EQ(all.a_to_node->give_back(), 1u);
  CHECK_EQ(all.node.ledger.stats().lent_leases, 1u);
  all.a.ledger.release(again);
  CHECK_EQ(all.a_to_node->give_back(), 1u);
  CHECK(all.is_valid());
}

TEST("a lease whose message was never published is taken back") {
  ThreeLedgers all;
  BlockName name{};
  const Slot slot = all.node.allocate(kMiB);
  CHECK_EQ(all.node.ledger.lend(slot, all.node_to_a->there, name), Status::kOk);
  all.node.ledger.unlend(slot, all.node_to_a->there);
  CHECK_EQ(all.node.ledger.stats().lent_leases, 0u);
  all.node.ledger.unlend(slot, all.node_to_a->there);  // nothing is left to take back
  CHECK_EQ(all.node.ledger.stats().lent_leases, 0u);
  all.node.ledger.release(slot);
  CHECK_EQ(own_blocks(all.node), 0u);
}

TEST("returns that could not be published stay owed") {
  ThreeLedgers all;
  all.a.ledger.release(all.node_to_a->mention(all.node.allocate(kMiB)));
  LeaseReturn returns[4];
  uint64_t bytes = 0;
  const uint32_t count = all.a.ledger.take_returns(all.a_to_node->there, returns, 4, &bytes);
  CHECK_EQ(count, 1u);
  CHECK_EQ(bytes, kMiB);
  CHECK(!all.a.ledger.owes(all.a_to_node->there));
  all.a.ledger.untake_returns(all.a_to_node->there, returns, count);
  CHECK_EQ(all.a_to_node->give_back(), 1u);
}

// --- on, and back ------------------------------------------------------------------------------------------

TEST("a block sent back to its owner is the owner's block: no lease, no copy, no second life") {
  ThreeLedgers all;
  const Slot slot = all.node.allocate(kMiB);
  const Slot borrowed = all.node_to_a->mention(slot);
  CHECK_EQ(all.a_to_node->mention(borrowed), slot);
  CHECK_EQ(all.a.ledger.stats().lent_leases, 0u);
  all.node.ledger.release(slot);
  all.a.ledger.release(borrowed);
  all.a_to_node->give_back();
  CHECK_EQ(own_blocks(all.node), 1u);  // the reference of the result that named it
  all.node.ledger.release(slot);
  CHECK_EQ(own_blocks(all.node), 0u);
}

TEST("a block lent on through Node comes back only when the last borrower has returned it") {
  ThreeLedgers all;
  const Slot in_a = all.a.allocate(kMiB);
  const Slot in_node = all.a_to_node->mention(in_a);
  const Slot in_b = all.node_to_b->mention(in_node);
  all.a.ledger.data(in_a)[9] = 4;
  CHECK_EQ(all.b.ledger.data(in_b)[9], 4);
  all.a.ledger.release(in_a);
  all.node.ledger.release(in_node);
  CHECK_EQ(all.node_to_a->give_back(), 0u);
  CHECK_EQ(borrowed_blocks(all.node), 1u);
  CHECK(all.is_valid());
  all.b.ledger.release(in_b);
  CHECK_EQ(all.b_to_node->give_back(), 1u);
  CHECK_EQ(borrowed_blocks(all.node), 0u);
  CHECK_EQ(all.node_to_a->give_back(), 1u);
  CHECK_EQ(own_blocks(all.a), 0u);
  CHECK(all.is_valid());
}

TEST("a block lent on may be sent back by the last borrower, and on to its owner") {
  ThreeLedgers all;
  const Slot in_a = all.a.allocate(kMiB);
  const Slot in_node = all.a_to_node->mention(in_a);
  const Slot in_b = all.node_to_b->mention(in_node);
  CHECK_EQ(all.b_to_node->mention(in_b), in_node);
  CHECK_EQ(all.node_to_a->mention(in_node), in_a);
  for (int reference = 0; reference < 2; ++reference) all.a.ledger.release(in_a), all.node.ledger.release(in_node);
  all.b.ledger.release(in_b);
  CHECK_EQ(own_blocks(all.a), 1u);
  all.b_to_node->give_back();
  all.node_to_a->give_back();
  CHECK_EQ(own_blocks(all.a), 0u);
}

// --- threads -----------------------------------------------------------------------------------------------

TEST("many threads allocate, lend, release and look at once") {
  ThreeLedgers all;
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; ++number)
    threads.emplace_back([&all, number] {
      for (int step = 0; step < 2'000; ++step) {
        Slot slot = kNoSlot;
        const uint64_t bytes = step % 8 == 0 ? 70'000 : 100;
        if (all.node.ledger.allocate(bytes, step % 3 == 0, slot) != Status::kOk) continue;
        uint8_t* data = all.node.ledger.data(slot);
        std::memset(data, number, 64);
        BlockName name{};
        CHECK_EQ(all.node.ledger.lend(slot, all.node_to_a->there, name), Status::kOk);
        Slot found = kNoSlot;
        CHECK(all.node.ledger.find(data + 1, found));
        CHECK_EQ(data[63], number);
        all.node.ledger.release(found);
        all.node.ledger.release(slot);
        CHECK_EQ(all.node.ledger.give_back(all.node_to_a->there, {name.arena, name.block, 1}), Status::kOk);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(own_blocks(all.node), 0u);
  CHECK(all.is_valid());
}
