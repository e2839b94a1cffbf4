// The control segment: everything two processes share besides tensor bytes. layout_freeze.cc freezes it.
//
//   offset 0                                                                      written by
//   +--------------------------------------------------------------------------+
//   | Identity   magic, version, ring_bytes, arena ids and sizes               |  Node, before it is shared
//   +--------------------------------------------------------------------------+
//   | Side 0 (Node)                                                            |
//   |   awaits    what this side sleeps for; 0 while it is awake               |  both (set by 0, cleared by either)
//   |   counters  physical, copied and shared bytes of this side               |  side 0
//   +--------------------------------------------------------------------------+
//   | Side 1 (worker)                                                          |  likewise
//   +--------------------------------------------------------------------------+
//   | Ring 0 (Node -> worker)   tail: bytes ever committed                     |  side 0
//   |                           head: bytes ever consumed                      |  side 1
//   | Ring 1 (worker -> Node)   tail                                           |  side 1
//   |                           head                                           |  side 0
//   +--------------------------------------------------------------------------+
//   offset 4096: ring 0's records (ring_bytes), then ring 1's records (ring_bytes)
//
// A record, 8-byte aligned, never crosses the end of the ring:
//
//    0                   4                   8
//   +-------------------+-------------------+----------------------+---------+
//   | length (u32)      | checksum (u32)    | length bytes         | to 8    |
//   +-------------------+-------------------+----------------------+---------+
//
// The top bit of length says padding up to the end of the ring, to be skipped. The checksum (checksum.h) is of the
// position, the length and the bytes: what a stray write has changed, or what is left of an earlier round, is not taken
// for a record.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace isthmus {

constexpr uint64_t kMagic = 0x3155'4d48'5453'4901;  // "\1ISTHMU1", little-endian
constexpr uint32_t kLayoutVersion = 2;
constexpr size_t kCacheLine = 64;
constexpr size_t kRecordsOffset = 4096;
constexpr uint32_t kMinRingBytes = 4096;
constexpr uint32_t kMaxRingBytes = 1u << 30;
constexpr uint32_t kRecordAlign = 8;

struct RecordHeader {
  uint32_t length;  // bytes after this header, without the padding to 8; or kRecordPadding and the bytes to skip
  uint32_t checksum;
};
constexpr uint32_t kRecordPadding = 1u << 31;

struct alignas(kCacheLine) Identity {
  uint64_t magic;
  uint32_t version;
  uint32_t ring_bytes;
  uint64_t node_arena;
  uint64_t worker_arena;
  uint64_t arena_bytes;
  uint64_t limit_bytes;   // physical bytes of all arenas together
  uint64_t retain_bytes;  // free large blocks an owner keeps touched
  uint64_t spin_ns;
};

// What a sleeping side waits for.
constexpr uint32_t kAwaitsRecords = 1;
constexpr uint32_t kAwaitsSpace = 2;

// Figures that a side publishes; hints and statistics, never trusted for safety.
struct alignas(kCacheLine) Counters {
  std::atomic<uint64_t> physical_bytes;  // touched and not punched, in this side's arena
  std::atomic<uint64_t> copied_bytes;    // tensor bytes this side has copied
  std::atomic<uint64_t> shared_bytes;    // tensor bytes this side has sent by reference
  std::atomic<uint64_t> messages;        // committed to its ring
  std::atomic<uint64_t> notifications;   // doorbell writes
  std::atomic<uint64_t> parks;           // times this side went to sleep
};

struct alignas(kCacheLine) SideState {
  std::atomic<uint32_t> awaits;
  uint32_t reserved[15];
  Counters counters;
};

struct alignas(kCacheLine) Position {
  std::atomic<uint64_t> bytes;
};

struct RingState {
  Position tail;  // written by the producer
  Position head;  // written by the consumer
};

struct Control {
  Identity identity;
  SideState sides[2];
  RingState rings[2];
};

enum class Side : uint32_t { kNode = 0, kWorker = 1 };
constexpr Side other(Side side) noexcept { return side == Side::kNode ? Side::kWorker : Side::kNode; }
constexpr uint32_t index(Side side) noexcept { return static_cast<uint32_t>(side); }

constexpr uint64_t control_bytes(uint32_t ring_bytes) noexcept { return kRecordsOffset + 2ull * ring_bytes; }

}  // namespace isthmus
