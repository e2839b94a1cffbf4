// How the event loop notices the ring.
//
//   polling   a uv_idle handle looks at the ring in every turn of the loop, so that nobody needs a system call;
//             only while calls are pending, for the spin budget after the last activity, and while that pays
//             (core/spin_policy.h)
//   parked    the doorbell was announced; a uv_poll handle waits on its event
//
// The turns of several channels that poll in one thread are shorter, so that together they take no longer than one.
// In either state at most a budget of messages is delivered per turn, so that a flood cannot starve the loop.
// The handles keep the process alive only while calls are pending.
#pragma once

#include <uv.h>

#include <cstdint>

#include "core/channel.h"

namespace isthmus::node {

class Loop {
 public:
  // Delivers what there is, within a budget; the owner calls into JavaScript.
  using Deliver = void (*)(void* owner);

  // Handles live until uv has closed them, which may be after the owner: they are on the heap.
  static Loop* start(uv_loop_t* loop, Channel& channel, Deliver deliver, void* owner) noexcept;
  // Stops everything; deletes itself when uv is done, and then says so.
  using Stopped = void (*)(void* argument);
  void stop(Stopped stopped, void* argument) noexcept;

  // Calls are pending or not: keeps the process alive or lets it go, polls or parks.
  void set_pending(bool pending) noexcept;
  // Something was sent: an answer may come soon.
  void touch() noexcept;
  // A sender waits for room in the outgoing ring.
  void set_wants_space(bool wants) noexcept;
  // Nothing is looked at or flushed until the event is notified.
  [[nodiscard]] bool parked() const noexcept { return parked_; }
  // Around a wait() on the loop's own thread: a parked loop would keep the notifications for itself. True if it was
  // parked, and must be let go of.
  [[nodiscard]] bool hold() noexcept;
  void let_go() noexcept;

 private:
  Loop(Channel& channel, Deliver deliver, void* owner) noexcept : channel_(channel), deliver_(deliver), owner_(owner) {}
  ~Loop() = default;
  void on_idle() noexcept;
  void on_event() noexcept;
  void poll() noexcept;   // start polling
  void await() noexcept;  // an answer is to come: poll if that pays
  void park() noexcept;
  void set_polling(bool polling) noexcept;
  bool has_work() noexcept;

  Channel& channel_;
  Deliver deliver_;
  void* owner_;
  uv_idle_t idle_;
  uv_poll_t event_;
  bool polling_ = false;
  bool parked_ = false;
  bool decided_ = false;  // whether to poll for what is pending: once per wait, not once per call
  bool pending_ = false;
  bool wants_space_ = false;
  bool stopped_ = false;
  int open_handles_ = 2;
  Stopped on_stopped_ = nullptr;
  void* on_stopped_argument_ = nullptr;
  int64_t last_activity_ns_ = 0;
};

}  // namespace isthmus::node
