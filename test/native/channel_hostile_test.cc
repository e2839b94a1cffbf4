// A worker that writes what it likes: the channel ends with kProtocol, and nothing else happens.
#include <sys/stat.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "channel_ends.h"
#include "core/channel.h"
#include "run.h"

using namespace isthmus;
using namespace isthmus::test;
using wire::Kind;

namespace {

constexpr uint64_t kMiB = 1 << 20;

// What Node makes of one record, or of one message.
Status received(RawWorker& worker, Message& message) { return worker.node->receive(message); }
Status after(std::string_view record) {
  RawWorker worker;
  worker.write(record);
  Message message;
  const Status status = received(worker, message);
  CHECK_EQ(worker.node->closed(), status == Status::kProtocol);
  return status;
}

// Node lends one block of 1 MiB to the worker; its name.
BlockName lend_one(RawWorker& worker, Slot& slot) {
  CHECK_EQ(worker.node->allocate(kMiB, false, slot), Status::kOk);
  CHECK_EQ(send(*worker.node, Kind::Call, 1, "", {whole(slot, kMiB)}), Status::kOk);
  Consumer::Record record;
  CHECK_EQ(worker.consumer.peek(record), Status::kOk);
  const std::string copy(reinterpret_cast<const char*>(record.data), record.bytes);
  worker.consumer.release();
  const wire::Place& place = *wire::GetMessage(copy.data())->tensors()->Get(0)->place();
  return BlockName{value(place.arena()), value(place.block()), value(place.length())};
}

WrittenTensor named(const BlockName& name, int64_t floats) {
  WrittenTensor tensor;
  tensor.name = name;
  tensor.shape = {floats};
  return tensor;
}

}  // namespace

TEST("records that are no messages end the channel") {
  CHECK_EQ(after(""), Status::kProtocol);
  CHECK_EQ(after("x"), Status::kProtocol);
  CHECK_EQ(after(std::string(64, '\0')), Status::kProtocol);
  CHECK_EQ(after(std::string(64, '\xff')), Status::kProtocol);
  CHECK_EQ(after(WrittenMessage(Kind::None, 0, "").text()), Status::kProtocol);
  CHECK_EQ(after(WrittenMessage(Kind::Result, 1, "ok").text()), Status::kOk);
}

TEST("what came before the violation is delivered; then the violation, as often as one asks, sends or waits") {
  RawWorker worker;
  worker.write(WrittenMessage(Kind::Result, 1, "good"));
  worker.write("bad");
  worker.write(WrittenMessage(Kind::Result, 2, "never read"));
  Message message;
  REQUIRE_EQ(received(worker, message), Status::kOk);
  CHECK_EQ(payload_of(message), "good");
  CHECK_EQ(received(worker, message), Status::kProtocol);
  CHECK_EQ(received(worker, message), Status::kProtocol);
  CHECK(!worker.node->has_input());
  CHECK_EQ(send(*worker.node, Kind::Call, 1, ""), Status::kProtocol);
  CHECK_EQ(worker.node->wait(kForever, false), Status::kProtocol);
}

TEST("positions that lie end the channel, reading and sending") {
  RawWorker reading;
  reading.control().rings[1].tail.bytes.store(1ull << 40);
  Message message;
  CHECK_EQ(received(reading, message), Status::kProtocol);
  RawWorker sending;
  sending.control().rings[0].head.bytes.store(1ull << 40);
  Status status;
  while ((status = send(*sending.node, Kind::Call, 1, std::string(5000, 'x'))) == Status::kOk) {
  }
  CHECK_EQ(status, Status::kProtocol);
  CHECK(sending.node->closed());
}

TEST("a tensor must lie in the worker's arena, and in its block") {
  for (const auto& [block, length, floats] : std::vector<std::tuple<uint64_t, uint64_t, int64_t>>{{0, 64, 17},
                                                                                                  {0, 64, -1},
                                                                                                  {0, UINT64_MAX, 1},
                                                                                                  {1ull << 50, 64, 1},
                                                                                                  {8, 64, 1},
                                                                                                  {0, 0, 0},
                                                                                                  {0, 64, INT64_MAX}}) {
    RawWorker worker;
    worker.write(WrittenMessage(Kind::Result, 1, "", {worker.tensor(0, 64, 16), worker.tensor(block, length, floats)}));
    Message message;
    CHECK_EQ(received(worker, message), Status::kProtocol);
    CHECK_EQ(worker.node->ledger().stats().borrowed_blocks, 0u);  // the good one before it is released
  }
}

TEST("a block of Node's that is free, or was never lent, or is lent and named wrong, is refused") {
  for (int lie = 0; lie < 5; ++lie) {
    RawWorker worker;
    Slot slot = kNoSlot;
    BlockName name = lend_one(worker, slot);
    if (lie == 1) name.block += kMiB;
    if (lie == 2) name.length /= 2;
    if (lie == 3) name.arena ^= 1;
    if (lie == 4) {  // returned, freed, and named after all
      worker.node->ledger().release(slot);
      worker.write(WrittenMessage::returns({{name.arena, name.block, 1}}));
    }
    worker.write(WrittenMessage(Kind::Result, 1, "", {named(name, 16)}));
    Message message;
    CHECK_EQ(received(worker, message), lie == 0 ? Status::kOk : Status::kProtocol);
    CHECK(worker.node->ledger().is_valid());
  }
}

TEST("returns of leases not held, or too many, end the channel and free nothing") {
  for (const uint32_t count : {0u, 2u, UINT32_MAX}) {
    RawWorker worker;
    Slot slot = kNoSlot;
    const BlockName name = lend_one(worker, slot);
    worker.write(WrittenMessage::returns({{name.arena, name.block, count}}));
    CHECK_EQ(worker.node->drain(), Status::kProtocol);
    CHECK_EQ(worker.node->ledger().stats().lent_leases, 1u);
    CHECK_EQ(worker.node->ledger().stats().own_blocks, 1u);
  }
}

TEST("leases are kept when the protocol is violated, and dropped when the process is reaped") {
  RawWorker worker;
  Slot slot = kNoSlot;
  lend_one(worker, slot);
  worker.node->ledger().release(slot);
  worker.write("bad");
  CHECK_EQ(worker.node->drain(), Status::kProtocol);
  CHECK_EQ(worker.node->ledger().stats().own_blocks, 1u);
  worker.node->reap();
  CHECK_EQ(worker.node->ledger().stats().own_blocks, 0u);
  Message message;
  CHECK_EQ(received(worker, message), Status::kProtocol);
}

TEST("a worker cancels nothing in Node: a Cancel is delivered like any message, and no answers to it pile up") {
  RawWorker worker;
  worker.write(WrittenMessage(Kind::Call, 7, "callback"));
  worker.write(WrittenMessage(Kind::Cancel, 7, ""));
  Message message;
  REQUIRE_EQ(received(worker, message), Status::kOk);
  CHECK_EQ(message->kind(), Kind::Call);
  REQUIRE_EQ(received(worker, message), Status::kOk);
  CHECK_EQ(message->kind(), Kind::Cancel);
  worker.node->flush_returns();
  Consumer::Record record;
  CHECK_EQ(worker.consumer.peek(record), Status::kEmpty);
}

TEST("a spilled message is checked like any other, and may not be a return, a spill or a cancel") {
  const WrittenMessage inside[] = {WrittenMessage(Kind::Result, 5, "spilled"), WrittenMessage::returns({{1, 2, 3}}),
                                   WrittenMessage::spill({1, 0, 64}, 64), WrittenMessage(Kind::Cancel, 1, "")};
  for (size_t at = 0; at < std::size(inside); ++at) {
    RawWorker worker;
    std::memcpy(worker.own_arena.data(), inside[at].data(), inside[at].size());
    worker.write(WrittenMessage::spill({worker.control().identity.worker_arena, 0, 4096}, inside[at].size()));
    Message message;
    CHECK_EQ(received(worker, message), at == 0 ? Status::kOk : Status::kProtocol);
    if (at == 0) CHECK_EQ(payload_of(message), "spilled");
    CHECK_EQ(worker.node->ledger().stats().borrowed_blocks, 0u);
  }
}

TEST("a spill that lies about its block or its length ends the channel") {
  const uint64_t arena_bytes = small_options().arena_bytes;
  for (const auto& [block, length, bytes] :
       std::vector<std::tuple<uint64_t, uint64_t, uint64_t>>{{0, 64, 65},
                                                             {arena_bytes, 64, 64},
                                                             {arena_bytes - 64, 128, 128},
                                                             {0, UINT64_MAX, INT32_MAX},
                                                             {0, 4096, 0},
                                                             {0, 4096, 4096},
                                                             {0, UINT64_MAX, UINT64_MAX}}) {
    RawWorker worker;
    worker.write(WrittenMessage::spill({worker.control().identity.worker_arena, block, length}, bytes));
    Message message;
    CHECK_EQ(received(worker, message), Status::kProtocol);
  }
}

TEST("every bit of a valid message flipped, through the channel: delivered with its tensors inside, or refused") {
  WrittenTensor tensor;
  {
    RawWorker any;
    tensor = any.tensor(4096, 64, 4);
  }
  tensor.strides = Strides{{-4}};
  tensor.offset = 12;
  const size_t bytes = WrittenMessage(Kind::Result, 1, "payload", {tensor, tensor}).size();
  auto worker = std::make_unique<RawWorker>();
  int delivered = 0;
  for (size_t bit = 0; bit < bytes * 8; ++bit) {
    tensor.name.arena = worker->control().identity.worker_arena;
    std::string record(WrittenMessage(Kind::Result, 1, "payload", {tensor, tensor}).text());
    record[bit / 8] = static_cast<char>(record[bit / 8] ^ (1 << bit % 8));
    worker->write(record);
    Message message;
    const Status status = received(*worker, message);
    if (status == Status::kOk) {
      ++delivered;
      const auto* tensors = message->tensors();
      for (uint32_t at = 0; tensors != nullptr && at < tensors->size(); ++at)
        REQUIRE(fits_block(*tensors->Get(at), worker->node->ledger().length(slot_of(message, at))));
    } else if (status != Status::kEmpty) {
      REQUIRE_EQ(status, Status::kProtocol);
      worker = std::make_unique<RawWorker>();
    }
  }
  CHECK(delivered > 0);
}

// The slot of a tensor is written into the verified copy. FlatBuffers lets parts of a message overlap, so a place may be
// put over an offset, a length or a table, which the slot would then change.
TEST("a place that overlaps another part of its message cannot change what was verified") {
  std::mt19937 random(17);
  int delivered = 0;
  int refused = 0;
  auto worker = std::make_unique<RawWorker>();
  std::vector<Slot> held;
  for (int fill = 0; fill < 300; ++fill) {  // so that slots are large numbers
    Slot slot = kNoSlot;
    CHECK_EQ(worker->node->allocate(64, false, slot), Status::kOk);
  }
  for (int round = 0; round < 3'000; ++round) {
    // Two tensors with blocks, where the first word pair of a place lies over something else: the vtable of a tensor is
    // moved so that its place is anywhere in the message.
    const WrittenTensor tensor = worker->tensor(4096, 64, 1);
    const WrittenMessage message(Kind::Result, 1, std::string(random() % 64, 'p'), {tensor, tensor});
    std::string record(message.text());
    auto* first =
        const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(wire::GetMessage(record.data())->tensors()->Get(0)));
    int32_t to_vtable = 0;
    std::memcpy(&to_vtable, first, sizeof to_vtable);
    uint8_t* place_entry = first - to_vtable + 4;
    const auto moved = static_cast<uint16_t>(random() % 64 * 4);
    uint8_t place[sizeof(wire::Place)];
    std::memcpy(place, wire::GetMessage(record.data())->tensors()->Get(0)->place(), sizeof place);
    std::memcpy(place_entry, &moved, sizeof moved);
    const auto target = static_cast<size_t>(first - reinterpret_cast<uint8_t*>(record.data())) + moved;
    // All but the first eight bytes, which stay what they were: those are what the slot overwrites.
    if (target + sizeof place <= record.size()) std::memcpy(record.data() + target + 8, place + 8, sizeof place - 8);
    worker->write(record);
    Message out;
    const Status status = received(*worker, out);
    if (status == Status::kOk) {
      ++delivered;
      REQUIRE(verify_message(out.data(), out.size()));
      const auto* tensors = out->tensors();
      for (uint32_t at = 0; tensors != nullptr && at < tensors->size(); ++at)
        REQUIRE(fits_block(*tensors->Get(at), worker->node->ledger().length(slot_of(out, at))));
    } else {
      REQUIRE_EQ(status, Status::kProtocol);
      ++refused;
      worker = std::make_unique<RawWorker>();
      for (int fill = 0; fill < 300; ++fill) {
        Slot slot = kNoSlot;
        CHECK_EQ(worker->node->allocate(64, false, slot), Status::kOk);
      }
    }
    CHECK(worker->node->ledger().is_valid());
  }
  CHECK(delivered > 0);
  CHECK(refused > 0);
}

TEST("a place over the length of the payload does not lengthen the payload") {
  RawWorker worker;
  for (int fill = 0; fill < 5'000; ++fill) {
    Slot slot = kNoSlot;
    CHECK_EQ(worker.node->allocate(64, false, slot), Status::kOk);
  }
  const std::string payload(48, 'p');
  const WrittenMessage message(Kind::Result, 1, payload, {worker.tensor(4096, 64, 1)});
  std::string record(message.text());
  auto* base = reinterpret_cast<uint8_t*>(record.data());
  const wire::Message* read = wire::GetMessage(base);
  auto* tensor = const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(read->tensors()->Get(0)));
  auto* length =
      const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(read->payload()));  // its length word, then the bytes
  REQUIRE(length > tensor && length - tensor < 65536);
  std::memcpy(length + 8, reinterpret_cast<const uint8_t*>(read->tensors()->Get(0)->place()) + 8,
              sizeof(wire::Place) - 8);
  int32_t to_vtable = 0;
  std::memcpy(&to_vtable, tensor, sizeof to_vtable);
  const auto moved = static_cast<uint16_t>(length - tensor);
  std::memcpy(tensor - to_vtable + 4, &moved, sizeof moved);
  REQUIRE(verify_message(base, static_cast<uint32_t>(record.size())));  // the verifier sees nothing wrong
  worker.write(record);
  Message out;
  CHECK_EQ(received(worker, out), Status::kProtocol);  // slot 5,000 would be the payload's length
}

TEST("a ring that changes while it is read ends in messages or kProtocol, never in anything else") {
  std::mt19937 random(23);
  for (int round = 0; round < 300; ++round) {
    RawWorker worker;
    for (int count = 0; count < 20; ++count)
      worker.write(WrittenMessage(Kind::Result, 1, "payload", {worker.tensor(4096, 64, 4)}));
    const auto tail = static_cast<uint32_t>(worker.control().rings[1].tail.bytes.load());
    Message message;
    for (int look = 0; look < 25; ++look) {
      for (int change = 0; change < 2; ++change) worker.records()[random() % tail] = static_cast<uint8_t>(random());
      const Status status = worker.node->receive(message);
      REQUIRE(status == Status::kOk || status == Status::kEmpty || status == Status::kProtocol);
    }
    REQUIRE(worker.node->ledger().is_valid());
  }
}

TEST("the worker is given no end of Node's event that it could receive on, and keep locked") {
  std::unique_ptr<Channel> node;
  int socket = -1;
  REQUIRE_EQ(open(small_options(), node, socket), Status::kOk);
  const auto file_of = [](int descriptor) {
    struct stat status{};
    CHECK_EQ(fstat(descriptor, &status), 0);
    return status.st_ino;
  };
  uint8_t greeting[64];
  int descriptors[os::kMaxDescriptors];
  size_t count = os::kMaxDescriptors;
  REQUIRE(os::receive_with_descriptors(socket, greeting, sizeof greeting, descriptors, &count, kSecond) > 0);
  for (size_t at = 0; at < count; ++at) CHECK(file_of(descriptors[at]) != file_of(node->event()));
  os::notify_event(descriptors[5]);
  CHECK_EQ(os::wait_event(node->event(), -1, -1, 0), os::Wake::kNotified);
  for (size_t at = 0; at < count; ++at) os::close_descriptor(descriptors[at]);
  os::close_descriptor(socket);
}
