// The ring: records from one producer to one consumer through shared memory. Layout: layout.h.
//
// Positions are bytes ever committed (tail) and ever consumed (head); they only grow, and `position & mask`
// is the place in the ring.
//
//   I1  head <= tail <= head + capacity
//   I2  only the producer writes tail and the bytes in [tail, head + capacity)
//   I3  only the consumer writes head, and reads only bytes in [head, tail)
//   I4  a record is contiguous: where one would cross the end, padding fills the rest
//   I5  a position read from the other process is checked against I1 before it is used
//
// Without caching, each side would read the other's line on every record; each side keeps the last value
// it has seen and reads again only when that value says full (producer) or empty (consumer).
#pragma once

#include <cstdint>

#include "core/checksum.h"
#include "core/layout.h"
#include "core/status.h"

namespace isthmus {

class Producer {
 public:
  Producer() noexcept = default;
  Producer(RingState& state, uint8_t* records, uint32_t capacity) noexcept;

  // Claims room for a record of `bytes` that leaves at least `reserve` bytes free. Nothing is written before it is committed,
  // so a claim that is followed by another one was none.
  [[nodiscard]] Status claim(uint32_t bytes, uint32_t reserve) noexcept;
  // Writes and publishes the record that was claimed last, from private memory.
  void commit(const uint8_t* message) noexcept;
  // Bytes ever consumed, as seen by the last claim and as they are now. A sender that was refused keeps the first and
  // compares the second with it before it sleeps.
  [[nodiscard]] uint64_t head_seen() const noexcept { return head_cached_; }
  [[nodiscard]] uint64_t head_now() const noexcept {
    return state_->head.bytes.load(std::memory_order_acquire);  // sync: space-published <- Consumer::release
  }
  // The longest record: even with padding and the reserve it fits an empty ring, whatever the position.
  [[nodiscard]] uint32_t max_record_bytes() const noexcept { return capacity_ / 4 - sizeof(RecordHeader); }
  [[nodiscard]] uint32_t capacity() const noexcept { return capacity_; }

 private:
  [[nodiscard]] uint64_t padding_before(uint32_t bytes) const noexcept;
  void write_header(uint32_t length, const uint8_t* message, uint32_t bytes) noexcept;

  RingState* state_ = nullptr;
  uint8_t* records_ = nullptr;
  uint32_t capacity_ = 0;
  uint64_t tail_ = 0;         // own position
  uint64_t head_cached_ = 0;  // last seen position of the consumer
  uint32_t claimed_ = 0;      // bytes of the record that may be committed
};

class Consumer {
 public:
  Consumer() noexcept = default;
  Consumer(RingState& state, const uint8_t* records, uint32_t capacity) noexcept;

  struct Record {
    const uint8_t* data;  // still shared: the producer may be hostile, copy before use
    uint32_t bytes;
    uint32_t checksum;
    uint64_t position;

    // Is the private copy what the producer wrote?
    [[nodiscard]] bool matches(const uint8_t* copy) const noexcept {
      return isthmus::checksum(position, bytes, copy, bytes) == checksum;
    }
  };
  // kOk with the next record, kEmpty, or kProtocol when the producer broke an invariant. Whether the record's bytes are
  // what was written, is for Record::matches to say.
  [[nodiscard]] Status peek(Record& out) noexcept;
  // Consumes the record that was peeked.
  void release() noexcept;
  [[nodiscard]] bool empty() const noexcept;
  // Bytes ever consumed here, and committed by the producer so far. Whoever remembers the first can look for news
  // without being the consumer.
  [[nodiscard]] uint64_t position() const noexcept { return head_; }
  [[nodiscard]] uint64_t tail_now() const noexcept {
    return state_->tail.bytes.load(std::memory_order_acquire);  // sync: record-published <- Producer::commit
  }

 private:
  RingState* state_ = nullptr;
  const uint8_t* records_ = nullptr;
  uint32_t capacity_ = 0;
  uint64_t head_ = 0;         // own position
  uint64_t next_ = 0;         // head after the peeked record
  uint64_t tail_cached_ = 0;  // last seen position of the producer
};

}  // namespace isthmus
