// Where threads and processes meet: a name for each moment between two steps at which another one may come in between.
//
// In production a point is nothing. Builds with ISTHMUS_YIELDS, as that of test/native, call a hook there that delays the
// thread now and then (test/native/yields.h), and count who came by. A name at an atomic is the one that its `sync:`
// comment has.
#pragma once

#include <cstdint>

namespace isthmus {

// point, its name, between what
#define ISTHMUS_SYNC_POINTS(X)                                                                         \
  /* ring.cc */                                                                                        \
  X(kRecordWritten, "record-written", "a record is written / its tail is stored")                      \
  X(kRecordPublished, "record-published", "the tail is stored / the publisher looks who sleeps")       \
  X(kRecordLooked, "record-looked", "the tail is loaded / what it says is believed")                   \
  X(kSpaceTaken, "space-taken", "a record is read / the head is stored")                               \
  X(kSpacePublished, "space-published", "the head is stored / the consumer looks who sleeps")          \
  X(kSpaceLooked, "space-looked", "the head is loaded / what it says is believed")                     \
  /* doorbell.h */                                                                                     \
  X(kAnnounced, "announce-before-look", "the announcement is made / the sleeper looks")                \
  X(kNotifying, "publish-before-look", "something is published / the announcement is loaded")          \
  X(kAwaitsSeen, "awaits-seen", "an announcement is seen / it is withdrawn for the sleeper")           \
  X(kAwaitsCleared, "awaits-cleared", "it is withdrawn for the sleeper / the event is notified")       \
  X(kEventCleared, "event-cleared", "the event is cleared / what was published is looked at")          \
  /* channel_sleep.cc */                                                                               \
  X(kListed, "listed", "a waiter is listed / it looks")                                                \
  X(kLooked, "looked", "a waiter has found nothing / it sleeps")                                       \
  X(kWoken, "woken", "a waiter is awake / it looks again, or leaves")                                  \
  X(kLeaving, "leaving", "a waiter has what it wants / it is no longer listed")                        \
  X(kUnlisted, "unlisted", "a listener is no longer listed / it passes the listening on")              \
  X(kOwedAwaited, "owed-awaited", "room for what is owed is asked for / it is tried again")            \
  X(kParked, "parked", "a loop is parked / it looks")                                                  \
  X(kParkLooked, "park-looked", "a parked loop has found nothing / it sleeps")                         \
  X(kParkRefused, "park-refused", "a parked loop has found something / it is no longer parked")        \
  X(kUnparking, "unparking", "a parked loop is awake / it is no longer parked")                        \
  X(kWaking, "waking", "a record is taken, or room seen / who waits for it is signalled")              \
  X(kSignalled, "signalled", "a waiter is marked as signalled / it is woken")                          \
  X(kInterrupted, "interrupted", "a waiter is marked as interrupted / it is signalled")                \
  /* channel_receive.cc */                                                                             \
  X(kDrainsElsewhere, "drains-elsewhere", "another thread is seen to drain / this one relies on that") \
  X(kTaken, "taken", "records are taken from the ring / their number is published")                    \
  X(kDrained, "drained", "the ring is drained / the queue is looked at")                               \
  /* channel_send.cc, channel_arenas.cc */                                                             \
  X(kLent, "lent", "blocks are lent / the message that names them is published")                       \
  X(kRefused, "refused", "a message found no room / its leases are taken back")                        \
  X(kSent, "sent", "a message is published / the other side is notified")                              \
  X(kOwesSeen, "owes-seen", "something is seen to be owed / it is published")                          \
  X(kReturnsTaken, "returns-taken", "returns are taken from the ledger / they are published")          \
  X(kArenaSent, "arena-sent", "the descriptor of an arena is sent / its record is published")          \
  /* channel.cc, ledger.cc */                                                                          \
  X(kClosed, "closed", "the channel is closed / who waits is woken")                                   \
  X(kReaped, "reaped", "what a dead process committed is taken / its leases are dropped")              \
  X(kForking, "forking", "some locks are held for a fork / the rest is taken")                         \
  X(kPlaced, "placed", "a block is placed / it is cleared and handed out")                             \
  X(kReleasing, "releasing", "a reference is given up / the ledger knows")

enum class Sync : uint8_t {
#define ISTHMUS_SYNC_NAME(point, name, between) point,
  ISTHMUS_SYNC_POINTS(ISTHMUS_SYNC_NAME)
#undef ISTHMUS_SYNC_NAME
};

#ifdef ISTHMUS_YIELDS
void sync_point(Sync point) noexcept;
#define ISTHMUS_SYNC(point) ::isthmus::sync_point(::isthmus::Sync::point)
#else
#define ISTHMUS_SYNC(point) static_cast<void>(0)
#endif

}  // namespace isthmus
