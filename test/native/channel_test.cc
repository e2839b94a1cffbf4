// A channel with both ends well-behaved.
#include "core/channel.h"

#include <cstring>
#include <string>
#include <vector>

#include "channel_ends.h"
#include "run.h"

using namespace isthmus;
using namespace isthmus::test;
using wire::Kind;

namespace {

constexpr uint64_t kMiB = 1 << 20;

Slot allocate(Channel& channel, uint64_t bytes) {
  Slot slot = kNoSlot;
  CHECK_EQ(channel.allocate(bytes, false, slot), Status::kOk);
  return slot;
}

// Takes every message that is there.
uint32_t receive_all(Channel& channel) {
  Message message;
  uint32_t count = 0;
  while (channel.receive(message) == Status::kOk) ++count;
  return count;
}

}  // namespace

// --- messages ----------------------------------------------------------------------------------------------

TEST("messages arrive in order with kind, id and payload, in both directions") {
  ChannelPair pair;
  Message message;
  CHECK_EQ(pair.worker->receive(message), Status::kEmpty);
  for (uint32_t id = 1; id <= 3; ++id)
    CHECK_EQ(send(*pair.node, Kind::Call, id, "args " + std::to_string(id)), Status::kOk);
  for (uint32_t id = 1; id <= 3; ++id) {
    REQUIRE_EQ(pair.worker->receive(message), Status::kOk);
    CHECK_EQ(message->kind(), Kind::Call);
    CHECK_EQ(message->id(), id);
    CHECK_EQ(payload_of(message), "args " + std::to_string(id));
    CHECK_EQ(send(*pair.worker, Kind::Result, id, ""), Status::kOk);
  }
  CHECK_EQ(receive_all(*pair.node), 3u);
  CHECK_EQ(pair.node->counters(Side::kNode).messages.load(), 3u);
}

TEST("a tensor is the same memory on the other side, and comes back as the block it is") {
  ChannelPair pair;
  const Slot slot = allocate(*pair.node, kMiB);
  std::memset(pair.node->ledger().data(slot), 1, kMiB);
  CHECK_EQ(send(*pair.node, Kind::Call, 1, "", {whole(slot, kMiB)}), Status::kOk);
  Message call;
  REQUIRE_EQ(pair.worker->receive(call), Status::kOk);
  uint8_t* data = pair.worker->ledger().data(slot_of(call));
  CHECK_EQ(data[kMiB - 1], 1);
  data[0] = 2;
  CHECK_EQ(pair.node->ledger().data(slot)[0], 2);
  CHECK_EQ(send(*pair.worker, Kind::Result, 1, "", {whole(slot_of(call), kMiB)}), Status::kOk);
  Message result;
  REQUIRE_EQ(pair.node->receive(result), Status::kOk);
  CHECK_EQ(slot_of(result), slot);
  CHECK_EQ(pair.node->counters(Side::kNode).shared_bytes.load(), kMiB);
  pair.node->ledger().release(slot);
  result.drop();
  CHECK_EQ(pair.node->ledger().stats().own_blocks, 1u);
  call.drop();
  pair.worker->flush_returns();
  CHECK_EQ(receive_all(*pair.node), 0u);
  CHECK_EQ(pair.node->ledger().stats().own_blocks, 0u);
  CHECK(pair.is_valid());
}

TEST("a return right behind the message that mentions its block: the result is still readable") {
  ChannelPair pair;
  const Slot slot = allocate(*pair.node, kMiB);
  std::memset(pair.node->ledger().data(slot), 7, kMiB);
  CHECK_EQ(send(*pair.node, Kind::Call, 1, "", {whole(slot, kMiB)}), Status::kOk);
  pair.node->ledger().release(slot);  // only the worker's lease keeps the block
  Message call;
  REQUIRE_EQ(pair.worker->receive(call), Status::kOk);
  CHECK_EQ(send(*pair.worker, Kind::Result, 1, "", {whole(slot_of(call), kMiB)}), Status::kOk);
  call.drop();
  pair.worker->flush_returns();
  CHECK_EQ(pair.node->drain(), Status::kOk);  // result and return are both taken in before the result is read
  const Slot other = allocate(*pair.node, kMiB);
  std::memset(pair.node->ledger().data(other), 9, kMiB);
  Message result;
  REQUIRE_EQ(pair.node->receive(result), Status::kOk);
  CHECK(slot_of(result) != other);
  CHECK_EQ(pair.node->ledger().data(slot_of(result))[kMiB - 1], 7);
  CHECK_EQ(pair.node->ledger().stats().lent_leases, 0u);
}

TEST("a message that is dropped releases its references; one that is disowned leaves them to the receiver") {
  ChannelPair pair;
  for (const bool disowned : {false, true}) {
    const Slot slot = allocate(*pair.node, kMiB);
    CHECK_EQ(send(*pair.node, Kind::Call, 1, "", {whole(slot, kMiB), whole(slot, kMiB)}), Status::kOk);
    Slot borrowed = kNoSlot;
    {
      Message message;
      REQUIRE_EQ(pair.worker->receive(message), Status::kOk);
      borrowed = slot_of(message, 1);
      if (disowned) message.disown();
    }
    CHECK_EQ(pair.worker->ledger().stats().borrowed_blocks, disowned ? 1u : 0u);
    if (disowned) pair.worker->ledger().release(borrowed), pair.worker->ledger().release(borrowed);
    pair.worker->flush_returns();
    CHECK_EQ(pair.node->drain(), Status::kOk);
    CHECK_EQ(pair.node->ledger().stats().lent_leases, 0u);
    pair.node->ledger().release(slot);
  }
}

TEST("a message that was moved from can receive the next one") {
  ChannelPair pair;
  Message message;
  std::vector<Message> kept;
  for (uint32_t id = 0; id < 200; ++id) {
    CHECK_EQ(send(*pair.node, Kind::Call, id, "some payload"), Status::kOk);
    REQUIRE_EQ(pair.worker->receive(message), Status::kOk);
    kept.push_back(std::move(message));
  }
  for (uint32_t id = 0; id < 200; ++id) CHECK_EQ(kept[id]->id(), id);
}

TEST("a message too long for the receiver's room stays, in its place, until there is room") {
  ChannelPair pair;
  CHECK_EQ(send(*pair.node, Kind::Call, 1, std::string(1000, 'x')), Status::kOk);
  CHECK_EQ(send(*pair.node, Kind::Call, 2, ""), Status::kOk);
  Message message;
  CHECK_EQ(pair.worker->receive(message, 1000), Status::kTooLarge);
  CHECK_EQ(pair.worker->receive(message, 1000), Status::kTooLarge);
  CHECK(pair.worker->has_input());
  REQUIRE_EQ(pair.worker->receive(message, 2000), Status::kOk);
  CHECK_EQ(message->id(), 1u);
  REQUIRE_EQ(pair.worker->receive(message, 1000), Status::kOk);
  CHECK_EQ(message->id(), 2u);
}

TEST("a tensor whose slot names no block is refused, and what was lent before it is taken back") {
  ChannelPair pair;
  const Slot slot = allocate(*pair.node, 100);
  CHECK_EQ(send(*pair.node, Kind::Call, 1, "", {whole(slot, 64), whole(12345, 64)}), Status::kUnknownBlock);
  CHECK_EQ(pair.node->ledger().stats().lent_leases, 0u);
  CHECK_EQ(receive_all(*pair.worker), 0u);
}

TEST("a cancel drops a call that is still queued, releases its leases, and the other side is told") {
  ChannelPair pair;
  const Slot slot = allocate(*pair.node, kMiB);
  CHECK_EQ(send(*pair.node, Kind::Call, 1, "first"), Status::kOk);
  CHECK_EQ(send(*pair.node, Kind::Call, 2, "second", {whole(slot, kMiB)}), Status::kOk);
  CHECK_EQ(send(*pair.node, Kind::Call, 3, "third"), Status::kOk);
  CHECK_EQ(send(*pair.node, Kind::Cancel, 2, ""), Status::kOk);
  CHECK_EQ(pair.worker->drain(), Status::kOk);
  CHECK_EQ(pair.worker->ledger().stats().borrowed_blocks, 0u);
  Message message;
  for (const uint32_t id : {1u, 3u}) {
    REQUIRE_EQ(pair.worker->receive(message), Status::kOk);
    CHECK_EQ(message->kind(), Kind::Call);
    CHECK_EQ(message->id(), id);
  }
  CHECK_EQ(pair.worker->receive(message), Status::kEmpty);
  REQUIRE_EQ(pair.node->receive(message), Status::kOk);
  CHECK_EQ(message->kind(), Kind::Dropped);
  CHECK_EQ(message->id(), 2u);
  CHECK_EQ(pair.node->ledger().stats().lent_leases, 0u);
}

TEST("a cancel of a call that was taken from the queue is delivered") {
  ChannelPair pair;
  CHECK_EQ(send(*pair.node, Kind::Call, 1, "first"), Status::kOk);
  Message message;
  REQUIRE_EQ(pair.worker->receive(message), Status::kOk);
  CHECK_EQ(send(*pair.node, Kind::Cancel, 1, ""), Status::kOk);
  REQUIRE_EQ(pair.worker->receive(message), Status::kOk);
  CHECK_EQ(message->kind(), Kind::Cancel);
  CHECK_EQ(pair.node->receive(message), Status::kEmpty);
}

TEST("an answer to a dropped call has room in a ring that is full") {
  Options options = small_options();
  options.ring_bytes = 4096;
  ChannelPair pair(options);
  CHECK_EQ(send(*pair.node, Kind::Call, 1, "first"), Status::kOk);
  const std::string text(500, 'x');
  uint32_t items = 0;
  while (send(*pair.worker, Kind::Item, 9, text) == Status::kOk) ++items;
  CHECK_EQ(pair.worker->drain(), Status::kOk);
  CHECK_EQ(send(*pair.node, Kind::Cancel, 1, ""), Status::kOk);
  CHECK_EQ(pair.worker->drain(), Status::kOk);
  Message message;
  for (uint32_t at = 0; at < items; ++at) {
    REQUIRE_EQ(pair.node->receive(message), Status::kOk);
    CHECK_EQ(message->kind(), Kind::Item);
  }
  REQUIRE_EQ(pair.node->receive(message), Status::kOk);
  CHECK_EQ(message->kind(), Kind::Dropped);
}

// --- large messages ----------------------------------------------------------------------------------------

TEST("a message of any size arrives, through a block where the ring is too small, and the block comes back") {
  ChannelPair pair;
  const Slot slot = allocate(*pair.node, 4096);
  std::memset(pair.node->ledger().data(slot), 5, 4096);
  for (const size_t bytes : {15'000u, 16'000u, 17'000u, 65'536u, 1'000'000u, 20'000'000u}) {
    std::string text(bytes, 'p');
    text.back() = 'q';
    for (const bool to_worker : {true, false}) {
      Channel& from = to_worker ? *pair.node : *pair.worker;
      Channel& to = to_worker ? *pair.worker : *pair.node;
      const std::vector<WrittenTensor> tensors =
          to_worker ? std::vector{whole(slot, 4096)} : std::vector<WrittenTensor>{};
      REQUIRE_EQ(send(from, to_worker ? Kind::Call : Kind::Result, 1, text, tensors), Status::kOk);
      Message message;
      REQUIRE_EQ(to.receive(message), Status::kOk);
      REQUIRE(payload_of(message) == text);
      if (to_worker) CHECK_EQ(to.ledger().data(slot_of(message))[4095], 5);
      message.drop();
      to.flush_returns();
      CHECK_EQ(from.drain(), Status::kOk);
    }
  }
  CHECK_EQ(pair.node->ledger().stats().own_blocks, 1u);
  CHECK_EQ(pair.worker->ledger().stats().own_blocks, 0u);
  CHECK(pair.is_valid());
}

TEST("a large message that the budget has no room for is refused, and asks the other side to give memory up") {
  ChannelPair pair;
  const Slot slot = allocate(*pair.node, 60 * kMiB);
  CHECK_EQ(send(*pair.node, Kind::Call, 1, std::string(8 * kMiB, 'x')), Status::kArenaFull);
  pair.node->ledger().release(slot);
  pair.node->ledger().trim();
  CHECK_EQ(send(*pair.node, Kind::Call, 1, std::string(8 * kMiB, 'x')), Status::kOk);
  Message message;
  REQUIRE_EQ(pair.worker->receive(message), Status::kOk);
  CHECK_EQ(message->kind(), Kind::Pressure);
  REQUIRE_EQ(pair.worker->receive(message), Status::kOk);
  CHECK_EQ(message->kind(), Kind::Call);
}

// --- a full ring -------------------------------------------------------------------------------------------

TEST("a full ring refuses and changes nothing; with room again nothing was lost or reordered") {
  ChannelPair pair;
  const Slot slot = allocate(*pair.node, kMiB);
  uint32_t sent = 0;
  uint32_t received = 0;
  Message message;
  for (int round = 0; round < 5; ++round) {
    Status status;
    while ((status = send(*pair.node, Kind::Call, sent, std::string(sent % 3000, 'c'), {whole(slot, kMiB)})) ==
           Status::kOk)
      ++sent;
    CHECK_EQ(status, Status::kFull);
    CHECK_EQ(pair.node->ledger().stats().lent_leases, sent);
    CHECK(!pair.node->room_grew());
    for (int some = 0; some < 100 && pair.worker->receive(message) == Status::kOk; ++some, ++received) {
      REQUIRE_EQ(message->id(), received);
      REQUIRE_EQ(payload_of(message).size(), received % 3000);
    }
    CHECK(pair.node->room_grew());
  }
  while (pair.worker->receive(message) == Status::kOk) REQUIRE_EQ(message->id(), received++);
  CHECK_EQ(received, sent);
  CHECK(sent > 100);
  message.drop();
  pair.worker->flush_returns();
  CHECK_EQ(pair.node->drain(), Status::kOk);
  CHECK_EQ(pair.node->ledger().stats().lent_leases, 0u);
}

TEST("returns have room where calls have none") {
  ChannelPair pair;
  const Slot slot = allocate(*pair.node, kMiB);
  CHECK_EQ(send(*pair.node, Kind::Call, 1, "", {whole(slot, kMiB)}), Status::kOk);
  CHECK_EQ(receive_all(*pair.worker), 1u);
  const Slot filler = allocate(*pair.worker, 64);
  while (send(*pair.worker, Kind::Result, 1, "", {whole(filler, 64)}) == Status::kOk) {
  }
  CHECK(!pair.worker->ledger().owes(0));  // the first of these sends took the return along
  CHECK_EQ(send(*pair.node, Kind::Call, 2, "", {whole(slot, kMiB)}), Status::kOk);
  CHECK_EQ(receive_all(*pair.worker), 1u);
  CHECK(pair.worker->ledger().owes(0));
  pair.worker->flush_returns();
  CHECK(!pair.worker->ledger().owes(0));
  CHECK_EQ(pair.node->drain(), Status::kOk);
  CHECK_EQ(pair.node->ledger().stats().lent_leases, 0u);
}

TEST("the smallest ring carries any number of returns") {
  Options options = small_options();
  options.ring_bytes = 1;  // becomes the smallest
  ChannelPair pair(options);
  CHECK_EQ(pair.node->identity().ring_bytes, kMinRingBytes);
  for (int count = 0; count < 300; ++count) {
    const Slot slot = allocate(*pair.node, 64);
    REQUIRE_EQ(send(*pair.node, Kind::Call, 1, "", {whole(slot, 64)}), Status::kOk);
    pair.node->ledger().release(slot);
    REQUIRE_EQ(receive_all(*pair.worker), 1u);
  }
  while (pair.worker->ledger().owes(0)) {
    pair.worker->flush_returns();
    REQUIRE_EQ(pair.node->drain(), Status::kOk);
  }
  CHECK_EQ(pair.node->ledger().stats().own_blocks, 0u);
}

TEST("a ring size that is no power of two is rounded up") {
  Options options = small_options();
  options.ring_bytes = 70'000;
  ChannelPair pair(options);
  CHECK_EQ(pair.node->identity().ring_bytes, 131'072u);
  CHECK_EQ(send(*pair.node, Kind::Call, 1, std::string(20'000, 'x')), Status::kOk);
  CHECK_EQ(receive_all(*pair.worker), 1u);
}

// --- memory ------------------------------------------------------------------------------------------------

TEST("an allocation that finds the budget used up takes in what was returned, small blocks too") {
  ChannelPair pair;
  for (const uint64_t bytes : {60 * kMiB, uint64_t{100}}) {
    const Slot slot = allocate(*pair.node, 60 * kMiB);
    CHECK_EQ(send(*pair.node, Kind::Call, 1, "", {whole(slot, 60 * kMiB)}), Status::kOk);
    pair.node->ledger().release(slot);
    const Slot rest = allocate(*pair.node, 4 * kMiB);
    CHECK_EQ(receive_all(*pair.worker), 1u);
    pair.worker->flush_returns();
    const Slot again = allocate(*pair.node, bytes);
    pair.node->ledger().release(again);
    pair.node->ledger().release(rest);
    pair.node->ledger().trim();
  }
}
