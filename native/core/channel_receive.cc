// Receiving: copy, verify, take references, settle what the languages need not see.
#include <algorithm>
#include <cstring>

#include "core/channel.h"

namespace isthmus {

namespace {

using Lock = std::lock_guard<std::mutex>;
using TryLock = std::unique_lock<std::mutex>;

constexpr size_t kSpareMessages = 64;
constexpr uint32_t kSpareBytes = 16 * 1024;
constexpr uint64_t kQueueLimit = 256ull << 20;  // bytes; beyond it the peer is kept waiting

}  // namespace

Status Channel::drain(uint32_t max_records) noexcept {
  const TryLock lock(consumer_mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return Status::kOk;  // somebody else is draining
  if (broken_) return Status::kProtocol;
  uint32_t taken = 0;
  Status status = Status::kOk;
  for (; taken < max_records && queue_bytes_ < kQueueLimit; ++taken) {
    Consumer::Record record;
    status = consumer_.peek(record);
    if (status != Status::kOk) break;
    status = take_record(record);
    if (status != Status::kOk) break;
    consumer_.release();
  }
  queued_.store(static_cast<uint32_t>(queue_.size()), std::memory_order_relaxed);
  if (taken != 0) {
    last_activity_ns_.store(os::now_ns(), std::memory_order_relaxed);
    notify(kAwaitsSpace);
  }
  if (status == Status::kProtocol) {
    broken_ = true;
    close();
    return status;
  }
  return Status::kOk;
}

// Copy first, then check the copy, then use the copy: the other process can change the ring at any time.
Status Channel::take_record(const Consumer::Record& record) noexcept {
  Message message = blank();
  std::memcpy(message.buffer_.reset(record.bytes), record.data, record.bytes);
  if (!verify_message(message.data(), message.size())) return Status::kProtocol;
  switch (message->kind()) {
    case wire::Kind::Return: {
      const Status status = apply_returns(*message);
      keep_spare(std::move(message));
      return status;
    }
    case wire::Kind::Spill:
      return admit_spilled(*message);
    case wire::Kind::Cancel:
      drop_queued_call(message->id());
      break;
    default:
      break;
  }
  if (const Status status = admit(message); status != Status::kOk) return status;
  enqueue(std::move(message));
  return Status::kOk;
}

// Takes a reference on every block the message names and writes its slot into the private copy.
Status Channel::admit(Message& message) noexcept {
  const auto* tensors = message->tensors();
  const uint32_t count = tensors == nullptr ? 0 : tensors->size();
  for (uint32_t at = 0; at < count; ++at) {
    const wire::Tensor& tensor = *tensors->Get(at);
    const wire::Place& place = *tensor.place();
    const BlockName name{value(place.arena()), value(place.block()), value(place.length())};
    Slot slot = kNoSlot;
    Status status = fits_block(tensor, name.length) ? Status::kOk : Status::kProtocol;
    if (status == Status::kOk) status = ledger_->accept(id_, name, slot);
    if (status != Status::kOk) {
      while (at-- > 0) ledger_->release(tensors->Get(at)->place()->slot());
      return status;
    }
    set_place(tensor, wire::Place(slot, 0, place.offset(), place.arena(), place.block(), place.length()));
  }
  if (count != 0) message.ledger_ = ledger_.get();
  return Status::kOk;
}

Status Channel::admit_spilled(const wire::Message& announcement) noexcept {
  const wire::Place& place = *announcement.spill();
  const BlockName name{value(place.arena()), value(place.block()), value(place.length())};
  const uint64_t bytes = value(*announcement.spilled_bytes());
  if (bytes > name.length || bytes > INT32_MAX) return Status::kProtocol;
  Slot slot = kNoSlot;
  if (const Status status = ledger_->accept(id_, name, slot); status != Status::kOk) return status;
  Message message = blank();
  std::memcpy(message.buffer_.reset(static_cast<uint32_t>(bytes)), ledger_->data(slot), bytes);
  ledger_->release(slot);
  if (!verify_message(message.data(), message.size())) return Status::kProtocol;
  const wire::Kind kind = message->kind();
  if (kind == wire::Kind::Return || kind == wire::Kind::Spill || kind == wire::Kind::Cancel) return Status::kProtocol;
  if (const Status status = admit(message); status != Status::kOk) return status;
  enqueue(std::move(message));
  return Status::kOk;
}

Status Channel::apply_returns(const wire::Message& message) noexcept {
  for (const wire::Return* entry : *message.returns()) {
    const LeaseReturn lease{value(entry->arena()), value(entry->block()), entry->count()};
    if (const Status status = ledger_->give_back(id_, lease); status != Status::kOk) return status;
  }
  return Status::kOk;
}

void Channel::drop_queued_call(uint32_t id) noexcept {
  const auto found = std::find_if(queue_.begin(), queue_.end(), [id](const Message& message) {
    return message->kind() == wire::Kind::Call && message->id() == id;
  });
  if (found == queue_.end()) return;
  queue_bytes_ -= found->size();
  queue_.erase(found);
}

Status Channel::receive(Message& out) noexcept {
  const Status drained = drain();
  const Lock lock(consumer_mutex_);
  if (queue_.empty()) return drained != Status::kOk ? drained : closed() ? Status::kClosed : Status::kEmpty;
  keep_spare(std::move(out));
  out = std::move(queue_.front());
  queue_.pop_front();
  queue_bytes_ -= out.size();
  queued_.store(static_cast<uint32_t>(queue_.size()), std::memory_order_relaxed);
  return Status::kOk;
}

void Channel::enqueue(Message&& message) noexcept {
  queue_bytes_ += message.size();
  queue_.push_back(std::move(message));
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

bool Channel::has_input() noexcept {
  if (queued_.load(std::memory_order_relaxed) != 0) return true;
  const TryLock lock(consumer_mutex_, std::try_to_lock);
  return lock.owns_lock() && !consumer_.empty();
}

}  // namespace isthmus
