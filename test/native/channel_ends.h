// Two ends of a channel in one process, and a worker that is no Channel at all but writes what it likes.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "core/channel.h"
#include "run.h"
#include "written_message.h"

namespace isthmus::test {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kForever = -1;

struct Options {
  uint64_t arena_bytes;
  uint64_t limit_bytes;
  uint64_t retain_bytes;
  uint64_t spin_ns;
  uint32_t ring_bytes;
};

inline Options small_options() { return Options{64ull << 20, 64ull << 20, 8ull << 20, 0, 64 * 1024}; }

inline std::shared_ptr<Ledger> made_ledger(const Options& options = small_options()) {
  std::shared_ptr<Ledger> ledger;
  CHECK_EQ(Ledger::create({options.arena_bytes, options.limit_bytes, options.retain_bytes}, ledger), Status::kOk);
  return ledger;
}

// Node's end, over a ledger of its own.
inline Status open(const Options& options, std::unique_ptr<Channel>& node, int& socket) {
  std::shared_ptr<Ledger> ledger;
  const Status status = Ledger::create({options.arena_bytes, options.limit_bytes, options.retain_bytes}, ledger);
  return status == Status::kOk ? Channel::open(ledger, {options.spin_ns, options.ring_bytes}, node, socket) : status;
}

struct ChannelPair {
  explicit ChannelPair(const Options& options = small_options()) : ChannelPair(made_ledger(options), options) {}
  // One of several workers of the same Node.
  explicit ChannelPair(const std::shared_ptr<Ledger>& ledger, const Options& options = small_options()) {
    int socket = -1;
    CHECK_EQ(Channel::open(ledger, {options.spin_ns, options.ring_bytes}, node, socket), Status::kOk);
    CHECK_EQ(Channel::join(socket, 10 * kSecond, worker), Status::kOk);
  }
  [[nodiscard]] bool is_valid() const { return node->ledger().is_valid() && worker->ledger().is_valid(); }

  std::unique_ptr<Channel> node;
  std::unique_ptr<Channel> worker;
};

// Node is a Channel; the worker's side is raw memory.
struct RawWorker {
  explicit RawWorker(const Options& options = small_options()) : RawWorker(made_ledger(options), options) {}
  explicit RawWorker(const std::shared_ptr<Ledger>& ledger, const Options& options = small_options()) {
    CHECK_EQ(Channel::open(ledger, {options.spin_ns, options.ring_bytes}, node, socket), Status::kOk);
    uint8_t greeting[64];
    int descriptors[os::kMaxDescriptors];
    size_t count = os::kMaxDescriptors;
    CHECK(os::receive_with_descriptors(socket, greeting, sizeof greeting, descriptors, &count, kSecond) > 0);
    CHECK_EQ(count, 6u);
    CHECK_EQ(Segment::adopt(descriptors[0], control_segment), Status::kOk);
    CHECK_EQ(Segment::adopt(descriptors[1], node_arena), Status::kOk);
    CHECK_EQ(Segment::adopt(descriptors[2], own_arena), Status::kOk);
    for (size_t at = 3; at < count; ++at) os::close_descriptor(descriptors[at]);
    const uint32_t ring = control().identity.ring_bytes;
    producer = Producer(control().rings[1], records(), ring);
    consumer = Consumer(control().rings[0], control_segment.data() + kRecordsOffset, ring);
  }
  ~RawWorker() { os::close_descriptor(socket); }
  [[nodiscard]] Control& control() const { return *reinterpret_cast<Control*>(control_segment.data()); }
  [[nodiscard]] uint8_t* records() const {
    return control_segment.data() + kRecordsOffset + control().identity.ring_bytes;
  }
  void write(std::string_view record) {
    CHECK_EQ(producer.claim(static_cast<uint32_t>(record.size()), 0), Status::kOk);
    producer.commit(reinterpret_cast<const uint8_t*>(record.data()));
  }
  void write(const WrittenMessage& message) { write(message.text()); }
  // A tensor of `floats` float32 in the worker's arena.
  [[nodiscard]] WrittenTensor tensor(uint64_t block, uint64_t length, int64_t floats) const {
    WrittenTensor written;
    written.name = BlockName{control().identity.worker_arena, block, length};
    written.shape = {floats};
    return written;
  }

  std::unique_ptr<Channel> node;
  int socket = -1;
  Segment control_segment;
  Segment node_arena;
  Segment own_arena;
  Producer producer;
  Consumer consumer;
};

// The worker is a Channel; Node's side is raw memory.
struct RawNode {
  static constexpr uint32_t kRing = 64 * 1024;
  static constexpr uint64_t kArena = 1 << 20;
  static constexpr uint64_t kOwnId = 1;
  static constexpr uint64_t kWorkerId = 2;

  explicit RawNode(uint32_t ring = kRing) {
    const Identity identity{kMagic, kLayoutVersion, ring, kOwnId, kWorkerId, kArena, kArena, 0, 0};
    Segment worker_arena;
    CHECK_EQ(Segment::create("t", control_bytes(ring), control_segment), Status::kOk);
    CHECK_EQ(Segment::create("t", kArena, own_arena), Status::kOk);
    CHECK_EQ(Segment::create("t", kArena, worker_arena), Status::kOk);
    std::memcpy(control_segment.data(), &identity, sizeof identity);
    int sockets[2];
    CHECK_EQ(os::socket_pair(sockets), 0);
    socket = sockets[0];
    const struct {
      uint64_t magic = kMagic;
      uint32_t version = kLayoutVersion;
      uint32_t descriptors = 6;
    } greeting;
    int events[2];
    CHECK_EQ(os::event_pair(events), 0);
    const int descriptors[6] = {control_segment.descriptor(),
                                own_arena.descriptor(),
                                worker_arena.descriptor(),
                                events[0],
                                events[1],
                                events[1]};
    CHECK(os::send_with_descriptors(socket, &greeting, sizeof greeting, descriptors, 6) > 0);
    for (const int event : events) os::close_descriptor(event);
    CHECK_EQ(Channel::join(sockets[1], kSecond, worker), Status::kOk);
    Control& control = *reinterpret_cast<Control*>(control_segment.data());
    producer = Producer(control.rings[0], control_segment.data() + kRecordsOffset, ring);
  }
  ~RawNode() { os::close_descriptor(socket); }
  void write(const WrittenMessage& message) {
    CHECK_EQ(producer.claim(message.size(), 0), Status::kOk);
    producer.commit(message.data());
  }
  // The datagram that announces an arena.
  void send_arena(uint64_t id, const int* descriptors, size_t count, uint64_t magic = kMagic) const {
    const uint64_t words[2] = {magic, id};
    CHECK_EQ(os::send_with_descriptors(socket, words, sizeof words, descriptors, count),
             static_cast<int64_t>(sizeof words));
  }

  std::unique_ptr<Channel> worker;
  int socket = -1;
  Segment control_segment;
  Segment own_arena;
  Producer producer;
};

inline std::string payload_of(const Message& message) {
  const auto* payload = message->payload();
  return payload == nullptr ? "" : std::string(reinterpret_cast<const char*>(payload->data()), payload->size());
}

inline Status send(Channel& from, wire::Kind kind, uint32_t id, std::string_view payload,
                   const std::vector<WrittenTensor>& tensors = {}) {
  const WrittenMessage message(kind, id, payload, tensors);
  return from.send(message.data(), message.size());
}

// A tensor over the whole of a block of `bytes`.
inline WrittenTensor whole(Slot slot, uint64_t bytes) {
  WrittenTensor tensor;
  tensor.slot = slot;
  tensor.shape = {static_cast<int64_t>(bytes / 4)};
  return tensor;
}

inline Slot slot_of(const Message& message, uint32_t at = 0) { return message->tensors()->Get(at)->place()->slot(); }

}  // namespace isthmus::test
