// The part of the channel object that deals with memory: blocks, views, collection, figures.
#include <algorithm>
#include <cstring>

#include "node/arguments.h"
#include "node/channel_object.h"
#include "node/raise.h"

namespace isthmus::node {

// allocate(bytes, zeroed): the slot, or minus the status.
Napi::Value ChannelObject::allocate(const Napi::CallbackInfo& info) {
  Slot slot = kNoSlot;
  if (channel_ == nullptr) return Napi::Number::New(info.Env(), -static_cast<double>(Status::kClosed));
  const Status status = channel_->allocate(number_of(info[0]), flag_of(info[1]), slot);
  return Napi::Number::New(info.Env(),
                           status == Status::kOk ? static_cast<double>(slot) : -static_cast<double>(status));
}

void ChannelObject::retain(const Napi::CallbackInfo& info) {
  if (ledger_ != nullptr) ledger_->retain(slot_of(info[0]));
}

void ChannelObject::release(const Napi::CallbackInfo& info) {
  if (ledger_ != nullptr) ledger_->release(slot_of(info[0]));
  given_up();
}

// view(slot, offset, bytes): an ArrayBuffer of exactly these bytes.
Napi::Value ChannelObject::view(const Napi::CallbackInfo& info) {
  const Slot slot = slot_of(info[0]);
  const uint64_t offset = number_of(info[1]);
  const uint64_t bytes = number_of(info[2]);
  uint64_t copied = 0;
  const uint64_t length = ledger_ == nullptr ? 0 : ledger_->length(slot);
  if (length == 0 || offset > length || bytes > length - offset) {
    raise(info.Env(), Status::kUnknownBlock, "cannot look at the block");
    return info.Env().Undefined();
  }
  const Napi::Value buffer = views_->create(info.Env(), slot, offset, bytes, &copied);
  if (copied != 0 && channel_ != nullptr) channel_->count_copied(copied);
  return buffer;
}

// Detaches the buffer of a view and returns the lease at once, unless the memory was transferred elsewhere.
void ChannelObject::detach(const Napi::CallbackInfo& info) {
  void* data = nullptr;
  size_t bytes = 0;
  if (!info[0].IsArrayBuffer() || napi_get_arraybuffer_info(info.Env(), info[0], &data, &bytes) != napi_ok) return;
  napi_detach_arraybuffer(info.Env(), info[0]);
  if (views_ != nullptr) views_->detached(data);
  given_up();
}

// A loop that turns returns leases at the end of its turn; one that sleeps would keep them from a worker that computes.
void ChannelObject::given_up() noexcept {
  if (loop_ != nullptr && loop_->parked()) channel_->flush_returns();
  let_memory_go();
}

// copyIn(slot, source): source is a typed array.
void ChannelObject::copy_in(const Napi::CallbackInfo& info) {
  if (channel_ == nullptr) {
    raise(info.Env(), Status::kClosed, "cannot copy into the block");
    return;
  }
  const Slot slot = slot_of(info[0]);
  Elements source;
  if (!elements_of(info[1], source) || source.bytes > ledger_->length(slot)) {
    raise(info.Env(), Status::kTooLarge, "cannot copy into the block");
    return;
  }
  if (source.bytes != 0) std::memcpy(ledger_->data(slot), source.data, source.bytes);
  channel_->count_copied(source.bytes);
}

namespace {

// Gathers strided elements into C order. `axis` counts down the axes; the innermost ones are copied element by element.
uint8_t* gather(uint8_t* to, const uint8_t* from, const int64_t* shape, const int64_t* strides, size_t axes,
                size_t itemsize) {
  if (axes == 0) {
    std::memcpy(to, from, itemsize);
    return to + itemsize;
  }
  if (axes == 1 && *strides == static_cast<int64_t>(itemsize)) {
    std::memcpy(to, from, static_cast<size_t>(*shape) * itemsize);
    return to + static_cast<size_t>(*shape) * itemsize;
  }
  for (int64_t at = 0; at < *shape; ++at)
    to = gather(to, from + at * *strides, shape + 1, strides + 1, axes - 1, itemsize);
  return to;
}

// Do all elements lie in a block of `from_bytes`, and fit without gaps into one of `to_bytes`?
bool lie_within(const int64_t* shape, const int64_t* strides, size_t axes, uint64_t itemsize, uint64_t offset,
                uint64_t from_bytes, uint64_t to_bytes) noexcept {
  if (itemsize == 0 || itemsize > to_bytes || offset > from_bytes) return false;
  auto low = static_cast<int64_t>(offset);
  auto high = low;
  auto packed = static_cast<int64_t>(itemsize);
  for (size_t axis = 0; axis < axes; ++axis) {
    int64_t reach = 0;
    if (shape[axis] <= 0 || __builtin_mul_overflow(packed, shape[axis], &packed) ||
        __builtin_mul_overflow(shape[axis] - 1, strides[axis], &reach) ||
        __builtin_add_overflow(reach < 0 ? low : high, reach, reach < 0 ? &low : &high))
      return false;
  }
  return low >= 0 && static_cast<uint64_t>(packed) <= to_bytes && static_cast<uint64_t>(high) <= from_bytes &&
         itemsize <= from_bytes - static_cast<uint64_t>(high);
}

}  // namespace

// copyStrided(toSlot, fromSlot, offset, itemsize, shape, strides): both BigInt64Array, strides in bytes.
void ChannelObject::copy_strided(const Napi::CallbackInfo& info) {
  if (channel_ == nullptr) {
    raise(info.Env(), Status::kClosed, "cannot copy the tensor");
    return;
  }
  const Slot to_slot = slot_of(info[0]);
  const Slot from_slot = slot_of(info[1]);
  const uint64_t offset = number_of(info[2]);
  const uint64_t itemsize = number_of(info[3]);
  Elements shape;
  Elements strides;
  if (!elements_of(info[4], shape) || !elements_of(info[5], strides) || shape.bytes != shape.count * 8 ||
      strides.bytes != shape.bytes ||
      !lie_within(static_cast<int64_t*>(shape.data), static_cast<int64_t*>(strides.data), shape.count, itemsize, offset,
                  ledger_->length(from_slot), ledger_->length(to_slot))) {
    raise(info.Env(), Status::kUnknownBlock, "cannot copy the tensor");
    return;
  }
  uint8_t* to = ledger_->data(to_slot);
  const uint8_t* end = gather(to, ledger_->data(from_slot) + offset, static_cast<int64_t*>(shape.data),
                              static_cast<int64_t*>(strides.data), shape.count, itemsize);
  channel_->count_copied(static_cast<uint64_t>(end - to));
}

void ChannelObject::prefault(const Napi::CallbackInfo& info) {
  if (channel_ != nullptr) ledger_->prefault(number_of(info[0]));
}

// V8 does not see the bytes that views show, so it is told of a large amount for a moment: it collects at once, and
// stores that nobody reaches are gone when this returns.
void ChannelObject::collect_now() noexcept {
  constexpr int64_t kMuch = int64_t{1} << 40;
  int64_t adjusted = 0;
  napi_adjust_external_memory(Env(), kMuch, &adjusted);
  napi_adjust_external_memory(Env(), -kMuch, &adjusted);
  if (views_ != nullptr) views_->poll_all();
  poll_orphans();
  let_memory_go();
}

void ChannelObject::collect(const Napi::CallbackInfo&) { collect_now(); }

// Other processes' memory that JavaScript holds without V8 knowing: collect once it is a quarter of the budget, and
// again for every eighth more. What a collection frees may show only a turn later, when finalizers have run: the mark
// comes down then.
void ChannelObject::collect_if_much_is_borrowed() noexcept {
  Ledger& ledger = *ledger_;
  const uint64_t quarter = channel_->identity().limit_bytes / 4;
  const auto next_mark = [&] { return std::max(quarter, ledger.borrowed_bytes() + quarter / 2); };
  if (ledger.borrowed_bytes() < collect_at_bytes_) {
    collect_at_bytes_ = std::min(collect_at_bytes_, next_mark());
    return;
  }
  views_->poll_all();
  if (ledger.borrowed_bytes() >= collect_at_bytes_) collect_now();
  collect_at_bytes_ = next_mark();
  channel_->flush_returns();
}

ChannelObject::Figures ChannelObject::figures() const noexcept {
  if (channel_ == nullptr) return last_figures_;
  Figures figures{channel_->identity().limit_bytes, channel_->spin_ns(), {}};
  for (const Side side : {Side::kNode, Side::kWorker}) {
    const Counters& counters = channel_->counters(side);
    const std::atomic<uint64_t>* const values[5] = {&counters.copied_bytes, &counters.shared_bytes, &counters.messages,
                                                    &counters.notifications, &counters.parks};
    for (size_t at = 0; at < 5; ++at) figures.sides[index(side)][at] = values[at]->load(std::memory_order_relaxed);
  }
  return figures;
}

Napi::Value ChannelObject::stats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const LedgerStats ledger = ledger_ != nullptr ? ledger_->stats() : LedgerStats{};
  const Figures channel = figures();
  Napi::Object out = Napi::Object::New(env);
  const auto set = [&](const char* name, uint64_t value) {
    out.Set(name, Napi::Number::New(env, static_cast<double>(value)));
  };
  set("ownBlocks", ledger.own_blocks);
  set("ownBytes", ledger.own_bytes);
  set("lentLeases", ledger.lent_leases);
  set("borrowedBlocks", ledger.borrowed_blocks);
  set("borrowedBytes", ledger.borrowed_bytes);
  set("physicalBytes", ledger.physical_bytes);
  set("peerPhysicalBytes", ledger.peer_bytes);
  set("hotBytes", ledger.hot_bytes);
  set("limitBytes", channel.limit_bytes);
  set("views", views_ != nullptr ? views_->size() : 0);
  set("spinNs", channel.spin_ns);
  const char* const names[2][5] = {
      {"nodeCopiedBytes", "nodeSharedBytes", "nodeMessages", "nodeNotifications", "nodeParks"},
      {"workerCopiedBytes", "workerSharedBytes", "workerMessages", "workerNotifications", "workerParks"}};
  for (const Side side : {Side::kNode, Side::kWorker})
    for (size_t at = 0; at < 5; ++at) set(names[index(side)][at], channel.sides[index(side)][at]);
  return out;
}

// The largest own blocks: [{ bytes, refs, leases }]
Napi::Value ChannelObject::holders(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Array out = Napi::Array::New(env);
  if (ledger_ == nullptr) return out;
  for (const Holder& holder : ledger_->largest(3)) {
    Napi::Object each = Napi::Object::New(env);
    each.Set("bytes", Napi::Number::New(env, static_cast<double>(holder.length)));
    each.Set("refs", Napi::Number::New(env, holder.refs));
    each.Set("leases", Napi::Number::New(env, holder.lent));
    out.Set(out.Length(), each);
  }
  return out;
}

}  // namespace isthmus::node
