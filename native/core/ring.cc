#include "core/ring.h"

#include <cstring>

#include "core/sync.h"

namespace isthmus {

namespace {

// What a record of `bytes` takes.
constexpr uint64_t record_bytes(uint64_t bytes) noexcept {
  return sizeof(RecordHeader) + ((bytes + kRecordAlign - 1) & ~uint64_t{kRecordAlign - 1});
}

}  // namespace

Producer::Producer(RingState& state, uint8_t* records, uint32_t capacity) noexcept
    : state_(&state), records_(records), capacity_(capacity) {}

Status Producer::claim(uint32_t bytes, uint32_t reserve) noexcept {
  if (bytes > max_record_bytes()) return Status::kTooLarge;
  const uint64_t total = padding_before(bytes) + record_bytes(bytes);
  if (tail_ + total + reserve > head_cached_ + capacity_) {
    const uint64_t head =
        state_->head.bytes.load(std::memory_order_acquire);  // sync: space-published <- Consumer::release
    ISTHMUS_SYNC(kSpaceLooked);
    if (head > tail_ || tail_ - head > capacity_) return Status::kProtocol;  // I5
    head_cached_ = head;
    if (tail_ + total + reserve > head + capacity_) return Status::kFull;
  }
  claimed_ = bytes;
  return Status::kOk;
}

void Producer::commit(const uint8_t* message) noexcept {
  if (const uint64_t padding = padding_before(claimed_); padding != 0) {
    write_header(kRecordPadding | static_cast<uint32_t>(padding - sizeof(RecordHeader)), nullptr, 0);
    tail_ += padding;
  }
  write_header(claimed_, message, claimed_);
  if (claimed_ != 0) std::memcpy(records_ + (tail_ & (capacity_ - 1)) + sizeof(RecordHeader), message, claimed_);
  tail_ += record_bytes(claimed_);
  ISTHMUS_SYNC(kRecordWritten);
  state_->tail.bytes.store(tail_,
                           std::memory_order_release);  // sync: record-published -> Consumer::peek, Consumer::empty
  ISTHMUS_SYNC(kRecordPublished);
}

uint64_t Producer::padding_before(uint32_t bytes) const noexcept {
  const uint64_t to_end = capacity_ - (tail_ & (capacity_ - 1));
  return record_bytes(bytes) > to_end ? to_end : 0;
}

void Producer::write_header(uint32_t length, const uint8_t* message, uint32_t bytes) noexcept {
  const RecordHeader header{length, checksum(tail_, length, message, bytes)};
  std::memcpy(records_ + (tail_ & (capacity_ - 1)), &header, sizeof header);
}

Consumer::Consumer(RingState& state, const uint8_t* records, uint32_t capacity) noexcept
    : state_(&state), records_(records), capacity_(capacity) {}

Status Consumer::peek(Record& out) noexcept {
  for (;;) {
    if (head_ == tail_cached_) {
      const uint64_t tail =
          state_->tail.bytes.load(std::memory_order_acquire);  // sync: record-published <- Producer::commit
      ISTHMUS_SYNC(kRecordLooked);
      if (tail == head_) return Status::kEmpty;
      const uint64_t ahead = tail - head_;
      if (ahead > capacity_ || ahead % kRecordAlign != 0) return Status::kProtocol;  // I5
      tail_cached_ = tail;
    }
    const uint64_t place = head_ & (capacity_ - 1);
    const uint64_t to_end = capacity_ - place;
    const uint64_t available = tail_cached_ - head_;
    // Exactly one read of the header: the other process can change it between check and use.
    const uint64_t word = __atomic_load_n(reinterpret_cast<const uint64_t*>(records_ + place), __ATOMIC_RELAXED);
    RecordHeader header;
    std::memcpy(&header, &word, sizeof header);
    const bool is_padding = (header.length & kRecordPadding) != 0;
    const uint64_t total = record_bytes(header.length & ~kRecordPadding);
    if (total > available || total > to_end) return Status::kProtocol;
    next_ = head_ + total;
    if (!is_padding) {
      out = Record{records_ + place + sizeof header, header.length, header.checksum, head_};
      return Status::kOk;
    }
    // Padding is behind a record and before one, never at the start: a peer that pads for ever cannot keep us here.
    if (total != to_end || place == 0) return Status::kProtocol;
    if (header.checksum != checksum(head_, header.length, nullptr, 0)) return Status::kProtocol;
    release();
  }
}

void Consumer::release() noexcept {
  head_ = next_;
  ISTHMUS_SYNC(kSpaceTaken);
  state_->head.bytes.store(head_, std::memory_order_release);  // sync: space-published -> Producer::claim
  ISTHMUS_SYNC(kSpacePublished);
}

bool Consumer::empty() const noexcept {
  return head_ == tail_cached_ &&
         state_->tail.bytes.load(std::memory_order_acquire) == head_;  // sync: record-published <- Producer::commit
}

}  // namespace isthmus
