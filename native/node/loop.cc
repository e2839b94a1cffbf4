#include "node/loop.h"

#include "os/os.h"

namespace isthmus::node {

namespace {

// How long one turn of the loop may look at the ring before other events get their chance.
constexpr int64_t kTurnNs = 10'000;
constexpr int kLooksPerClock = 16;

// Loops of this thread that poll. They share the time, so that none delays another for long.
thread_local int polling_loops = 0;

}  // namespace

Loop* Loop::start(uv_loop_t* loop, Channel& channel, Deliver deliver, void* owner) noexcept {
  auto* self = new Loop(channel, deliver, owner);
  uv_idle_init(loop, &self->idle_);
  self->idle_.data = self;
  if (uv_poll_init(loop, &self->event_, channel.event()) != 0) {
    self->open_handles_ = 1;
    self->stopped_ = true;
    uv_close(reinterpret_cast<uv_handle_t*>(&self->idle_),
             [](uv_handle_t* handle) { delete static_cast<Loop*>(handle->data); });
    return nullptr;
  }
  self->event_.data = self;
  uv_poll_start(&self->event_, UV_READABLE,
                [](uv_poll_t* handle, int, int) { static_cast<Loop*>(handle->data)->on_event(); });
  uv_unref(reinterpret_cast<uv_handle_t*>(&self->event_));
  uv_unref(reinterpret_cast<uv_handle_t*>(&self->idle_));
  self->park();
  return self;
}

void Loop::stop(Stopped stopped, void* argument) noexcept {
  set_polling(false);
  stopped_ = true;
  on_stopped_ = stopped;
  on_stopped_argument_ = argument;
  const auto closed = [](uv_handle_t* handle) {
    auto* self = static_cast<Loop*>(handle->data);
    if (--self->open_handles_ != 0) return;
    if (self->on_stopped_ != nullptr) self->on_stopped_(self->on_stopped_argument_);
    delete self;
  };
  uv_close(reinterpret_cast<uv_handle_t*>(&idle_), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&event_), closed);
}

void Loop::set_pending(bool pending) noexcept {
  if (pending == pending_ || stopped_) return;
  pending_ = pending;
  decided_ = false;
  for (auto* handle : {reinterpret_cast<uv_handle_t*>(&idle_), reinterpret_cast<uv_handle_t*>(&event_)})
    pending ? uv_ref(handle) : uv_unref(handle);
}

void Loop::touch() noexcept {
  if (stopped_) return;
  last_activity_ns_ = 0;  // counted from the next look at the clock
  // Without its announcement a parked loop would sleep through every answer from now on. That there is none is rare enough
  // for a look, which announces again.
  if (parked_ && !channel_.announced())
    poll();
  else
    await();
}

void Loop::await() noexcept {
  if (polling_ || decided_) return;
  decided_ = true;
  if (channel_.spin_ns() != 0 && channel_.spin_policy().may_poll()) poll();
}

void Loop::set_wants_space(bool wants) noexcept {
  wants_space_ = wants;
  if (wants && !stopped_) poll();
}

void Loop::set_polling(bool polling) noexcept {
  if (polling == polling_) return;
  polling_ = polling;
  polling_loops += polling ? 1 : -1;
}

void Loop::poll() noexcept {
  if (polling_) return;
  set_polling(true);
  parked_ = false;
  channel_.unpark();
  uv_idle_start(&idle_, [](uv_idle_t* handle) { static_cast<Loop*>(handle->data)->on_idle(); });
}

// Announce, look again, and only then let the loop sleep. If there is something to do already, polling goes on.
void Loop::park() noexcept {
  if (!channel_.park(wants_space_) && !(channel_.closed() && !channel_.has_input())) {  // what is closed makes no news
    poll();
    return;
  }
  set_polling(false);
  parked_ = true;
  uv_idle_stop(&idle_);
}

bool Loop::hold() noexcept {
  if (!parked_) return false;
  parked_ = false;
  channel_.unpark();
  return true;
}

void Loop::let_go() noexcept {
  if (!stopped_ && !polling_) park();
}

bool Loop::has_work() noexcept { return channel_.has_input() || (wants_space_ && channel_.room_grew()); }

void Loop::on_idle() noexcept {
  int64_t now = os::now_ns();
  if (last_activity_ns_ == 0) last_activity_ns_ = now;
  const int64_t turn_ends = now + kTurnNs / polling_loops;
  do {
    for (int look = 0; look < kLooksPerClock; ++look) {
      if (has_work()) {
        deliver_(owner_);
        if (stopped_) return;
        channel_.spin_policy().polled(true);
        last_activity_ns_ = os::now_ns();
        break;
      }
      os::cpu_relax();
    }
    if (!pending_ && !has_work()) break;
    now = os::now_ns();
  } while (now < turn_ends && now - last_activity_ns_ < static_cast<int64_t>(channel_.spin_ns()));
  channel_.flush_returns();
  const bool idle_long_enough = now - last_activity_ns_ >= static_cast<int64_t>(channel_.spin_ns());
  if ((pending_ && !idle_long_enough) || channel_.has_input()) return;
  if (pending_) channel_.spin_policy().polled(false);
  decided_ = pending_;
  park();
}

void Loop::on_event() noexcept {
  parked_ = false;
  channel_.unpark();
  deliver_(owner_);
  if (stopped_) return;
  last_activity_ns_ = os::now_ns();
  channel_.flush_returns();
  decided_ = false;
  if (pending_) await();
  if (!polling_) park();
}

}  // namespace isthmus::node
