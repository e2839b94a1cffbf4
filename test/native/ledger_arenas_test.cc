// Other processes' arenas in a ledger: how many are announced, whose bytes count, and what stays of the dead.
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstring>
#include <memory>
#include <vector>

#include "core/ledger.h"
#include "os/os.h"
#include "process.h"
#include "run.h"
#include "three_ledgers.h"

using namespace isthmus;
using namespace isthmus::test;

namespace {

constexpr uint64_t kMiB = 1 << 20;

uint64_t touched_bytes(int descriptor) {
  struct stat status{};
  fstat(descriptor, &status);
  return static_cast<uint64_t>(status.st_blocks) * 512;
}

Segment small_segment() {
  Segment segment;
  CHECK_EQ(Segment::create("t", kMiB, segment), Status::kOk);
  return segment;
}

// Tells the channel's process of the arena, if it must be told.
Status tell(Ledger& ledger, ChannelId to, uint64_t arena, bool& told) {
  int descriptor = -1;
  const Status status = ledger.announcement(to, arena, descriptor);
  told = status == Status::kOk && descriptor >= 0;
  if (told) ledger.announced(to, arena);
  return status;
}

}  // namespace

TEST("a process is told of an arena once, never of its own or of Node's, and never of one that is unknown") {
  ThreeLedgers all;
  bool told = false;
  const ChannelId to_b = all.node_to_b->there;
  (void)all.a_to_node->mention(all.a.allocate(kMiB));
  CHECK_EQ(tell(all.node.ledger, to_b, all.a.id, told), Status::kOk);
  CHECK(told);
  for (const uint64_t arena : {all.a.id, all.b.id, all.node.id}) {
    CHECK_EQ(tell(all.node.ledger, to_b, arena, told), Status::kOk);
    CHECK(!told);
  }
  CHECK_EQ(tell(all.node.ledger, to_b, 99, told), Status::kUnknownBlock);
}

TEST("a process that knows as many arenas as it may is told of another one when it no longer uses one of them") {
  int unused = -1;
  Ledger node(1, Party::made(unused), UINT64_MAX / 4, 0);
  int reader_descriptor = -1;
  const ChannelId reader = node.add_channel(2, Party::made(reader_descriptor), nullptr, nullptr);
  std::vector<Slot> lent;
  bool told = false;
  for (uint64_t at = 0; at <= kMaxAnnounced; ++at) {
    const uint64_t arena = 100 + at;
    const ChannelId writer = node.add_channel(arena, small_segment(), nullptr, nullptr);
    Slot slot = kNoSlot;
    REQUIRE_EQ(node.accept(writer, {arena, 0, 4096}, slot), Status::kOk);
    BlockName name{};
    REQUIRE_EQ(node.lend(slot, reader, name), Status::kOk);
    lent.push_back(slot);
    const Status status = tell(node, reader, arena, told);
    CHECK_EQ(status, at < kMaxAnnounced ? Status::kOk : Status::kTooManyArenas);
    CHECK_EQ(told, at < kMaxAnnounced);
  }
  CHECK(!node.owes(reader));
  CHECK_EQ(node.give_back(reader, {107, 0, 1}), Status::kOk);
  CHECK_EQ(tell(node, reader, 100 + kMaxAnnounced, told), Status::kOk);
  CHECK(told);
  uint64_t gone = 0;
  CHECK(node.owes(reader));
  CHECK(node.take_gone(reader, gone));
  CHECK_EQ(gone, 107u);
  CHECK(!node.take_gone(reader, gone));
  CHECK_EQ(tell(node, reader, 107, told), Status::kTooManyArenas);
  node.untake_gone(reader, 107);
  CHECK(node.owes(reader));
}

TEST("a worker takes no more arenas than it may know") {
  int own = -1;
  Ledger worker(1, Party::made(own), UINT64_MAX / 4, 0);
  int descriptor = -1;
  const ChannelId node = worker.add_channel(2, Party::made(descriptor), nullptr, nullptr);
  for (uint64_t at = 0; at < kMaxAnnounced; ++at)
    REQUIRE_EQ(worker.add_arena(node, 100 + at, small_segment()), Status::kOk);
  CHECK_EQ(worker.add_arena(node, 99, small_segment()), Status::kProtocol);
  CHECK_EQ(worker.remove_arena(node, 100), Status::kOk);
  CHECK_EQ(worker.add_arena(node, 99, small_segment()), Status::kOk);
}

// A sanitizer reserves more address space than any limit leaves.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST("an arena for which there is no address space: its blocks have no data, until there is some") {
  Process limited([] {
    int own = -1;
    Ledger worker(1, Party::made(own), UINT64_MAX / 4, 0);
    int descriptor = -1;
    const ChannelId node = worker.add_channel(2, Party::made(descriptor), nullptr, nullptr);
    Segment unmapped;
    if (Segment::adopt_unmapped(os::create_segment("t", uint64_t{64} << 30), unmapped) != Status::kOk) return 1;
    const rlimit little{uint64_t{32} << 30, RLIM_INFINITY};
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    if (setrlimit(RLIMIT_AS, &little) != 0 || unmapped.map()) return 2;
    if (worker.add_arena(node, 7, std::move(unmapped)) != Status::kOk) return 3;
    Slot slot = kNoSlot;
    if (worker.accept(node, {7, 0, uint64_t{65} << 30}, slot) != Status::kProtocol) return 4;
    if (worker.accept(node, {7, 64, 64}, slot) != Status::kOk || worker.data(slot) != nullptr) return 5;
    if (Slot found = kNoSlot; worker.find(reinterpret_cast<void*>(64), found)) return 6;
    if (setrlimit(RLIMIT_AS, &unlimited) != 0) return 7;
    Slot again = kNoSlot;
    if (worker.accept(node, {7, 64, 64}, again) != Status::kOk || again != slot || worker.data(slot) == nullptr)
      return 8;
    worker.data(slot)[63] = 1;
    worker.release(slot);
    worker.release(slot);
    LeaseReturn back{};
    uint64_t bytes = 0;
    return worker.take_returns(node, &back, 1, &bytes) == 1 && back.count == 2 && worker.is_valid() ? 0 : 9;
  });
  CHECK_EQ(limited.wait(), 0);
}
#endif

TEST("a reaped process's channel id is free again, and its orphaned arena is not the newcomer's to name") {
  ThreeLedgers all;
  Ledger& node = all.node.ledger;
  const Slot in_node = all.a_to_node->mention(all.a.allocate(kMiB));
  const ChannelId old = all.node_to_a->there;
  node.drop_channel(old);
  node.drop_channel(old);
  node.forget_channel(old);
  int descriptor = -1;
  Counters counters{};
  const ChannelId fresh = node.add_channel(0xa2, Party::made(descriptor), &all.node.counters, &counters);
  CHECK_EQ(fresh, old);
  Slot slot = kNoSlot;
  CHECK_EQ(node.accept(fresh, {all.a.id, 0, kMiB}, slot), Status::kProtocol);
  CHECK_EQ(node.accept(fresh, {all.a.id, 8 * kMiB, 64}, slot), Status::kProtocol);
  BlockName name{};
  CHECK_EQ(node.lend(in_node, fresh, name), Status::kOk);
  CHECK_EQ(name.arena, all.a.id);
  CHECK_EQ(node.accept(fresh, name, slot), Status::kOk);  // it has a lease now
  node.forget_channel(all.node_to_b->there);              // never dropped: its process may be writing
  CHECK_EQ(node.add_channel(0xa3, Party::made(descriptor), &all.node.counters, &counters), 2u);
  CHECK(node.is_valid());
}

// --- physical bytes ----------------------------------------------------------------------------------------

TEST(
    "the limit is of all arenas: each worker learns what Node and the other workers use, but not its own bytes twice") {
  constexpr uint64_t kLimit = 16 * kMiB;
  int descriptor = -1;
  Ledger node(1, Party::made(descriptor), kLimit, 0);
  struct Worker {
    Counters own{};   // as the worker publishes them
    Counters told{};  // as Node does
    ChannelId id = kNoChannel;
  } workers[3];
  for (uint64_t at = 0; at < 3; ++at) {
    int arena = -1;
    workers[at].id = node.add_channel(10 + at, Party::made(arena), &workers[at].told, &workers[at].own);
  }
  const auto told = [&](int at) { return workers[at].told.physical_bytes.load(); };
  workers[0].own.physical_bytes = 2 * kMiB;
  workers[1].own.physical_bytes = 3 * kMiB;
  Slot slot = kNoSlot;
  REQUIRE_EQ(node.allocate(kMiB, false, slot), Status::kOk);
  CHECK_EQ(told(0), 4 * kMiB);
  CHECK_EQ(told(1), 3 * kMiB);
  CHECK_EQ(told(2), 6 * kMiB);
  CHECK_EQ(node.stats().peer_bytes, 5 * kMiB);
  Slot other = kNoSlot;
  CHECK_EQ(node.allocate(11 * kMiB, false, other), Status::kArenaFull);
  REQUIRE_EQ(node.allocate(10 * kMiB, false, other), Status::kOk);
  node.release(other);

  workers[2].own.physical_bytes = kMiB;  // Node hears of it when it is lent a block
  CHECK_EQ(told(0), 4 * kMiB);
  Slot borrowed = kNoSlot;
  REQUIRE_EQ(node.accept(workers[2].id, {12, 0, kMiB}, borrowed), Status::kOk);
  CHECK_EQ(told(0), 5 * kMiB);
  CHECK_EQ(told(2), 6 * kMiB);

  node.drop_channel(workers[2].id);  // what is still used of its arena counts, for all that are left
  CHECK_EQ(told(0), 5 * kMiB);
  CHECK_EQ(node.stats().peer_bytes, 6 * kMiB);
  node.release(borrowed);
  CHECK_EQ(told(0), 4 * kMiB);
  workers[0].own.physical_bytes = UINT64_MAX;  // a lie is clamped to the limit, and harms only what comes of it
  node.refresh();
  CHECK_EQ(told(0), 4 * kMiB);
  CHECK_EQ(told(1), kLimit + kMiB);
  CHECK(node.is_valid());
}

TEST("with one worker Node publishes its own bytes") {
  ThreeLedgers all;
  all.node.ledger.drop_channel(all.node_to_b->there);
  all.a.counters.physical_bytes = 8 * kMiB;
  const Slot slot = all.node.allocate(kMiB);
  CHECK_EQ(all.node.counters.physical_bytes.load(), kMiB);
  all.node.ledger.release(slot);
  CHECK_EQ(all.node.counters.physical_bytes.load(), 0u);
}

// --- orphans -----------------------------------------------------------------------------------------------

TEST("the pages of an orphaned arena go back block by block") {
  ThreeLedgers all;
  std::vector<Slot> in_node;
  for (const uint64_t bytes : {uint64_t{100}, 2 * kMiB, uint64_t{3000}, kMiB, uint64_t{3000}}) {
    const Slot slot = all.a.allocate(bytes);
    std::memset(all.a.ledger.data(slot), 5, bytes);
    in_node.push_back(all.a_to_node->mention(slot));
  }
  all.node.ledger.drop_channel(all.node_to_a->there);
  uint64_t before = touched_bytes(all.a.descriptor);
  CHECK(before >= 3 * kMiB);
  const int last[] = {1, 4, 0, 3, 2};
  for (const int at : last) {
    const uint64_t length = all.node.ledger.length(in_node[static_cast<size_t>(at)]);
    all.node.ledger.release(in_node[static_cast<size_t>(at)]);
    const uint64_t after = touched_bytes(all.a.descriptor);
    CHECK(before - after >= length / 4096 * 4096);
    before = after;
    CHECK(all.node.ledger.is_valid());
    for (const int left : last)
      if (const uint8_t* data = all.node.ledger.data(in_node[static_cast<size_t>(left)])) CHECK_EQ(data[99], 5);
  }
  CHECK_EQ(touched_bytes(all.a.descriptor), 0u);
}
