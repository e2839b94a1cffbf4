// Receiving: copy, verify, take references, settle what the languages need not see.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/channel.h"
#include "core/sync.h"

namespace isthmus {

namespace {

using Lock = std::lock_guard<std::mutex>;
using TryLock = std::unique_lock<std::mutex>;

constexpr size_t kSpareMessages = 64;
constexpr uint32_t kSpareBytes = 16 * 1024;
constexpr uint64_t kQueueLimit = 256ull << 20;  // bytes; beyond it the peer is kept waiting
constexpr uint32_t kSmallestRecord = 16;        // no message is shorter than 8 bytes

// What a queued message costs, so that a flood of tiny ones is bounded too.
uint64_t queued_bytes(const Message& message) noexcept { return message.memory_bytes() + sizeof message; }

constexpr uint32_t kNotOfAThread = 1u << 31;  // in the id of a call of the worker: its answer is queued

bool is_stop(wire::Kind kind) noexcept { return kind == wire::Kind::Cancel || kind == wire::Kind::Interrupt; }

bool is_call(wire::Kind kind) noexcept {
  return kind == wire::Kind::Call || kind == wire::Kind::Stream || kind == wire::Kind::Create;
}

}  // namespace

Status Channel::drain() noexcept {
  const TryLock lock(consumer_mutex_, std::try_to_lock);
  if (lock.owns_lock()) return take_records();
  ISTHMUS_SYNC(kDrainsElsewhere);
  return Status::kOk;
}

Status Channel::take_records() noexcept {
  if (ended_ != Status::kOk) {
    errno = ended_errno_;
    return ended_;
  }
  // At most what fits the ring: a peer that writes as fast as we read cannot keep us here.
  const uint32_t max_records = identity_.ring_bytes / kSmallestRecord;
  uint32_t taken = 0;
  Status status = doorbell_broken_.load(std::memory_order_relaxed) ? Status::kProtocol : Status::kOk;
  for (; status == Status::kOk && taken < max_records && has_room_for_more(); ++taken) {
    Consumer::Record record;
    status = consumer_.peek(record);
    if (status != Status::kOk) break;
    status = take_record(record);
    if (status != Status::kOk) break;
    consumer_.release();
  }
  const int reason = errno;
  ISTHMUS_SYNC(kTaken);
  queued_.store(static_cast<uint32_t>(queue_.size()), std::memory_order_relaxed);
  consumed_.store(consumer_.position(), std::memory_order_relaxed);
  if (taken != 0) {
    last_activity_ns_.store(os::now_ns(), std::memory_order_relaxed);
    notify(kAwaitsSpace);
  }
  if (owes_dropped_.load(std::memory_order_relaxed)) flush_returns();
  if (taken != 0 && !queue_.empty()) wake_input();
  if (status == Status::kOk || status == Status::kEmpty) return Status::kOk;
  ended_ = status;
  close(status == Status::kProtocol ? status : Status::kClosed);
  errno = ended_errno_ = reason;
  return status;
}

// Copy first, then check the copy, then use the copy: the other process can change the ring at any time.
Status Channel::take_record(const Consumer::Record& record) noexcept {
  Message message = blank();
  uint8_t* copy = message.buffer_.reset(record.bytes);
  if (copy == nullptr) return Status::kSystem;
  std::memcpy(copy, record.data, record.bytes);
  if (!record.matches(copy) || !verify_message(message.data(), message.size())) return Status::kProtocol;
  switch (message->kind()) {
    case wire::Kind::Return: {
      const Status status = apply_returns(*message);
      keep_spare(std::move(message));
      return status;
    }
    case wire::Kind::Spill:
      return admit_spilled(*message);
    case wire::Kind::Arena:
    case wire::Kind::ArenaGone: {
      const Status status = take_arena(*message);
      keep_spare(std::move(message));
      return status;
    }
    case wire::Kind::Pressure:
      ledger_->refresh();  // it may have been refused because of what others no longer use
      break;
    case wire::Kind::Cancel:
      if (side_ == Side::kNode || !drop_queued_call(message->id())) break;
      keep_spare(std::move(message));
      return Status::kOk;
    default:
      break;
  }
  if (const Status status = admit(message); status != Status::kOk) return status;
  deliver(std::move(message));
  return Status::kOk;
}

// Takes a reference on every block the message names and writes its slot into the private copy.
Status Channel::admit(Message& message) noexcept {
  const auto* tensors = message->tensors();
  const uint32_t count = tensors == nullptr ? 0 : tensors->size();
  if (count == 0) return Status::kOk;
  admitted_.clear();
  Status status = Status::kOk;
  for (uint32_t at = 0; at < count && status == Status::kOk; ++at) {
    const wire::Tensor& tensor = *tensors->Get(at);
    const wire::Place& place = *tensor.place();
    const BlockName name{value(place.arena()), value(place.block()), value(place.length())};
    Slot slot = kNoSlot;
    status = fits_block(tensor, name.length) ? ledger_->accept(id_, name, slot) : Status::kProtocol;
    if (status == Status::kOk) admitted_.push_back(Admitted{&place, name.length, slot});
  }
  if (status == Status::kOk && write_slots(message)) {
    message.ledger_ = ledger_.get();
    return Status::kOk;
  }
  for (const Admitted& tensor : admitted_) ledger_->release(tensor.slot);
  return status == Status::kOk ? Status::kProtocol : status;
}

// FlatBuffers' verifier lets parts of a message overlap. Where a place lies over another table, a length or an offset,
// writing a slot there would change what was verified: so everything is verified again, and read back.
bool Channel::write_slots(Message& message) noexcept {
  for (const Admitted& tensor : admitted_) set_slot(*tensor.place, tensor.slot);
  if (!verify_message(message.data(), message.size())) return false;
  const auto* tensors = message->tensors();
  if (tensors == nullptr || tensors->size() != admitted_.size()) return false;
  for (uint32_t at = 0; at < tensors->size(); ++at) {
    const wire::Tensor& tensor = *tensors->Get(at);
    if (tensor.place()->slot() != admitted_[at].slot || !fits_block(tensor, admitted_[at].length)) return false;
  }
  return true;
}

Status Channel::admit_spilled(const wire::Message& announcement) noexcept {
  const wire::Place& place = *announcement.spill();
  const BlockName name{value(place.arena()), value(place.block()), value(place.length())};
  const uint64_t bytes = value(*announcement.spilled_bytes());
  if (bytes > name.length || bytes >= INT32_MAX) return Status::kProtocol;  // FlatBuffers' own limit
  Slot slot = kNoSlot;
  if (const Status status = ledger_->accept(id_, name, slot); status != Status::kOk) return status;
  Message message = blank();
  uint8_t* copy = message.buffer_.reset(static_cast<uint32_t>(bytes));
  const uint8_t* data = ledger_->data(slot);
  if (copy != nullptr && data != nullptr) std::memcpy(copy, data, bytes);
  ledger_->release(slot);
  if (copy == nullptr || data == nullptr) return Status::kSystem;
  if (!verify_message(message.data(), message.size())) return Status::kProtocol;
  switch (message->kind()) {
    case wire::Kind::Return:
    case wire::Kind::Spill:
    case wire::Kind::Cancel:
    case wire::Kind::Arena:
    case wire::Kind::ArenaGone:
      return Status::kProtocol;
    default:
      break;
  }
  if (const Status status = admit(message); status != Status::kOk) return status;
  deliver(std::move(message));
  return Status::kOk;
}

Status Channel::apply_returns(const wire::Message& message) noexcept {
  for (const wire::Return* entry : *message.returns()) {
    const LeaseReturn lease{value(entry->arena()), value(entry->block()), entry->count()};
    if (const Status status = ledger_->give_back(id_, lease); status != Status::kOk) return status;
  }
  return Status::kOk;
}

// A call that nobody waits for, and that has not begun, is answered here, by whichever thread drains: the one that runs
// calls may be busy for long.
bool Channel::drop_queued_call(uint32_t id) noexcept {
  const auto found = std::find_if(queue_.begin(), queue_.end(), [id](const Message& message) {
    return is_call(message->kind()) && message->id() == id;
  });
  if (found == queue_.end()) return false;
  queue_bytes_ -= queued_bytes(*found);
  queue_.erase(found);
  const Lock lock(producer_mutex_);
  dropped_.push_back(id);
  owes_dropped_.store(true, std::memory_order_relaxed);
  return true;
}

Status Channel::receive(Message& out, uint64_t max_bytes) noexcept {
  const Status drained = drain();
  ISTHMUS_SYNC(kDrained);
  const Lock lock(consumer_mutex_);
  if (queue_.empty()) return drained != Status::kOk ? drained : closed() ? why_closed() : Status::kEmpty;
  if (queue_.front().size() > max_bytes) return Status::kTooLarge;
  keep_spare(std::move(out));
  out = std::move(queue_.front());
  queue_.pop_front();
  queue_bytes_ -= queued_bytes(out);
  queued_.store(static_cast<uint32_t>(queue_.size()), std::memory_order_relaxed);
  if (is_stop(out->kind())) stops_queued_.fetch_sub(1, std::memory_order_relaxed);
  return Status::kOk;
}

void Channel::deliver(Message&& message) noexcept {
  const bool answers = message->kind() == wire::Kind::Result || message->kind() == wire::Kind::Error;
  if (side_ == Side::kWorker && answers && (message->id() & kNotOfAThread) == 0)
    keep_answer(std::move(message));
  else
    enqueue(std::move(message));
}

void Channel::enqueue(Message&& message) noexcept {
  const wire::Kind kind = message->kind();
  queue_bytes_ += queued_bytes(message);
  queue_.push_back(std::move(message));
  if (!is_stop(kind)) return;
  stops_queued_.fetch_add(1, std::memory_order_relaxed);
  if (kind != wire::Kind::Interrupt) return;
  interrupts_.fetch_add(1, std::memory_order_relaxed);
  wake_for_interrupt();
}

wire::Kind Channel::cancelled(uint32_t id) noexcept {
  if (ring_has_input()) (void)drain();
  wire::Kind found = wire::Kind::None;
  if (stops_queued_.load(std::memory_order_relaxed) == 0) return found;
  const Lock lock(consumer_mutex_);
  for (const Message& message : queue_)
    if (is_stop(message->kind()) && message->id() == id && found != wire::Kind::Interrupt) found = message->kind();
  return found;
}

// --- answers to calls of a thread ------------------------------------------------------------------------

void Channel::expect(uint32_t id) noexcept {
  const Lock lock(consumer_mutex_);
  answers_.try_emplace(id);
}

bool Channel::expects(uint32_t id) noexcept {
  const Lock lock(consumer_mutex_);
  return answers_.contains(id);
}

// An answer that is not expected, or a second one, is dropped here, so that nothing of it is kept: neither memory nor
// references on blocks.
void Channel::keep_answer(Message&& message) noexcept {
  const uint32_t id = message->id();
  const auto expected = answers_.find(id);
  if (expected == answers_.end() || expected->second.size() != 0) {
    keep_spare(std::move(message));
    return;
  }
  queue_bytes_ += queued_bytes(message);
  expected->second = std::move(message);
  answers_changed_.fetch_add(1, std::memory_order_relaxed);
  wake_answer(id);
}

Status Channel::receive_answer(uint32_t id, Message& out) noexcept {
  const Status drained = drain();
  ISTHMUS_SYNC(kDrained);
  const Lock lock(consumer_mutex_);
  const auto expected = answers_.find(id);
  if (expected == answers_.end() || expected->second.size() == 0)
    return drained != Status::kOk ? drained : closed() ? why_closed() : Status::kEmpty;
  keep_spare(std::move(out));
  out = std::move(expected->second);
  answers_.erase(expected);
  make_room(queued_bytes(out));
  return Status::kOk;
}

void Channel::forget(uint32_t id) noexcept {
  const Lock lock(consumer_mutex_);
  const auto expected = answers_.find(id);
  if (expected == answers_.end()) return;
  Message answer = std::move(expected->second);
  answers_.erase(expected);
  answers_changed_.fetch_add(1, std::memory_order_relaxed);
  wake_answer(id);
  if (answer.size() == 0) return;
  make_room(queued_bytes(answer));
  keep_spare(std::move(answer));
}

// An answer has left the table. If that was full, there may be records in the ring which others sleep beside, who have been
// told of them and could not take them.
void Channel::make_room(uint64_t bytes) noexcept {
  const bool was_full = !has_room_for_more();
  queue_bytes_ -= bytes;
  if (was_full) (void)take_records();
}

bool Channel::has_answer(uint32_t id) const noexcept {
  const auto expected = answers_.find(id);
  return expected == answers_.end() || expected->second.size() != 0;  // not expected: nothing to wait for
}

// Keeps a small message's memory for the next one.
void Channel::keep_spare(Message&& message) noexcept {
  message.drop();
  const uint32_t capacity = message.buffer_.capacity();
  if (capacity == 0 || capacity > kSpareBytes || spare_.size() >= kSpareMessages) return;
  spare_.push_back(std::move(message));
}

Message Channel::blank() noexcept {
  if (spare_.empty()) return Message();
  Message message = std::move(spare_.back());
  spare_.pop_back();
  return message;
}

void Message::drop() noexcept {
  if (ledger_ == nullptr) return;
  for (const wire::Tensor* tensor : *(*this)->tensors()) ledger_->release(tensor->place()->slot());
  ledger_ = nullptr;
}

bool Channel::has_input() noexcept { return queued_.load(std::memory_order_relaxed) != 0 || ring_has_input(); }

// Most looks find nothing; those need no lock.
bool Channel::ring_has_input() noexcept {
  if (consumer_.tail_now() == consumed_.load(std::memory_order_relaxed)) return false;
  const TryLock lock(consumer_mutex_, std::try_to_lock);
  return lock.owns_lock() && can_take();
}

bool Channel::can_take() const noexcept { return ended_ == Status::kOk && has_room_for_more() && !consumer_.empty(); }

// While a thread waits for an answer, the limit does not hold: the answer may be behind calls which nobody takes from the
// queue until that thread has it. What Node sends then is bounded by its window.
bool Channel::has_room_for_more() const noexcept {
  return queue_bytes_ < kQueueLimit || answers_awaited_.load(std::memory_order_relaxed) != 0;
}

}  // namespace isthmus
