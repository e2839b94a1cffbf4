#include "core/ring.h"

#include <cstring>

namespace isthmus {

namespace {

constexpr uint64_t round_up(uint64_t bytes) noexcept {
  return (bytes + kRecordAlign - 1) & ~uint64_t{kRecordAlign - 1};
}

}  // namespace

void Claim::commit() noexcept {
  if (tail_ == nullptr) return;
  *position_ = next_;
  tail_->store(next_, std::memory_order_release);  // sync: record-published -> Consumer::peek, Consumer::empty
  tail_ = nullptr;
}

Producer::Producer(RingState& state, uint8_t* records, uint32_t capacity) noexcept
    : state_(&state), records_(records), capacity_(capacity) {}

Status Producer::claim(uint32_t bytes, uint32_t reserve, Claim& out) noexcept {
  if (bytes > max_record_bytes()) return Status::kTooLarge;
  const uint64_t needed = sizeof(RecordHeader) + round_up(bytes);
  const uint64_t place = tail_ & (capacity_ - 1);
  const uint64_t to_end = capacity_ - place;
  const uint64_t padding = needed > to_end ? to_end : 0;
  const uint64_t total = padding + needed;

  if (tail_ + total + reserve > head_cached_ + capacity_) {
    const uint64_t head =
        state_->head.bytes.load(std::memory_order_acquire);  // sync: space-published <- Consumer::release
    if (head > tail_ || tail_ - head > capacity_) return Status::kProtocol;  // I5
    head_cached_ = head;
    if (tail_ + total + reserve > head + capacity_) return Status::kFull;
  }

  uint8_t* at = records_ + place;
  if (padding != 0) {
    const RecordHeader skip{static_cast<uint32_t>(padding - sizeof(RecordHeader)), kRecordPadding};
    std::memcpy(at, &skip, sizeof skip);
    at = records_;
  }
  const RecordHeader header{bytes, kRecordMessage};
  std::memcpy(at, &header, sizeof header);
  out.tail_ = &state_->tail.bytes;
  out.position_ = &tail_;
  out.next_ = tail_ + total;
  out.data_ = at + sizeof header;
  out.bytes_ = bytes;
  return Status::kOk;
}

Consumer::Consumer(RingState& state, const uint8_t* records, uint32_t capacity) noexcept
    : state_(&state), records_(records), capacity_(capacity) {}

Status Consumer::peek(Record& out) noexcept {
  for (;;) {
    if (head_ == tail_cached_) {
      const uint64_t tail =
          state_->tail.bytes.load(std::memory_order_acquire);  // sync: record-published <- Claim::commit
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
    const uint64_t total = sizeof header + round_up(header.length);
    if (total > available || total > to_end) return Status::kProtocol;
    next_ = head_ + total;
    if (header.type == kRecordMessage) {
      out = Record{records_ + place + sizeof header, header.length};
      return Status::kOk;
    }
    // Padding is behind a record and before one, never at the start: a peer that pads for ever cannot keep us here.
    if (header.type != kRecordPadding || total != to_end || place == 0) return Status::kProtocol;
    release();
  }
}

void Consumer::release() noexcept {
  head_ = next_;
  state_->head.bytes.store(head_, std::memory_order_release);  // sync: space-published -> Producer::claim
}

bool Consumer::empty() const noexcept {
  return head_ == tail_cached_ &&
         state_->tail.bytes.load(std::memory_order_acquire) == head_;  // sync: record-published <- Claim::commit
}

}  // namespace isthmus
