// Several workers of one Node: one ledger, and arenas of one worker that another one is told of.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "channel_ends.h"
#include "core/channel.h"
#include "process.h"
#include "run.h"

using namespace isthmus;
using namespace isthmus::test;
using wire::Kind;

namespace {

constexpr uint64_t kMiB = 1 << 20;

int open_descriptors() {
  int count = 0;
  for (int descriptor = 0; descriptor < 256; ++descriptor) count += fcntl(descriptor, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

// What arrives with the next message; one tensor, whose reference is the caller's.
Slot taken(Channel& channel) {
  Message message;
  CHECK_EQ(channel.receive(message), Status::kOk);
  const Slot slot = slot_of(message);
  message.disown();
  return slot;
}

// A block of the worker's that Node holds; the worker keeps no reference.
Slot borrowed_from(ChannelPair& pair, char mark, uint64_t bytes = kMiB) {
  Slot slot = kNoSlot;
  CHECK_EQ(pair.worker->allocate(bytes, false, slot), Status::kOk);
  std::memset(pair.worker->ledger().data(slot), mark, bytes);
  CHECK_EQ(send(*pair.worker, Kind::Result, 1, "", {whole(slot, bytes)}), Status::kOk);
  pair.worker->ledger().release(slot);
  return taken(*pair.node);
}

struct Trio {
  std::shared_ptr<Ledger> ledger = made_ledger();
  std::unique_ptr<ChannelPair> a = std::make_unique<ChannelPair>(ledger);
  std::unique_ptr<ChannelPair> b = std::make_unique<ChannelPair>(ledger);

  [[nodiscard]] bool is_valid() const {
    return ledger->is_valid() && (a == nullptr || a->is_valid()) && (b == nullptr || b->is_valid());
  }
};

// Node has seen the worker's process end.
void die(std::unique_ptr<ChannelPair>& pair) {
  pair->worker.reset();
  pair->node->reap();
  pair.reset();
}

// Kinds of the records that a raw worker finds in its ring, one letter each.
std::string kinds_in(RawWorker& worker) {
  std::string kinds;
  for (Consumer::Record record; worker.consumer.peek(record) == Status::kOk; worker.consumer.release()) {
    const std::string copy(reinterpret_cast<const char*>(record.data), record.bytes);
    const Kind kind = wire::GetMessage(copy.data())->kind();
    kinds += kind == Kind::Arena ? 'A' : kind == Kind::ArenaGone ? 'G' : kind == Kind::Call ? 'c' : '?';
  }
  return kinds;
}

// How many arenas wait in the raw worker's socket; they are closed.
int arenas_in_socket(const RawWorker& worker) {
  for (int count = 0;; ++count) {
    uint64_t words[2] = {};
    int descriptor = -1;
    size_t descriptors = 1;
    if (os::receive_with_descriptors(worker.socket, words, sizeof words, &descriptor, &descriptors, 0) < 0)
      return count;
    CHECK_EQ(words[0], kMagic);
    CHECK_EQ(descriptors, 1u);
    CHECK(os::segment_bytes(descriptor) > 0);
    os::close_descriptor(descriptor);
  }
}

}  // namespace

// --- one ledger --------------------------------------------------------------------------------------------

TEST("channels over one ledger: Node's arena is one, each worker has its own, and blocks go to any of them") {
  Trio all;
  CHECK_EQ(all.a->node->identity().node_arena, all.b->node->identity().node_arena);
  CHECK(all.a->node->identity().worker_arena != all.b->node->identity().worker_arena);
  Slot slot = kNoSlot;
  REQUIRE_EQ(all.ledger->allocate(kMiB, true, slot), Status::kOk);
  for (ChannelPair* pair : {all.a.get(), all.b.get()}) {
    REQUIRE_EQ(send(*pair->node, Kind::Call, 1, "", {whole(slot, kMiB)}), Status::kOk);
    const Slot here = taken(*pair->worker);
    pair->worker->ledger().data(here)[5]++;
    pair->worker->ledger().release(here);
    pair->worker->flush_returns();
  }
  CHECK_EQ(all.ledger->data(slot)[5], 2);
  all.ledger->release(slot);
  CHECK_EQ(all.a->node->drain(), Status::kOk);
  CHECK_EQ(all.ledger->stats().own_blocks, 1u);
  CHECK_EQ(all.b->node->drain(), Status::kOk);
  CHECK_EQ(all.ledger->stats().own_blocks, 0u);
  CHECK(all.is_valid());
}

TEST("a worker that is started anew is a new channel over the same ledger, and nothing of it adds up") {
  const std::shared_ptr<Ledger> ledger = made_ledger();
  Slot slot = kNoSlot;
  REQUIRE_EQ(ledger->allocate(kMiB, true, slot), Status::kOk);
  const int before = open_descriptors();
  for (int life = 0; life < 100; ++life) {
    auto pair = std::make_unique<ChannelPair>(ledger);
    ledger->release(borrowed_from(*pair, 'x'));
    REQUIRE_EQ(send(*pair->node, Kind::Call, 1, "", {whole(slot, kMiB)}), Status::kOk);
    die(pair);
  }
  CHECK_EQ(open_descriptors(), before);
  const LedgerStats stats = ledger->stats();
  CHECK_EQ(stats.lent_leases + stats.borrowed_blocks + stats.peer_bytes, 0u);
  CHECK_EQ(stats.own_blocks, 1u);
  CHECK(ledger->is_valid());
}

// --- announcement ------------------------------------------------------------------------------------------

TEST("a tensor of one worker reaches another without a copy, and comes back through the middleman") {
  Trio all;
  const Slot in_node = borrowed_from(*all.a, 'a');
  REQUIRE_EQ(send(*all.b->node, Kind::Call, 1, "", {whole(in_node, kMiB)}), Status::kOk);
  all.ledger->release(in_node);
  const Slot in_b = taken(*all.b->worker);
  Ledger& b = all.b->worker->ledger();
  CHECK(b.data(in_b)[0] == 'a' && b.data(in_b)[kMiB - 1] == 'a');
  std::memset(b.data(in_b), 'b', kMiB);
  REQUIRE_EQ(send(*all.b->worker, Kind::Result, 1, "", {whole(in_b, kMiB)}), Status::kOk);  // back by reference
  CHECK_EQ(taken(*all.b->node), in_node);
  CHECK_EQ(all.ledger->data(in_node)[77], 'b');
  b.release(in_b);
  all.b->worker->flush_returns();
  CHECK_EQ(all.b->node->drain(), Status::kOk);
  CHECK_EQ(all.a->worker->ledger().stats().own_blocks, 1u);
  all.ledger->release(in_node);
  all.a->node->flush_returns();
  CHECK_EQ(all.a->worker->drain(), Status::kOk);
  CHECK_EQ(all.a->worker->ledger().stats().own_blocks, 0u);
  CHECK(all.is_valid());
}

TEST("an arena is announced once, before the first message that names it") {
  const std::shared_ptr<Ledger> ledger = made_ledger();
  ChannelPair a(ledger);
  RawWorker b(ledger);
  const Slot first = borrowed_from(a, '1');
  const Slot second = borrowed_from(a, '2');
  for (const Slot slot : {first, second, first})
    REQUIRE_EQ(send(*b.node, Kind::Call, 1, "", {whole(slot, kMiB), whole(second, kMiB)}), Status::kOk);
  CHECK_EQ(kinds_in(b), "Accc");
  CHECK_EQ(arenas_in_socket(b), 1);
  REQUIRE_EQ(send(*a.node, Kind::Call, 1, "", {whole(first, kMiB)}), Status::kOk);  // it is a's own
  CHECK_EQ(a.worker->drain(), Status::kOk);
}

TEST("a ring without room refuses the announcement or the message after it: nothing is lost, nothing announced twice") {
  for (uint32_t filling = 8; filling <= 900; filling += 8) {
    Options options = small_options();
    options.ring_bytes = kMinRingBytes;
    const std::shared_ptr<Ledger> ledger = made_ledger(options);
    ChannelPair a(ledger);
    RawWorker b(ledger, options);
    const Slot slot = borrowed_from(a, 'a');
    while (send(*b.node, Kind::Call, 1, std::string(700, 'x')) == Status::kOk) {
    }
    (void)send(*b.node, Kind::Call, 1, std::string(filling, 'y'));
    const uint64_t leases = ledger->stats().lent_leases;
    Status status = send(*b.node, Kind::Call, 2, "", {whole(slot, kMiB)});
    if (status == Status::kFull) CHECK_EQ(ledger->stats().lent_leases, leases);
    std::string kinds = kinds_in(b);
    if (status == Status::kFull) {
      CHECK(b.node->room_grew());
      CHECK_EQ(send(*b.node, Kind::Call, 2, "", {whole(slot, kMiB)}), Status::kOk);
    }
    kinds += kinds_in(b);
    REQUIRE_EQ(std::count(kinds.begin(), kinds.end(), 'A'), 1);
    REQUIRE(kinds.ends_with("Ac"));
    REQUIRE_EQ(arenas_in_socket(b), 1);
    REQUIRE_EQ(ledger->stats().lent_leases, 1u);
  }
}

TEST("a socket without room refuses the message; once the worker has taken what is in it, the message goes") {
  const std::shared_ptr<Ledger> ledger = made_ledger();
  ChannelPair a(ledger);
  RawWorker b(ledger);
  const Slot slot = borrowed_from(a, 'a');
  const uint64_t words[2] = {kMagic, 0};
  const int descriptor = a.node->ledger().arena_segment().descriptor();
  int in_socket = 0;
  while (os::send_with_descriptors(b.node->socket(), words, sizeof words, &descriptor, 1) > 0) ++in_socket;
  CHECK_EQ(send(*b.node, Kind::Call, 1, "", {whole(slot, kMiB)}), Status::kFull);
  CHECK_EQ(ledger->stats().lent_leases, 0u);
  CHECK(!b.node->room_grew());  // until records are taken, and what belongs to them from the socket
  CHECK_EQ(kinds_in(b), "");
  CHECK_EQ(arenas_in_socket(b), in_socket);
  REQUIRE_EQ(send(*b.node, Kind::Call, 1, "", {whole(slot, kMiB)}), Status::kOk);
  CHECK_EQ(kinds_in(b), "Ac");
  CHECK_EQ(arenas_in_socket(b), 1);
}

TEST("a worker that has hung up is told of no arena: the channel is closed") {
  const std::shared_ptr<Ledger> ledger = made_ledger();
  ChannelPair a(ledger);
  auto b = std::make_unique<ChannelPair>(ledger);
  const Slot slot = borrowed_from(a, 'a');
  b->worker.reset();
  CHECK_EQ(send(*b->node, Kind::Call, 1, "", {whole(slot, kMiB)}), Status::kClosed);
  CHECK_EQ(ledger->stats().lent_leases, 0u);
  die(b);
  CHECK(ledger->is_valid());
}

// --- death -------------------------------------------------------------------------------------------------

TEST("the arena of a dead worker is gone for the others when its last block comes back") {
  Trio all;
  const Slot in_node = borrowed_from(*all.a, 'a');
  const int with_a = open_descriptors();
  REQUIRE_EQ(send(*all.b->node, Kind::Call, 1, "", {whole(in_node, kMiB)}), Status::kOk);
  const Slot in_b = taken(*all.b->worker);
  CHECK_EQ(open_descriptors(), with_a + 1);  // b's descriptor of a's arena
  die(all.a);
  all.ledger->release(in_node);
  Ledger& b = all.b->worker->ledger();
  const uint8_t* data = b.data(in_b);
  CHECK(data[0] == 'a' && data[kMiB - 1] == 'a');
  CHECK_EQ(all.ledger->stats().peer_bytes, kMiB);
  b.release(in_b);
  all.b->worker->flush_returns();
  CHECK_EQ(all.b->node->drain(), Status::kOk);
  CHECK_EQ(all.ledger->stats().borrowed_blocks, 0u);
  CHECK_EQ(all.ledger->stats().peer_bytes, 0u);
  const int before = open_descriptors();
  CHECK(all.ledger->owes(1));
  all.b->node->flush_returns();
  CHECK(!all.ledger->owes(1));
  CHECK_EQ(all.b->worker->drain(), Status::kOk);
  CHECK_EQ(open_descriptors(), before - 1);
  CHECK(all.is_valid());
}

TEST("a tensor of a dead worker is an argument for the worker that takes its place") {
  Trio all;
  const Slot in_node = borrowed_from(*all.a, 'a');
  die(all.a);
  for (int life = 0; life < 3; ++life) {
    all.a = std::make_unique<ChannelPair>(all.ledger);
    REQUIRE_EQ(send(*all.a->node, Kind::Call, 1, "", {whole(in_node, kMiB)}), Status::kOk);
    const Slot here = taken(*all.a->worker);
    CHECK_EQ(all.a->worker->ledger().data(here)[kMiB - 1], 'a');
    if (life != 1) all.a->worker->ledger().release(here);
    CHECK(all.is_valid());
    die(all.a);
    CHECK_EQ(all.ledger->stats().lent_leases, 0u);
  }
  all.ledger->release(in_node);
  CHECK_EQ(all.ledger->stats().borrowed_blocks, 0u);
  CHECK(all.is_valid());
}

TEST("lender and borrower may die at any step: no block is lost or freed early") {
  // Steps: 0 A lends to Node, 1 Node lends on to B, 2 B takes it, 3 Node lets go, 4 B returns, 5 Node returns to A.
  for (int died_after = 0; died_after < 6; ++died_after) {
    for (const bool is_a : {true, false}) {
      Trio all;
      Slot in_node = kNoSlot;
      Slot in_b = kNoSlot;
      for (int step = 0; step < 6; ++step) {
        if (step == 0) in_node = borrowed_from(*all.a, 'a');
        if (step == 1 && all.b) {
          REQUIRE_EQ(send(*all.b->node, Kind::Call, 1, "", {whole(in_node, kMiB)}), Status::kOk);
        }
        if (step == 2 && all.b) in_b = taken(*all.b->worker);
        if (step == 3) all.ledger->release(in_node);
        if (step == 4 && all.b) {
          CHECK_EQ(all.b->worker->ledger().data(in_b)[kMiB - 1], 'a');
          all.b->worker->ledger().release(in_b);
          all.b->worker->flush_returns();
          CHECK_EQ(all.b->node->drain(), Status::kOk);
        }
        if (step == 5 && all.a) {
          all.a->node->flush_returns();
          CHECK_EQ(all.a->worker->drain(), Status::kOk);
          CHECK_EQ(all.a->worker->ledger().stats().own_blocks, 0u);
        }
        if (step == died_after) die(is_a ? all.a : all.b);
        CHECK(all.is_valid());
      }
      const LedgerStats stats = all.ledger->stats();
      CHECK_EQ(stats.borrowed_blocks + stats.lent_leases, 0u);
      if (all.b == nullptr) continue;
      all.b->node->flush_returns();
      CHECK_EQ(all.b->worker->drain(), Status::kOk);
      CHECK(all.is_valid());
    }
  }
}

TEST("three processes: a tensor of one is read by another after its owner was killed") {
  const std::shared_ptr<Ledger> ledger = made_ledger();
  int sockets[2] = {-1, -1};
  std::unique_ptr<Channel> nodes[2];
  for (int at = 0; at < 2; ++at) REQUIRE_EQ(Channel::open(ledger, {0, 64 * 1024}, nodes[at], sockets[at]), Status::kOk);
  const auto body = [&](int own, auto work) {
    for (auto& node : nodes) node.reset();
    os::close_descriptor(sockets[1 - own]);
    std::unique_ptr<Channel> worker;
    return Channel::join(sockets[own], 10 * kSecond, worker) == Status::kOk ? work(*worker) : 99;
  };
  const auto next = [](Channel& channel, Message& message) {
    Status status;
    while ((status = channel.receive(message)) == Status::kEmpty) (void)channel.wait(kForever, false);
    return status;
  };
  Process a([&] {
    return body(0, [](Channel& worker) {
      Slot slot = kNoSlot;
      if (worker.allocate(kMiB, false, slot) != Status::kOk) return 1;
      std::memset(worker.ledger().data(slot), 'a', kMiB);
      if (send(worker, Kind::Result, 1, "", {whole(slot, kMiB)}) != Status::kOk) return 2;
      while (worker.wait(kForever, false) != Status::kClosed) {
      }
      return 3;
    });
  });
  Process b([&] {
    return body(1, [&](Channel& worker) {
      Message call;
      if (next(worker, call) != Status::kOk) return 1;
      const uint8_t* data = worker.ledger().data(slot_of(call));
      for (uint64_t at = 0; at < kMiB; ++at)
        if (data[at] != 'a') return 2;
      return send(worker, Kind::Result, 2, "read", {whole(slot_of(call), kMiB)}) == Status::kOk ? 0 : 3;
    });
  });
  for (const int socket : sockets) os::close_descriptor(socket);
  Message result;
  REQUIRE_EQ(next(*nodes[0], result), Status::kOk);
  a.kill();
  CHECK_EQ(a.wait(), -SIGKILL);
  nodes[0]->reap();
  nodes[0].reset();
  REQUIRE_EQ(send(*nodes[1], Kind::Call, 1, "", {whole(slot_of(result), kMiB)}), Status::kOk);
  Message back;
  REQUIRE_EQ(next(*nodes[1], back), Status::kOk);
  CHECK_EQ(payload_of(back), "read");
  CHECK_EQ(slot_of(back), slot_of(result));
  CHECK_EQ(b.wait(), 0);
}

// --- hostile -----------------------------------------------------------------------------------------------

namespace {

int sealed_segment(uint64_t bytes = 1 << 20) { return os::create_segment("t", bytes); }

// What the worker makes of an Arena record with such a datagram before it; nothing may be left open.
Status told(uint64_t id_in_datagram, const std::vector<int>& descriptors, uint64_t id_in_record, bool datagram = true,
            uint64_t magic = kMagic) {
  RawNode node;
  if (datagram) node.send_arena(id_in_datagram, descriptors.data(), descriptors.size(), magic);
  for (const int descriptor : descriptors) os::close_descriptor(descriptor);
  const int before = open_descriptors();
  node.write(WrittenMessage::arena(Kind::Arena, id_in_record));
  const Status status = node.worker->drain();
  CHECK_EQ(open_descriptors(), status == Status::kOk ? before + 1 : before);
  return status;
}

}  // namespace

TEST("an announcement without its descriptor, with another id, or of a segment that can be resized is refused") {
  CHECK_EQ(told(7, {sealed_segment()}, 7), Status::kOk);
  CHECK_EQ(told(7, {}, 7, false), Status::kProtocol);
  CHECK_EQ(told(7, {}, 7), Status::kProtocol);
  CHECK_EQ(told(7, {sealed_segment(), sealed_segment()}, 7), Status::kOk);  // the second was never taken in
  CHECK_EQ(told(8, {sealed_segment()}, 7), Status::kProtocol);
  CHECK_EQ(told(7, {sealed_segment()}, 7, true, kMagic + 1), Status::kProtocol);
  CHECK_EQ(told(7, {dup(0)}, 7), Status::kProtocol);
  const int unsealed = memfd_create("t", MFD_CLOEXEC);
  CHECK_EQ(ftruncate(unsealed, 1 << 20), 0);
  CHECK_EQ(told(7, {unsealed}, 7), Status::kProtocol);
  CHECK_EQ(told(RawNode::kOwnId, {sealed_segment()}, RawNode::kOwnId), Status::kProtocol);
  CHECK_EQ(told(RawNode::kWorkerId, {sealed_segment()}, RawNode::kWorkerId), Status::kProtocol);
}

TEST("a datagram of another length is refused") {
  RawNode node;
  const uint64_t words[3] = {kMagic, 7, 0};
  const int descriptor = sealed_segment();
  CHECK(os::send_with_descriptors(node.socket, words, sizeof words, &descriptor, 1) > 0);
  os::close_descriptor(descriptor);
  node.write(WrittenMessage::arena(Kind::Arena, 7));
  CHECK_EQ(node.worker->drain(), Status::kProtocol);
}

TEST("an arena is announced twice, or gone that is not known or in use: refused") {
  const auto with_seven = [](RawNode& node) {
    const int descriptor = sealed_segment();
    node.send_arena(7, &descriptor, 1);
    os::close_descriptor(descriptor);
    node.write(WrittenMessage::arena(Kind::Arena, 7));
  };
  RawNode twice;
  with_seven(twice);
  with_seven(twice);
  CHECK_EQ(twice.worker->drain(), Status::kProtocol);
  for (const uint64_t id : {uint64_t{9}, RawNode::kOwnId, RawNode::kWorkerId}) {
    RawNode unknown;
    unknown.write(WrittenMessage::arena(Kind::ArenaGone, id));
    CHECK_EQ(unknown.worker->drain(), Status::kProtocol);
  }
  RawNode used;
  with_seven(used);
  WrittenTensor tensor;
  tensor.name = BlockName{7, 0, 4096};
  tensor.shape = {4};
  used.write(WrittenMessage(Kind::Call, 1, "", {tensor}));
  used.write(WrittenMessage::arena(Kind::ArenaGone, 7));
  CHECK_EQ(used.worker->drain(), Status::kProtocol);
  RawNode again;
  for (int round = 0; round < 3; ++round) {
    with_seven(again);
    again.write(WrittenMessage::arena(Kind::ArenaGone, 7));
    CHECK_EQ(again.worker->drain(), Status::kOk);
  }
}

TEST("a block of an announced arena must lie in it") {
  for (const BlockName& name : {BlockName{7, 1 << 20, 64}, BlockName{7, 1, 64}, BlockName{7, 0, (1 << 20) + 64}}) {
    RawNode node;
    const int descriptor = sealed_segment();
    node.send_arena(7, &descriptor, 1);
    os::close_descriptor(descriptor);
    node.write(WrittenMessage::arena(Kind::Arena, 7));
    WrittenTensor tensor;
    tensor.name = name;
    tensor.shape = {1};
    node.write(WrittenMessage(Kind::Call, 1, "", {tensor}));
    CHECK_EQ(node.worker->drain(), Status::kProtocol);
  }
}

TEST("a worker announces nothing to Node, in a record or in a spilled message") {
  for (const Kind kind : {Kind::Arena, Kind::ArenaGone}) {
    RawWorker worker;
    const int descriptor = sealed_segment();
    const uint64_t words[2] = {kMagic, 7};
    const int64_t sent = os::send_with_descriptors(worker.socket, words, sizeof words, &descriptor, 1);
    CHECK(sent == sizeof words || sent == -EPERM);  // refused, where the system knows how to
    os::close_descriptor(descriptor);
    worker.write(WrittenMessage::arena(kind, 7));
    CHECK_EQ(worker.node->drain(), Status::kProtocol);
    RawWorker spilling;
    const WrittenMessage hidden = WrittenMessage::arena(kind, 7);
    std::memcpy(spilling.own_arena.data(), hidden.data(), hidden.size());
    spilling.write(WrittenMessage::spill({spilling.control().identity.worker_arena, 0, 4096}, hidden.size()));
    CHECK_EQ(spilling.node->drain(), Status::kProtocol);
  }
}
