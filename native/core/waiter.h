// One thread that waits on a channel, and what it waits for. Made on the thread's stack, for one wait.
#pragma once

#include <atomic>
#include <cstdint>

namespace isthmus {

class Waiter {
 public:
  enum class For : uint8_t {
    kInput,   // anything in the queue
    kRoom,    // in the outgoing ring
    kAnswer,  // to the call `id` of this side
  };

  explicit Waiter(For what, uint32_t id = 0) noexcept : what_(what), id_(id) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // Was it told to come back, although what it waits for is not there? (Channel::interrupt)
  [[nodiscard]] bool interrupted() const noexcept { return interrupted_.load(std::memory_order_relaxed); }

 private:
  friend class Channel;
  const For what_;
  const uint32_t id_;
  bool listed_ = false;                 // sleepers_mutex_
  std::atomic<uint32_t> signalled_{0};  // written under sleepers_mutex_; who does not listen sleeps on it
  std::atomic<bool> interrupted_{false};
};

}  // namespace isthmus
