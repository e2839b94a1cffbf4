#include "node/views.h"

#include <atomic>
#include <cstring>
#include <mutex>

namespace isthmus::node {

namespace {

// For ViewMode::kExternal: Node-API's finalizer runs when the backing store is gone, whoever held it last.
class FlagWatch final : public Watch {
 public:
  explicit FlagWatch(std::shared_ptr<std::atomic<bool>> gone) noexcept : gone_(std::move(gone)) {}
  [[nodiscard]] bool expired() const noexcept override {
    return gone_->load(std::memory_order_acquire);  // sync: store-gone <- make_external
  }

 private:
  std::shared_ptr<std::atomic<bool>> gone_;
};

napi_value make_external(napi_env env, void* data, size_t bytes, std::unique_ptr<Watch>& watch) noexcept {
  auto gone = std::make_shared<std::atomic<bool>>(false);
  auto* hint = new std::shared_ptr<std::atomic<bool>>(gone);
  const auto finalize = [](napi_env, void*, void* own) {
    auto* flag = static_cast<std::shared_ptr<std::atomic<bool>>*>(own);
    (*flag)->store(true, std::memory_order_release);  // sync: store-gone -> FlagWatch::expired
    delete flag;
  };
  napi_value buffer = nullptr;
  if (napi_create_external_arraybuffer(env, data, bytes, finalize, hint, &buffer) != napi_ok) {
    delete hint;
    return nullptr;
  }
  watch = std::make_unique<FlagWatch>(std::move(gone));
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
  for (const View& view : views_)
    if (view.watch != nullptr) ledger_->release(view.slot);
}

Napi::Value ViewTable::create(Napi::Env env, Slot slot, uint64_t offset, size_t bytes, uint64_t* copied) noexcept {
  uint8_t* data = ledger_->data(slot) + offset;
  const ViewMode mode = view_mode(env);
  // V8 gives zero-length stores no address of their own, and nothing to watch is needed for them.
  if (bytes == 0) return Napi::ArrayBuffer::New(env, 0);
  if (mode == ViewMode::kCopy) {
    auto buffer = Napi::ArrayBuffer::New(env, bytes);
    std::memcpy(buffer.Data(), data, bytes);
    *copied = bytes;
    return buffer;
  }
  std::unique_ptr<Watch> watch;
  const napi_value buffer =
      mode == ViewMode::kUnaccounted ? make_unaccounted(data, bytes, watch) : make_external(env, data, bytes, watch);
  if (buffer == nullptr) return env.Undefined();
  ledger_->retain(slot);
  by_data_.emplace(data, add(std::move(watch), data, slot));
  return Napi::Value(env, buffer);
}

uint32_t ViewTable::add(std::unique_ptr<Watch> watch, const void* data, Slot slot) noexcept {
  if (free_.empty()) {
    views_.push_back(View{std::move(watch), data, slot});
    return static_cast<uint32_t>(views_.size() - 1);
  }
  const uint32_t at = free_.back();
  free_.pop_back();
  views_[at] = View{std::move(watch), data, slot};
  return at;
}

bool ViewTable::release_if_gone(uint32_t at) noexcept {
  View& view = views_[at];
  if (view.watch == nullptr || !view.watch->expired()) return false;
  const auto [first, last] = by_data_.equal_range(view.data);
  for (auto entry = first; entry != last; ++entry) {
    if (entry->second != at) continue;
    by_data_.erase(entry);
    break;
  }
  view.watch.reset();
  free_.push_back(at);
  ledger_->release(view.slot);
  return true;
}

void ViewTable::detached(const void* data) noexcept {
  const auto [first, last] = by_data_.equal_range(data);
  std::vector<uint32_t> at;
  for (auto entry = first; entry != last; ++entry) at.push_back(entry->second);
  for (const uint32_t each : at) release_if_gone(each);
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
