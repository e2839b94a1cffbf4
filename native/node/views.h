// Which ArrayBuffers show which blocks.
//
// A lease goes back when the backing store of its view is gone, not when the ArrayBuffer is collected: transferring a
// buffer (postMessage, structuredClone, transfer()) moves the store to another ArrayBuffer, maybe in another thread, and
// the old one's finalizer fires while the memory is in use. So nothing here trusts finalizers; stores are watched.
#pragma once

#include <napi.h>

#include <memory>
#include <unordered_map>
#include <vector>

#include "core/channel.h"
#include "node/backing_store.h"

namespace isthmus::node {

class ViewTable {
 public:
  explicit ViewTable(std::shared_ptr<Ledger> ledger) noexcept : ledger_(std::move(ledger)) {}
  ~ViewTable();

  // An ArrayBuffer of exactly these bytes of the block, at least one, which holds a reference until its store is gone;
  // with `adopt` the caller's. Not where the runtime refuses external memory. Undefined: JavaScript cannot run any more.
  Napi::Value create(Napi::Env env, Slot slot, uint8_t* data, size_t bytes, bool adopt) noexcept;
  // The buffer at `data` was detached: release what is gone.
  void detached(const void* data) noexcept;
  // Looks at up to `count` views, in turn, and releases those that are gone.
  void poll(size_t count) noexcept;
  void poll_all() noexcept { poll(views_.size()); }
  [[nodiscard]] size_t size() const noexcept { return by_data_.size(); }

 private:
  struct View {
    Store store;
    const void* data;  // null: the entry is free
    Slot slot;
  };
  bool release_if_gone(uint32_t at) noexcept;
  uint32_t add(Store store, const void* data, Slot slot) noexcept;

  std::shared_ptr<Ledger> ledger_;
  std::vector<View> views_;
  std::vector<uint32_t> free_;
  std::unordered_multimap<const void*, uint32_t> by_data_;
  size_t next_ = 0;
};

// An environment ended while views of it live on, transferred to other threads. The table outlives it.
void adopt_orphans(std::unique_ptr<ViewTable> table) noexcept;
void poll_orphans() noexcept;

}  // namespace isthmus::node
