// One thread that waits on a channel, and what it waits for. Made by Channel::waiter, on the thread's stack, for one wait.
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

  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // Was it told by Channel::interrupt to come back, although what it waits for is not there?
  [[nodiscard]] bool interrupted() const noexcept { return interrupted_.load(std::memory_order_relaxed); }

 private:
  friend class Channel;
  Waiter(For what, uint32_t id, uint32_t interrupts) noexcept : what_(what), id_(id), interrupts_(interrupts) {}

  const For what_;
  const uint32_t id_;
  const uint32_t interrupts_;           // received before it was made
  bool listed_ = false;                 // these three under sleepers_mutex_
  bool unparked_loop_ = false;          // of its own thread, for as long as it is listed
  std::atomic<uint32_t> signalled_{0};  // who does not listen sleeps on it
  std::atomic<bool> interrupted_{false};
};

}  // namespace isthmus
