// The doorbell: how a side that has gone to sleep is woken.
//
// A side that is awake polls its ring and costs the other side nothing. Before it sleeps it *announces* what it
// waits for, looks again, and only then waits on its event. The other side, after it has published something,
// notifies only if that was announced.
//
// No wake-up is lost. Let S be the sleeper and P the publisher:
//   S: awaits = records;  fence;  look at the ring;   sleep if it was empty
//   P: publish a record;  fence;  look at awaits;     notify if it was announced
// Both fences are sequentially consistent, so one of them comes first. If S's comes first, P sees the announcement
// and notifies. If P's comes first, S sees the record and does not sleep. The event keeps a notification that arrives
// before S waits. test/models/doorbell.pml tries every interleaving, with stores that are seen late: no step can go.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/layout.h"
#include "core/sync.h"
#include "os/os.h"

namespace isthmus {

// What a side holds of the two events.
struct EventEnds {
  int own = -1;  // that it waits on, and nobody else has
  int to_own = -1;
  int to_peer = -1;
};

class Doorbell {
 public:
  Doorbell() noexcept = default;
  Doorbell(SideState& own, SideState& peer, const EventEnds& events) noexcept
      : own_(&own), peer_(&peer), events_(events) {}

  // Sleeper: say what (more) would wake this side. The caller must look again afterwards, before it waits.
  void announce(uint32_t what) noexcept {
    own_->awaits.fetch_or(what, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);  // sync: announce-before-look <-> publish-before-look
    ISTHMUS_SYNC(kAnnounced);
  }
  // Sleeper: awake again; the publisher need not notify.
  void withdraw() noexcept { own_->awaits.store(0, std::memory_order_relaxed); }

  // Sleeper: still? Not once it was notified, or somebody wrote where only the two of us should.
  [[nodiscard]] bool announced() const noexcept { return own_->awaits.load(std::memory_order_relaxed) != 0; }

  // Publisher: after a record or space was published. Returns whether the other side was asleep.
  bool notify(uint32_t what) noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // sync: publish-before-look <-> announce-before-look
    ISTHMUS_SYNC(kNotifying);
    if ((peer_->awaits.load(std::memory_order_relaxed) & what) == 0) return false;
    ISTHMUS_SYNC(kAwaitsSeen);
    peer_->awaits.store(0, std::memory_order_relaxed);  // one notification is enough: the sleeper looks at everything
    ISTHMUS_SYNC(kAwaitsCleared);
    os::notify_event(events_.to_peer);
    return true;
  }

  // As if the other side had notified this one.
  void wake_self() noexcept { os::notify_event(events_.to_own); }

  // False: the other side has shut the event down.
  bool clear() noexcept {
    const bool whole = os::clear_event(events_.own);
    ISTHMUS_SYNC(kEventCleared);
    return whole;
  }
  [[nodiscard]] int event() const noexcept { return events_.own; }
  [[nodiscard]] const EventEnds& events() const noexcept { return events_; }

 private:
  SideState* own_ = nullptr;
  SideState* peer_ = nullptr;
  EventEnds events_;
};

}  // namespace isthmus
