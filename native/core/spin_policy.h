// Whether polling pays just now.
//
// Polling pays when the answer comes within the budget, which needs a CPU for each side. When the two share one, or
// the answer takes long, polling only keeps the other side from running: a call then costs two whole budgets. So polling
// that was in vain is tried again later and later (after 2, 6, 14, 30, 62 waits that park at once), and one success
// brings it back. The first miss is free.
#pragma once

#include <atomic>
#include <cstdint>

namespace isthmus {

class SpinPolicy {
 public:
  // At the start of a wait.
  [[nodiscard]] bool may_poll() noexcept {
    const uint32_t skips = skips_.load(std::memory_order_relaxed);
    if (skips == 0) return true;
    skips_.store(skips - 1, std::memory_order_relaxed);
    return false;
  }
  // At the end of a wait that polled.
  void polled(bool found) noexcept {
    const uint32_t misses = found ? 0 : misses_.load(std::memory_order_relaxed) + 1;
    misses_.store(misses < kMostMisses ? misses : kMostMisses, std::memory_order_relaxed);
    skips_.store(found ? 0 : (1u << (misses < kMostMisses ? misses : kMostMisses)) - 2, std::memory_order_relaxed);
  }

 private:
  static constexpr uint32_t kMostMisses = 6;
  std::atomic<uint32_t> misses_{0};  // atomic only because several threads may wait: a lost update does no harm
  std::atomic<uint32_t> skips_{0};
};

}  // namespace isthmus
