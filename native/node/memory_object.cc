#include "node/memory_object.h"

#include <cstring>

#include "node/arguments.h"
#include "node/raise.h"

namespace isthmus::node {

namespace {

constexpr napi_type_tag kTag = {0x6973'7468'6d75'7320, 0x6d65'6d6f'7279'2031};

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

Napi::Function MemoryObject::define(Napi::Env env) noexcept {
  return DefineClass(env, "Memory",
                     {
                         InstanceMethod<&MemoryObject::allocate>("allocate"),
                         InstanceMethod<&MemoryObject::retain>("retain"),
                         InstanceMethod<&MemoryObject::release>("release"),
                         InstanceMethod<&MemoryObject::view>("view"),
                         InstanceMethod<&MemoryObject::adopt>("adopt"),
                         InstanceMethod<&MemoryObject::detach>("detach"),
                         InstanceMethod<&MemoryObject::copy_in>("copyIn"),
                         InstanceMethod<&MemoryObject::copy_strided>("copyStrided"),
                         InstanceMethod<&MemoryObject::prefault>("prefault"),
                         InstanceMethod<&MemoryObject::collect>("collect"),
                         InstanceMethod<&MemoryObject::close>("close"),
                         InstanceMethod<&MemoryObject::stats>("stats"),
                         InstanceMethod<&MemoryObject::holders>("holders"),
                     });
}

// new Memory({ arenaBytes, limitBytes, retainBytes })
MemoryObject::MemoryObject(const Napi::CallbackInfo& info) noexcept : ObjectWrap(info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsObject()) {
    Napi::TypeError::New(env, "new Memory(options)").ThrowAsJavaScriptException();
    return;
  }
  const auto options = info[0].As<Napi::Object>();
  std::shared_ptr<Ledger> ledger;
  const LedgerOptions wanted{option_of(options, "arenaBytes"), option_of(options, "limitBytes"),
                             option_of(options, "retainBytes")};
  if (const Status status = Ledger::create(wanted, ledger); status != Status::kOk) {
    raise(env, status, "cannot make shared memory");
    return;
  }
  memory_ = std::make_shared<Memory>(std::move(ledger));
  info.This().As<Napi::Object>().TypeTag(&kTag);
}

std::shared_ptr<Memory> MemoryObject::of(const Napi::Value& value) noexcept {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kTag)) return nullptr;
  return Unwrap(value.As<Napi::Object>())->memory_;
}

// allocate(bytes, zeroed): the slot, or minus the status.
Napi::Value MemoryObject::allocate(const Napi::CallbackInfo& info) {
  Slot slot = kNoSlot;
  const Status status = closed() ? Status::kClosed : memory_->allocate(number_of(info[0]), flag_of(info[1]), slot);
  return Napi::Number::New(info.Env(),
                           status == Status::kOk ? static_cast<double>(slot) : -static_cast<double>(status));
}

void MemoryObject::retain(const Napi::CallbackInfo& info) {
  if (ledger() != nullptr) ledger()->retain(slot_of(info[0]));
}

void MemoryObject::release(const Napi::CallbackInfo& info) {
  if (ledger() == nullptr) return;
  ledger()->release(slot_of(info[0]));
  memory_->given_up();
}

// view(slot, offset, bytes): an ArrayBuffer of exactly these bytes.
Napi::Value MemoryObject::view(const Napi::CallbackInfo& info) { return look_at(info, false); }

// adopt(slot, offset, bytes): the same, and it takes one reference over.
Napi::Value MemoryObject::adopt(const Napi::CallbackInfo& info) { return look_at(info, true); }

Napi::Value MemoryObject::look_at(const Napi::CallbackInfo& info, bool adopt) noexcept {
  const Napi::Env env = info.Env();
  const Slot slot = slot_of(info[0]);
  const uint64_t offset = number_of(info[1]);
  const uint64_t bytes = number_of(info[2]);
  uint64_t length = 0;
  uint8_t* block = ledger() == nullptr ? nullptr : ledger()->data(slot, length);
  if (block == nullptr || offset > length || bytes > length - offset) {
    raise(env, Status::kUnknownBlock, "cannot look at the block");
    return env.Undefined();
  }
  // V8 gives zero-length stores no address of their own, and nothing to watch is needed for them.
  if (bytes == 0) return Napi::ArrayBuffer::New(env, 0);
  if (view_mode(env) != ViewMode::kCopy) return memory_->views()->create(env, slot, block + offset, bytes, adopt);
  auto buffer = Napi::ArrayBuffer::New(env, bytes);
  std::memcpy(buffer.Data(), block + offset, bytes);
  memory_->count_copied(bytes);
  return buffer;
}

// Detaches the buffer of a view and returns the lease at once, unless the memory was transferred elsewhere.
void MemoryObject::detach(const Napi::CallbackInfo& info) {
  void* data = nullptr;
  size_t bytes = 0;
  if (!info[0].IsArrayBuffer() || napi_get_arraybuffer_info(info.Env(), info[0], &data, &bytes) != napi_ok) return;
  napi_detach_arraybuffer(info.Env(), info[0]);
  if (ledger() == nullptr) return;
  memory_->views()->detached(data);
  memory_->given_up();
}

// copyIn(slot, source, offset = 0): source is a typed array; its bytes go to `offset` of the block.
void MemoryObject::copy_in(const Napi::CallbackInfo& info) {
  if (closed()) {
    raise(info.Env(), Status::kClosed, "cannot copy into the block");
    return;
  }
  const Slot slot = slot_of(info[0]);
  Elements source;
  const uint64_t offset = number_of(info[2]);
  const uint64_t length = ledger()->length(slot);
  if (!elements_of(info[1], source) || offset > length || source.bytes > length - offset) {
    raise(info.Env(), Status::kTooLarge, "cannot copy into the block");
    return;
  }
  if (source.bytes != 0) std::memcpy(ledger()->data(slot) + offset, source.data, source.bytes);
  memory_->count_copied(source.bytes);
}

// copyStrided(toSlot, fromSlot, offset, itemsize, shape, strides, toOffset = 0): both BigInt64Array, strides in bytes.
void MemoryObject::copy_strided(const Napi::CallbackInfo& info) {
  if (closed()) {
    raise(info.Env(), Status::kClosed, "cannot copy the tensor");
    return;
  }
  const Slot to_slot = slot_of(info[0]);
  const Slot from_slot = slot_of(info[1]);
  const uint64_t offset = number_of(info[2]);
  const uint64_t itemsize = number_of(info[3]);
  const uint64_t to_offset = number_of(info[6]);
  const uint64_t to_length = ledger()->length(to_slot);
  Elements shape;
  Elements strides;
  if (to_offset > to_length || !elements_of(info[4], shape) || !elements_of(info[5], strides) ||
      shape.bytes != shape.count * 8 || strides.bytes != shape.bytes ||
      !lie_within(static_cast<int64_t*>(shape.data), static_cast<int64_t*>(strides.data), shape.count, itemsize, offset,
                  ledger()->length(from_slot), to_length - to_offset)) {
    raise(info.Env(), Status::kUnknownBlock, "cannot copy the tensor");
    return;
  }
  uint8_t* to = ledger()->data(to_slot) + to_offset;
  const uint8_t* end = gather(to, ledger()->data(from_slot) + offset, static_cast<int64_t*>(shape.data),
                              static_cast<int64_t*>(strides.data), shape.count, itemsize);
  memory_->count_copied(static_cast<uint64_t>(end - to));
}

void MemoryObject::prefault(const Napi::CallbackInfo& info) {
  if (!closed()) ledger()->prefault(number_of(info[0]));
}

void MemoryObject::collect(const Napi::CallbackInfo& info) {
  if (memory_ != nullptr) memory_->collect(info.Env());
}

void MemoryObject::close(const Napi::CallbackInfo&) {
  if (memory_ != nullptr) memory_->close();
}

Napi::Value MemoryObject::stats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const LedgerStats figures = ledger() != nullptr ? ledger()->stats() : LedgerStats{};
  Napi::Object out = Napi::Object::New(env);
  const auto set = [&](const char* name, uint64_t value) {
    out.Set(name, Napi::Number::New(env, static_cast<double>(value)));
  };
  set("ownBlocks", figures.own_blocks);
  set("ownBytes", figures.own_bytes);
  set("lentLeases", figures.lent_leases);
  set("borrowedBlocks", figures.borrowed_blocks);
  set("borrowedBytes", figures.borrowed_bytes);
  set("physicalBytes", figures.physical_bytes);
  set("peerPhysicalBytes", figures.peer_bytes);
  set("hotBytes", figures.hot_bytes);
  set("limitBytes", memory_ != nullptr ? memory_->limit_bytes() : 0);
  set("views", ledger() != nullptr ? memory_->views()->size() : 0);
  set("copiedBytes", memory_ != nullptr ? memory_->copied_bytes() : 0);
  return out;
}

// The largest own blocks: [{ bytes, refs, leases }]
Napi::Value MemoryObject::holders(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Array out = Napi::Array::New(env);
  if (ledger() == nullptr) return out;
  for (const Holder& holder : ledger()->largest(3)) {
    Napi::Object each = Napi::Object::New(env);
    each.Set("bytes", Napi::Number::New(env, static_cast<double>(holder.length)));
    each.Set("refs", Napi::Number::New(env, holder.refs));
    each.Set("leases", Napi::Number::New(env, holder.lent));
    out.Set(out.Length(), each);
  }
  return out;
}

}  // namespace isthmus::node
