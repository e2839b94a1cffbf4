// numpy calls these functions from any thread; nothing here needs the GIL or makes a Python object. Whoever frees cannot
// know who allocated, so the address decides: inside the arena it is ours, elsewhere it came from the fallback.
#include "python/numpy_allocator.h"

#include <algorithm>
#include <cstring>

#include "python/numpy.h"
#include "python/process.h"

namespace isthmus::python {

namespace {

constexpr size_t kSmallestShared = 64 * 1024;
PyDataMemAllocator fallback;  // of the handler that was set before ours, for as long as the process lives

bool is_ours(const void* address) noexcept { return process_channel()->ledger().owns_address(address); }

// nullptr: small, over the budget, or a forked child. Then the memory is ordinary, and sending it is a counted copy.
// Clearing recycled memory is cheaper than touching fresh pages: 256 MB of zeros that are then written take 33 ms so, and
// 445 ms in pages that do not exist yet. A range without pages reads as zeros and is not cleared.
void* place(size_t bytes, bool zeroed) noexcept {
  Slot slot = kNoSlot;
  if (bytes < kSmallestShared || is_forked()) return nullptr;
  Channel& channel = *process_channel();
  return channel.allocate(bytes, zeroed, slot) == Status::kOk ? channel.ledger().data(slot) : nullptr;
}

void* handler_malloc(void*, size_t bytes) noexcept {
  if (void* placed = place(bytes, false)) return placed;
  return fallback.malloc(fallback.ctx, bytes);
}

void* handler_calloc(void*, size_t count, size_t item_bytes) noexcept {
  size_t bytes = 0;
  if (!__builtin_mul_overflow(count, item_bytes, &bytes))
    if (void* placed = place(bytes, true)) return placed;
  return fallback.calloc(fallback.ctx, count, item_bytes);
}

void handler_free(void*, void* address, size_t bytes) noexcept {
  if (address == nullptr) return;
  if (is_ours(address))
    process_channel()->ledger().release_address(address);
  else
    fallback.free(fallback.ctx, address, bytes);
}

void* handler_realloc(void* context, void* address, size_t bytes) noexcept {
  if (address == nullptr) return handler_malloc(context, bytes);
  if (!is_ours(address)) return fallback.realloc(fallback.ctx, address, bytes);
  Ledger& ledger = process_channel()->ledger();
  Slot slot = kNoSlot;
  if (!ledger.find(address, slot)) return nullptr;
  const uint64_t old_bytes = ledger.length(slot);
  void* moved = address;
  if (bytes > old_bytes || bytes < old_bytes / 2) {
    moved = handler_malloc(context, bytes);
    if (moved != nullptr) std::memcpy(moved, address, std::min<uint64_t>(bytes, old_bytes));
  }
  ledger.release(slot);
  if (moved != nullptr && moved != address) ledger.release_address(address);
  return moved;
}

PyDataMem_Handler handler = {"isthmus", 1, {nullptr, handler_malloc, handler_calloc, handler_realloc, handler_free}};

constexpr char kCapsuleName[] = "mem_handler";  // numpy insists on it

// The capsules of ours and of the handler before it. Never released: arrays refer to handlers until the very end.
PyObject* capsule = nullptr;
PyObject* previous = nullptr;

bool make_capsule() noexcept {
  previous = PyDataMem_GetHandler();
  if (previous == nullptr) return false;
  const auto* before = static_cast<PyDataMem_Handler*>(PyCapsule_GetPointer(previous, kCapsuleName));
  if (before == nullptr) return false;
  fallback = before->allocator;
  capsule = PyCapsule_New(&handler, kCapsuleName, nullptr);
  return capsule != nullptr;
}

}  // namespace

int switch_allocator(bool on) noexcept {
  if (capsule == nullptr && !make_capsule()) return -1;
  const Ref<> current(PyDataMem_GetHandler());
  if (!current) return -1;
  const bool was_on = current.get() == capsule;
  if (was_on == on) return was_on;
  const Ref<> replaced(PyDataMem_SetHandler(on ? capsule : previous));
  return replaced ? was_on : -1;
}

}  // namespace isthmus::python
