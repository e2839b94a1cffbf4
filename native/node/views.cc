#include "node/views.h"

#include <atomic>
#include <cstring>
#include <mutex>

namespace isthmus::node {

namespace {

// For ViewMode::kExternal: Node-API's finalizer runs when the backing store is gone, whoever held it last.
napi_value make_external(napi_env env, void* data, size_t bytes, Store& store) noexcept {
  auto* hint = new std::shared_ptr<const void>(std::make_shared<char>());
  const auto finalize = [](napi_env, void*, void* own) { delete static_cast<std::shared_ptr<const void>*>(own); };
  napi_value buffer = nullptr;
  if (napi_create_external_arraybuffer(env, data, bytes, finalize, hint, &buffer) != napi_ok) {
    delete hint;
    return nullptr;
  }
  store = *hint;
  return buffer;
}

std::mutex orphans_mutex;
std::atomic<bool> any_orphans{false};
std::vector<std::unique_ptr<ViewTable>>& orphans() noexcept {
  static auto* tables = new std::vector<std::unique_ptr<ViewTable>>;  // never destroyed: threads may outlive main
  return *tables;
}

}  // namespace

ViewTable::~ViewTable() {
  for (const auto& [data, at] : by_data_) ledger_->release(views_[at].slot);
}

Napi::Value ViewTable::create(Napi::Env env, Slot slot, uint8_t* data, size_t bytes, bool adopt) noexcept {
  Store store;
  const napi_value buffer = view_mode(env) == ViewMode::kUnaccounted ? make_unaccounted(data, bytes, store)
                                                                     : make_external(env, data, bytes, store);
  if (buffer == nullptr) return env.Undefined();
  if (!adopt) ledger_->retain(slot);
  by_data_.emplace(data, add(std::move(store), data, slot));
  return Napi::Value(env, buffer);
}

uint32_t ViewTable::add(Store store, const void* data, Slot slot) noexcept {
  if (free_.empty()) {
    views_.push_back(View{std::move(store), data, slot});
    return static_cast<uint32_t>(views_.size() - 1);
  }
  const uint32_t at = free_.back();
  free_.pop_back();
  views_[at] = View{std::move(store), data, slot};
  return at;
}

bool ViewTable::release_if_gone(uint32_t at) noexcept {
  View& view = views_[at];
  if (view.data == nullptr || !view.store.expired()) return false;
  std::atomic_thread_fence(std::memory_order_acquire);  // sync: whoever held the store last let go of it before
  const auto [first, last] = by_data_.equal_range(view.data);
  for (auto entry = first; entry != last; ++entry) {
    if (entry->second != at) continue;
    by_data_.erase(entry);
    break;
  }
  view.store.reset();
  view.data = nullptr;
  free_.push_back(at);
  ledger_->release(view.slot);
  return true;
}

void ViewTable::detached(const void* data) noexcept {
  const auto [first, last] = by_data_.equal_range(data);
  for (auto entry = first; entry != last;) release_if_gone((entry++)->second);
}

void ViewTable::poll(size_t count) noexcept {
  count = std::min(count, views_.size());
  while (count-- > 0) {
    if (next_ >= views_.size()) next_ = 0;
    release_if_gone(static_cast<uint32_t>(next_++));
  }
}

void adopt_orphans(std::unique_ptr<ViewTable> table) noexcept {
  table->poll_all();
  if (table->size() == 0) return;
  const std::lock_guard<std::mutex> lock(orphans_mutex);
  orphans().push_back(std::move(table));
  any_orphans.store(true, std::memory_order_relaxed);
}

void poll_orphans() noexcept {
  if (!any_orphans.load(std::memory_order_relaxed)) return;
  const std::lock_guard<std::mutex> lock(orphans_mutex);
  auto& tables = orphans();
  std::erase_if(tables, [](const auto& table) {
    table->poll_all();
    return table->size() == 0;
  });
  any_orphans.store(!tables.empty(), std::memory_order_relaxed);
}

}  // namespace isthmus::node
