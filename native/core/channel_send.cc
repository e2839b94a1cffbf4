// Sending: lend what the message names, publish it, wake the other side if it sleeps.
#include <cstring>

#include "core/channel.h"
#include "core/sync.h"

namespace isthmus {

namespace {

using Lock = std::lock_guard<std::mutex>;

constexpr uint32_t kReturnsPerMessage = 32;      // fits a record of the smallest ring
constexpr uint64_t kWakeForBytes = 64ull << 20;  // returns alone wake a parked peer once they free this much

}  // namespace

Status Channel::send(uint8_t* message, uint32_t bytes) noexcept {
  if (closed()) return why_closed();
  const auto* tensors = wire::GetMessage(message)->tensors();
  const uint32_t count = tensors == nullptr ? 0 : tensors->size();
  uint32_t lent = 0;
  uint64_t shared_bytes = 0;
  bool names_third = false;
  Status status = Status::kOk;
  for (; lent < count; ++lent) {
    const wire::Tensor& tensor = *tensors->Get(lent);
    const uint32_t slot = tensor.place()->slot();
    BlockName name;
    status = ledger_->lend(slot, id_, name);
    if (status != Status::kOk) break;
    set_place(tensor,
              wire::Place(slot, 0, tensor.place()->offset(), words(name.arena), words(name.block), words(name.length)));
    shared_bytes += tensor_bytes(tensor);
    names_third |= name.arena != identity_.node_arena && name.arena != identity_.worker_arena;
  }
  if (bytes >= INT32_MAX) status = Status::kTooLarge;  // FlatBuffers' own limit
  const bool spills = bytes > producer_.max_record_bytes();
  if (spills) drain();  // the block may come from what the other side has returned
  ISTHMUS_SYNC(kLent);
  if (status == Status::kOk) {
    const Lock lock(producer_mutex_);
    publish_owed();
    names_third &= side_ == Side::kNode;                           // who announced it to a worker knows it
    const uint64_t head = names_third ? producer_.head_now() : 0;  // before the socket is looked at
    if (names_third) status = announce_arenas(*wire::GetMessage(message));
    if (status == Status::kOk) status = spills ? publish_spilled(message, bytes) : publish(message, bytes, reserve());
    if (status == Status::kFull) refused_head_ = names_third ? head : producer_.head_seen();
    if (status == Status::kOk) unnoticed_bytes_ = 0;
  }
  if (status != Status::kOk) {
    ISTHMUS_SYNC(kRefused);
    while (lent-- > 0) ledger_->unlend(tensors->Get(lent)->place()->slot(), id_);
    notify(kAwaitsRecords);  // what fills the ring may be returns, of which a sleeping peer was not notified
    if (status == Status::kProtocol) close(status);
    return status;
  }
  own_counters().shared_bytes.fetch_add(shared_bytes, std::memory_order_relaxed);
  own_counters().messages.fetch_add(1, std::memory_order_relaxed);
  last_activity_ns_.store(os::now_ns(), std::memory_order_relaxed);  // an answer may come soon
  ISTHMUS_SYNC(kSent);
  notify(kAwaitsRecords);
  return Status::kOk;
}

Status Channel::publish(const uint8_t* message, uint32_t bytes, uint32_t reserve) noexcept {
  if (const Status status = producer_.claim(bytes, reserve); status != Status::kOk) return status;
  producer_.commit(message);
  return Status::kOk;
}

// The message goes into a block; a small record says where. The receiver copies it out and returns the lease at once.
Status Channel::publish_spilled(const uint8_t* message, uint32_t bytes) noexcept {
  Slot slot = kNoSlot;
  if (const Status status = ledger_->allocate(bytes, false, slot); status != Status::kOk) {
    if (status == Status::kArenaFull) ask_for_memory();
    return status;
  }
  std::memcpy(ledger_->data(slot), message, bytes);
  BlockName name;
  Status status = ledger_->lend(slot, id_, name);
  if (status == Status::kOk) {
    const wire::Place place(0, 0, words(0), words(name.arena), words(name.block), words(name.length));
    const wire::Int64 length = words(bytes);
    builder_.Clear();
    wire::MessageBuilder announcement(builder_);
    announcement.add_kind(wire::Kind::Spill);
    announcement.add_spill(&place);
    announcement.add_spilled_bytes(&length);
    wire::FinishMessageBuffer(builder_, announcement.Finish());
    status = publish(builder_.GetBufferPointer(), builder_.GetSize(), reserve());
    if (status != Status::kOk) ledger_->unlend(slot, id_);
  }
  ledger_->release(slot);
  return status;
}

// What goes out before any other message: leases to return, arenas that are gone, answers to calls that were dropped, and
// the request to give memory up. What does not fit stays owed, and the other side must make room.
void Channel::publish_owed() noexcept {
  if (ledger_->owes(id_) && !(publish_returns() && publish_gone())) {
    unnoticed_bytes_ = kWakeForBytes;
    return;
  }
  while (!dropped_.empty()) {
    builder_.Clear();
    wire::MessageBuilder message(builder_);
    message.add_kind(wire::Kind::Dropped);
    message.add_id(dropped_.back());
    wire::FinishMessageBuffer(builder_, message.Finish());
    unnoticed_bytes_ = kWakeForBytes;
    if (publish(builder_.GetBufferPointer(), builder_.GetSize(), 0) != Status::kOk) return;
    dropped_.pop_back();
  }
  owes_dropped_.store(false, std::memory_order_relaxed);
  if (pressure_.exchange(false, std::memory_order_relaxed)) {
    builder_.Clear();
    wire::MessageBuilder message(builder_);
    message.add_kind(wire::Kind::Pressure);
    wire::FinishMessageBuffer(builder_, message.Finish());
    if (publish(builder_.GetBufferPointer(), builder_.GetSize(), 0) == Status::kOk)
      unnoticed_bytes_ = kWakeForBytes;
    else
      pressure_.store(true, std::memory_order_relaxed);
  }
}

bool Channel::publish_returns() noexcept {
  LeaseReturn returns[kReturnsPerMessage];
  wire::Return wired[kReturnsPerMessage];
  uint64_t bytes = 0;
  while (const uint32_t count = ledger_->take_returns(id_, returns, kReturnsPerMessage, &bytes)) {
    ISTHMUS_SYNC(kReturnsTaken);
    for (uint32_t at = 0; at < count; ++at)
      wired[at] = wire::Return(words(returns[at].arena), words(returns[at].block), returns[at].count, 0);
    builder_.Clear();
    const auto vector = builder_.CreateVectorOfStructs(wired, count);
    wire::MessageBuilder message(builder_);
    message.add_kind(wire::Kind::Return);
    message.add_returns(vector);
    wire::FinishMessageBuffer(builder_, message.Finish());
    if (publish(builder_.GetBufferPointer(), builder_.GetSize(), 0) != Status::kOk) {
      ledger_->untake_returns(id_, returns, count);
      return false;
    }
    unnoticed_bytes_ += bytes;
  }
  return true;
}

bool Channel::owes() noexcept {
  return ledger_->owes(id_) || owes_dropped_.load(std::memory_order_relaxed) ||
         pressure_.load(std::memory_order_relaxed);
}

void Channel::flush_returns() noexcept {
  if (closed() || !owes()) return;
  ISTHMUS_SYNC(kOwesSeen);
  {
    const Lock lock(producer_mutex_);
    publish_owed();
    if (unnoticed_bytes_ < kWakeForBytes) return;
    unnoticed_bytes_ = 0;
  }
  notify(kAwaitsRecords);
}

Status Channel::allocate(uint64_t bytes, bool zeroed, Slot& out) noexcept {
  if (bytes > Arena::kMaxSmall) drain();  // reuse what the other side has returned before growing
  Status status = ledger_->allocate(bytes, zeroed, out);
  if (status != Status::kArenaFull) return status;
  drain();
  status = ledger_->allocate(bytes, zeroed, out);
  if (status == Status::kArenaFull) ask_for_memory();
  return status;
}

void Channel::notify(uint32_t what) noexcept {
  if (doorbell_.notify(what)) own_counters().notifications.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace isthmus
