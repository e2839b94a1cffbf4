// Sleeping: which thread sleeps on what, and who wakes it.
//
// Threads wait for different things: for input, for room, each for the answer to its own call. One of them, the
// *listener*, sleeps on the doorbell's event; the others sleep each on a word of its own. A loop that is parked listens in
// place of a thread. Whoever takes a record from the ring, listener or not, signals those who wait for that record.
//
// Nobody sleeps through what it waits for. A waiter lists itself; takes what is in the ring and looks, with the consumer lock;
// sleeps. What was taken before, it sees. Who takes it afterwards finds the waiter listed and signals it; a signal is kept
// (signalled_, or the event) until it was slept on. And it is taken, because while anybody is listed somebody listens: the
// listener announces, then looks, as in doorbell.h, and who stops listening passes it on in the same critical section, to the
// parked loop or to another waiter, which does the same if it is just leaving. Room, and room for what is owed, likewise.
//
// The event is cleared by the listener alone, before it announces and looks. While a loop is parked, only unpark() clears it,
// so that the loop wakes up, whoever was woken by the same notification; a thread that listened until then gives it up.
//
// test/models/sleep.pml is this file step by step, and holds in every interleaving of a few threads, a loop and a peer; what
// goes wrong without a step is a mutant there. Change both together.
#include <algorithm>

#include "core/channel.h"
#include "core/sync.h"

namespace isthmus {

namespace {

using Lock = std::lock_guard<std::mutex>;

}  // namespace

bool Channel::room_grew() noexcept {
  const Lock lock(producer_mutex_);
  return producer_.head_now() != refused_head_;
}

// --- waiting ---------------------------------------------------------------------------------------------

Status Channel::wait(int64_t deadline_ns, bool for_space) noexcept {
  Waiter self = waiter(for_space ? Waiter::For::kRoom : Waiter::For::kInput);
  return wait(self, deadline_ns);
}

Status Channel::wait(Waiter& waiter, int64_t deadline_ns) noexcept {
  if (closed()) return why_closed();
  (void)drain();
  if (waiter.what_ != Waiter::For::kRoom && is_ready(waiter)) return Status::kOk;  // returns go into the room first
  if (spin_ns() != 0 && spin_policy_.may_poll()) {
    const bool found = spin(waiter, deadline_ns);
    spin_policy_.polled(found);
    if (found) return Status::kOk;
  }
  return sleep(waiter, deadline_ns);
}

bool Channel::poll(int64_t deadline_ns) noexcept {
  const Waiter self = waiter(Waiter::For::kInput);
  if (ring_has_input()) (void)drain();
  if (is_ready(self)) return true;
  if (deadline_ns == 0 || spin_ns() == 0 || !spin_policy_.may_poll()) return false;
  const bool found = spin(self, deadline_ns);
  spin_policy_.polled(found);
  return found;
}

bool Channel::is_interrupted(const Waiter& waiter) const noexcept {
  return waiter.interrupted() ||
         (waiter.what_ != Waiter::For::kInput && waiter.interrupts_ != interrupts_.load(std::memory_order_relaxed));
}

bool Channel::is_ready(const Waiter& waiter) noexcept {
  switch (waiter.what_) {
    case Waiter::For::kInput:
      return queued_.load(std::memory_order_relaxed) != 0;
    case Waiter::For::kRoom:
      return room_grew();
    case Waiter::For::kAnswer:
      const Lock lock(consumer_mutex_);
      return has_answer(waiter.id_);
  }
  return true;
}

// Takes what comes, for whomever. Who polls for an answer takes the lock only when one has come.
bool Channel::spin(const Waiter& waiter, int64_t deadline_ns) noexcept {
  int64_t until = last_activity_ns_.load(std::memory_order_relaxed) + static_cast<int64_t>(spin_ns());
  if (deadline_ns >= 0) until = std::min(until, deadline_ns);
  const bool for_answer = waiter.what_ == Waiter::For::kAnswer;
  uint32_t seen = answers_changed_.load(std::memory_order_relaxed) - 1;
  do {
    for (int turn = 0; turn < 32; ++turn) {
      if (ring_has_input()) (void)drain();
      const uint32_t changed = answers_changed_.load(std::memory_order_relaxed);
      if ((!for_answer || changed != seen) && is_ready(waiter)) return true;
      seen = changed;
      os::cpu_relax();
    }
  } while (!closed() && !is_interrupted(waiter) && os::now_ns() < until);
  return false;
}

// --- sleeping --------------------------------------------------------------------------------------------

Status Channel::sleep(Waiter& self, int64_t deadline_ns) noexcept {
  Status status = Status::kOk;  // otherwise why it gives up, after a last look
  for (;;) {
    flush_returns();
    const uint32_t listens_for = announce(self);
    ISTHMUS_SYNC(kListed);
    if (look(self, listens_for)) {
      status = Status::kOk;
      break;
    }
    if (closed())
      status = why_closed();
    else if (is_interrupted(self))
      status = Status::kEmpty;
    if (status != Status::kOk) break;
    await_room_for_owed();
    own_counters().parks.fetch_add(1, std::memory_order_relaxed);
    ISTHMUS_SYNC(kLooked);
    const int64_t left = deadline_ns < 0 ? -1 : std::max<int64_t>(0, deadline_ns - os::now_ns());
    const os::Wake wake = listens_for != 0 ? os::wait_event(doorbell_.event(), socket_, process_, left)
                                           : os::wait_word(self.signalled_, 0, left);
    ISTHMUS_SYNC(kWoken);
    if (wake == os::Wake::kTimeout) status = Status::kTimeout;
    if (wake == os::Wake::kInterrupted) status = Status::kEmpty;
    if (wake == os::Wake::kHungUp) close();
  }
  ISTHMUS_SYNC(kLeaving);
  leave(self);
  return status;
}

// Lists the waiter, and says what this side is to be notified of: all that the waiters wait for; 0: somebody else listens.
uint32_t Channel::announce(Waiter& self) noexcept {
  const Lock lock(sleepers_mutex_);
  if (!self.listed_) {
    self.listed_ = true;
    waiters_.push_back(&self);
    if (self.what_ == Waiter::For::kAnswer) answers_awaited_.fetch_add(1, std::memory_order_relaxed);
  }
  self.signalled_.store(0, std::memory_order_relaxed);
  if (loop_parked_ && loop_thread_ == std::this_thread::get_id()) {  // its selector runs something that waits here
    loop_parked_ = false;
    self.unparked_loop_ = true;
  }
  if (loop_parked_) {
    if (listener_ == &self) listener_ = nullptr;
  } else if (listener_ == &self) {
    clear_event();
  } else if (listener_ == nullptr) {
    listener_ = &self;
  }
  if (listener_ != &self) {
    if (self.what_ == Waiter::For::kRoom) doorbell_.announce(kAwaitsSpace);
    return 0;
  }
  const uint32_t what = kAwaitsRecords | (awaits_room() ? kAwaitsSpace : 0u);
  doorbell_.announce(what);
  return what;
}

bool Channel::awaits_room() const noexcept {
  return std::any_of(waiters_.begin(), waiters_.end(),
                     [](const Waiter* waiter) { return waiter->what_ == Waiter::For::kRoom; });
}

// It waits for the consumer lock: a thread that is draining may have looked at the ring before a record came.
bool Channel::look(const Waiter& self, uint32_t listens_for) noexcept {
  {
    const Lock lock(consumer_mutex_);
    looking_ = &self;
    (void)take_records();
    looking_ = nullptr;
    if (self.what_ == Waiter::For::kInput && !queue_.empty()) return true;
    if (self.what_ == Waiter::For::kAnswer && has_answer(self.id_)) return true;
  }
  if (self.what_ != Waiter::For::kRoom && (listens_for & kAwaitsSpace) == 0) return false;
  if (!room_grew()) return false;
  wake_room(&self);
  return self.what_ == Waiter::For::kRoom;
}

// What was taken just now may be owed an answer. If that finds no room, the other side is told to say when there is, before
// it is tried again: then either the room is there, or whoever listens is notified, and comes here before it sleeps.
void Channel::await_room_for_owed() noexcept {
  flush_returns();
  if (closed() || !owes()) return;
  {
    const Lock lock(sleepers_mutex_);
    doorbell_.announce(kAwaitsSpace);
  }
  ISTHMUS_SYNC(kOwedAwaited);
  flush_returns();
}

void Channel::leave(Waiter& self) noexcept {
  const Lock lock(sleepers_mutex_);
  waiters_.erase(std::find(waiters_.begin(), waiters_.end(), &self));
  self.listed_ = false;
  if (self.what_ == Waiter::For::kAnswer) answers_awaited_.fetch_sub(1, std::memory_order_relaxed);
  if (listener_ == &self) {
    listener_ = nullptr;
    if (!loop_parked_) clear_event();
  }
  if (self.unparked_loop_) {
    loop_parked_ = true;
    doorbell_.wake_self();  // what it was to be notified of may have been cleared
  }
  ISTHMUS_SYNC(kUnlisted);
  pass_on();
}

void Channel::pass_on() noexcept {
  if (listener_ != nullptr || loop_parked_) return;
  if (waiters_.empty())
    doorbell_.withdraw();
  else
    signal(*waiters_.front());
}

// --- an event loop ---------------------------------------------------------------------------------------

bool Channel::park(bool for_space) noexcept {
  bool others_for_room = false;
  {
    const Lock lock(sleepers_mutex_);
    loop_parked_ = true;
    loop_thread_ = std::this_thread::get_id();
    others_for_room = awaits_room();
    doorbell_.announce(kAwaitsRecords | (for_space || others_for_room ? kAwaitsSpace : 0u));
  }
  ISTHMUS_SYNC(kParked);
  if (others_for_room && room_grew()) wake_room(nullptr);
  bool idle = false;
  {
    const Lock lock(consumer_mutex_);
    idle = !can_take() && queue_.empty();
  }
  if (idle && !closed() && !(for_space && room_grew())) {
    await_room_for_owed();
    own_counters().parks.fetch_add(1, std::memory_order_relaxed);
    ISTHMUS_SYNC(kParkLooked);
    return true;
  }
  ISTHMUS_SYNC(kParkRefused);
  const Lock lock(sleepers_mutex_);
  loop_parked_ = false;
  pass_on();
  return false;
}

// A thread that still sleeps on the event will clear it; what has come would otherwise be hidden from it. What has come may
// be room, of which nobody is notified twice: who waits for it looks for itself, because the loop may be parked again before
// the thread that it passes the event on to has looked.
void Channel::unpark() noexcept {
  ISTHMUS_SYNC(kUnparking);
  const Lock lock(sleepers_mutex_);
  loop_parked_ = false;
  if (listener_ == nullptr) clear_event();
  for (Waiter* waiter : waiters_)
    if (waiter->what_ == Waiter::For::kRoom) signal(*waiter);
  pass_on();
}

void Channel::clear_event() noexcept {
  if (!doorbell_.clear()) doorbell_broken_.store(true, std::memory_order_relaxed);
}

// --- waking ----------------------------------------------------------------------------------------------

void Channel::signal(Waiter& waiter) noexcept {
  if (waiter.signalled_.exchange(1, std::memory_order_relaxed) != 0) return;
  ISTHMUS_SYNC(kSignalled);
  if (&waiter == listener_)
    doorbell_.wake_self();
  else
    os::wake_word(waiter.signalled_);
}

// These three with the consumer lock held. Who takes the records sees for itself what it has taken.

// A parked loop was notified when the records came, but may have found the queue full, and parked again beside them.
void Channel::wake_input() noexcept {
  ISTHMUS_SYNC(kWaking);
  const Lock lock(sleepers_mutex_);
  if (loop_parked_) doorbell_.wake_self();
  for (Waiter* waiter : waiters_)
    if (waiter->what_ == Waiter::For::kInput && waiter != looking_) signal(*waiter);
}

void Channel::wake_answer(uint32_t id) noexcept {
  ISTHMUS_SYNC(kWaking);
  const Lock lock(sleepers_mutex_);
  for (Waiter* waiter : waiters_)
    if (waiter->what_ == Waiter::For::kAnswer && waiter->id_ == id && waiter != looking_) signal(*waiter);
}

void Channel::wake_for_interrupt() noexcept {
  ISTHMUS_SYNC(kWaking);
  const Lock lock(sleepers_mutex_);
  for (Waiter* waiter : waiters_)
    if (waiter->what_ != Waiter::For::kInput && waiter != looking_) signal(*waiter);
}

void Channel::wake_room(const Waiter* self) noexcept {
  ISTHMUS_SYNC(kWaking);
  const Lock lock(sleepers_mutex_);
  for (Waiter* waiter : waiters_)
    if (waiter->what_ == Waiter::For::kRoom && waiter != self) signal(*waiter);
}

void Channel::wake_everybody() noexcept {
  const Lock lock(sleepers_mutex_);
  for (Waiter* waiter : waiters_) signal(*waiter);
  doorbell_.wake_self();  // of a loop
}

void Channel::interrupt(Waiter& waiter) noexcept {
  waiter.interrupted_.store(true, std::memory_order_relaxed);
  ISTHMUS_SYNC(kInterrupted);
  const Lock lock(sleepers_mutex_);
  if (waiter.listed_) signal(waiter);
}

}  // namespace isthmus
