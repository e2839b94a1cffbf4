#include "honest.h"

#include <algorithm>

#include "simulation.h"
#include "walk.h"

namespace isthmus::fuzz {

namespace {

constexpr size_t kMostSlots = 48;
constexpr size_t kMostMessages = 8;

// Whoever breaks the protocol is not listened to any more.
Status checked(Channel& channel, Status status) {
  if (status == Status::kProtocol) MUST(channel.closed());
  return status;
}

}  // namespace

void Honest::run(Channel& channel, const Op& op) {
  switch (op.code) {
    case kAllocate:
      allocate(channel, op);
      break;
    case kRelease:  // b: which
      if (slots_.empty()) break;
      std::swap(slots_[op.b % slots_.size()], slots_.back());
      ledger_.release(slots_.back());
      slots_.pop_back();
      break;
    case kRetain: {  // b: which; a: found by its address
      Slot slot = any(op.b);
      if (slot == kNoSlot || slots_.size() >= kMostSlots) break;
      if ((op.a & 1) == 0 || !ledger_.owns_address(ledger_.data(slot)))  // blocks of others may overlap
        ledger_.retain(slot);
      else
        MUST(ledger_.find(ledger_.data(slot) + op.x % ledger_.length(slot), slot));
      slots_.push_back(slot);
      break;
    }
    case kSend:
      send(channel, op);
      break;
    case kReceive:
      receive(channel, op);
      break;
    case kDropMessage:
      if (!messages_.empty()) messages_.pop_front();
      break;
    case kDrain:
      (void)checked(channel, channel.drain());
      break;
    case kFlush:
      channel.flush_returns();
      break;
    case kAnswers:
      answers(channel, op);
      break;
    case kWait:
      wait(channel, op);
      break;
    case kLook:
      look(channel, op);
      break;
    case kShutEvents:  // which the other side may do, because it has both ends too
      os::hang_up(channel.event());
      break;
    case kMemory:  // a: what; x: bytes
      if ((op.a & 3) == 0) (void)ledger_.prefault(op.x % (1 << 20));
      if ((op.a & 3) == 1) ledger_.trim();
      if ((op.a & 3) == 2) channel.ask_for_memory();
      if ((op.a & 3) == 3) ledger_.refresh();
      break;
    case kFail:  // the b-th call of the system from now on
      simulation.fails_in = op.b % 16;
      break;
    case kClose:
      channel.close();
      break;
    default:
      break;
  }
}

void Honest::release_all() noexcept {
  messages_.clear();
  for (const Slot slot : slots_) ledger_.release(slot);
  slots_.clear();
}

Slot Honest::any(uint64_t choice) const noexcept { return slots_.empty() ? kNoSlot : slots_[choice % slots_.size()]; }

// x: bytes; a: zeroed.
void Honest::allocate(Channel& channel, const Op& op) {
  if (slots_.size() >= kMostSlots) return;
  const bool zeroed = (op.a & 1) != 0;
  const uint64_t bytes = (op.a & 2) != 0 ? op.x : op.x % 100'000;
  Slot slot = kNoSlot;
  if (channel.allocate(bytes, zeroed, slot) != Status::kOk) return;
  slots_.push_back(slot);
  uint8_t* data = ledger_.data(slot);
  MUST(data != nullptr && ledger_.length(slot) >= std::max<uint64_t>(bytes, 1));
  if (zeroed && bytes != 0) MUST(data[0] == 0 && data[bytes - 1] == 0);
  data[0] = data[ledger_.length(slot) - 1] = 0xa1;
}

// a: kind; c: id; b: bytes of payload; x: 4 times 8 bits, a tensor each (0: none; otherwise which slot); then a bad slot.
void Honest::send(Channel& channel, const Op& op) {
  static constexpr wire::Kind kSent[] = {wire::Kind::Call,   wire::Kind::Result, wire::Kind::Error,  wire::Kind::Cancel,
                                         wire::Kind::Stream, wire::Kind::Item,   wire::Kind::Create, wire::Kind::Hello};
  Draft draft = draft_of(kSent[op.a & 7], op.c, op.b);
  for (int at = 0; at < 4 && draft.kind != wire::Kind::Cancel; ++at) {
    const uint8_t choice = static_cast<uint8_t>(op.x >> (8 * at));
    Slot slot = any(choice);
    if (choice == 0 || slot == kNoSlot) continue;
    DraftTensor tensor;
    tensor.dtype = wire::DType(1, 8, 1, 0);
    tensor.shape = {ledger_.length(slot)};
    if ((op.x >> 40) == 0xbad) slot = static_cast<Slot>(op.x);
    tensor.place = wire::Place(slot, 0, words(0), words(0), words(0), words(0));
    draft.tensors.push_back(std::move(tensor));
  }
  write(draft, builder_);
  (void)checked(channel, channel.send(builder_.GetBufferPointer(), builder_.GetSize()));
}

// a: what becomes of it; b: with 8, how long it may be.
void Honest::receive(Channel& channel, const Op& op) {
  Message message;
  const uint64_t most = (op.a & 8) != 0 ? op.b : UINT64_MAX;
  if (checked(channel, channel.receive(message, most)) != Status::kOk) return;
  MUST(message.size() <= most);
  keep(std::move(message), op.a);
}

// 1: it is kept; 2: its tensors are; otherwise it is dropped.
void Honest::keep(Message&& message, uint8_t how) {
  walk(*message, ledger_);
  switch (message->kind()) {  // these are never seen by a language
    case wire::Kind::None:
    case wire::Kind::Return:
    case wire::Kind::Spill:
    case wire::Kind::Arena:
    case wire::Kind::ArenaGone:
      MUST(false);
    default:
      break;
  }
  if ((how & 1) != 0) {
    if (messages_.size() >= kMostMessages) messages_.pop_front();
    messages_.push_back(std::move(message));
  } else if ((how & 2) != 0 && message->tensors() != nullptr) {
    message.disown();
    for (const wire::Tensor* tensor : *message->tensors()) slots_.push_back(tensor->place()->slot());
    while (slots_.size() > kMostSlots) {
      ledger_.release(slots_.back());
      slots_.pop_back();
    }
  }
}

// c: id, of a call of a thread; a: expect it, take it, forget it, is it expected.
void Honest::answers(Channel& channel, const Op& op) {
  const uint32_t id = op.c & 0x7fffffff;
  Message message;
  switch (op.a & 3) {
    case 0:
      channel.expect(id);
      MUST(channel.expects(id));
      break;
    case 1:
      if (checked(channel, channel.receive_answer(id, message)) != Status::kOk) break;
      MUST(message->id() == id && !channel.expects(id));
      keep(std::move(message), op.a >> 2);
      break;
    case 2:
      channel.forget(id);
      MUST(!channel.expects(id));
      break;
    default:
      (void)channel.expects(id);
  }
}

// Nothing comes while it waits, so it must see at once that nothing is there. a: for what; c: the call whose answer it is.
void Honest::wait(Channel& channel, const Op& op) {
  static constexpr Waiter::For kWhat[] = {Waiter::For::kInput, Waiter::For::kRoom, Waiter::For::kAnswer};
  Waiter waiter = channel.waiter(kWhat[op.a % 3], op.c & 0x7fffffff);
  if ((op.a & 0x40) != 0) channel.interrupt(waiter);
  const bool had_input = channel.has_input();
  const Status status = checked(channel, channel.wait(waiter, (op.a & 0x20) != 0 ? 0 : 1));
  if (status == Status::kClosed) MUST(channel.closed());
  MUST(status == Status::kOk || status == Status::kTimeout || status == Status::kEmpty || channel.closed());
  if (had_input && op.a % 3 == 0 && !channel.closed()) MUST(status != Status::kTimeout || !channel.has_input());
}

// a: what is looked at; c: id.
void Honest::look(Channel& channel, const Op& op) {
  switch (op.a % 8) {
    case 0:
      (void)channel.cancelled(op.c);
      break;
    case 1:
      (void)channel.has_input();
      break;
    case 2:
      (void)channel.room_grew();
      break;
    case 3:
      (void)channel.poll((op.c & 1) != 0 ? 0 : 1);
      break;
    case 4:
      channel.set_spin_ns(op.x % 10'000);
      break;
    case 5:
      (void)ledger_.largest(op.b % 8);
      break;
    case 6:
      channel.count_copied(op.x);
      break;
    default:
      if (channel.park((op.c & 1) != 0)) channel.unpark();
  }
}

void must_be_empty(Ledger& ledger) {
  MUST(ledger.is_valid());
  const LedgerStats stats = ledger.stats();
  MUST(stats.own_blocks == 0 && stats.own_bytes == 0);
  MUST(stats.lent_leases == 0);
  MUST(stats.borrowed_blocks == 0 && stats.borrowed_bytes == 0 && ledger.borrowed_bytes() == 0);
}

}  // namespace isthmus::fuzz
