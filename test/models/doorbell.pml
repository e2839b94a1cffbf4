/*
 * The doorbell: announce, withdraw, notify and clear of native/core/doorbell.h, with one thread on each side, which sends and
 * receives as native/core/channel_{send,receive,sleep}.cc do: who is refused room empties its own ring, and waits.
 *
 * A store that is no fence stays in a buffer of the side that made it, for as long as it likes and in any order with its stores
 * elsewhere. The other side cannot see it there; a fence waits until the buffers are empty. That is what a fence is for, so that
 * without one a wake-up is lost here, too. It allows more than any processor does. Only of the event (a system call) it is
 * assumed that a store before notify_event is seen by who has been woken by it, or has cleared it.
 *
 * What is in a record is for ring.pml; here it counts only. Some records are returns, of which a sleeping side is not told.
 *
 * Properties: no lost wake-up in either direction, for records and for room; both rings may be full: no deadlock. Both are an
 * invalid end state: a side that sleeps although it could go on.
 *
 * CONFIG two_messages: -DMESSAGES=2
 * CONFIG with_returns: -DMESSAGES=1 -DRETURNS=1
 * LONG three_messages: -DMESSAGES=3
 * LONG room_for_two: -DMESSAGES=2 -DRETURNS=1 -DCAPACITY=2
 *
 * MUTANT announce_fence_removed: the sleeper looks while its announcement is still in the buffer
 * MUTANT notify_fence_removed: the publisher looks for an announcement while its record is still in the buffer
 * MUTANT recheck_removed: the sleeper does not look again after it has announced
 * MUTANT announce_after_look: the sleeper looks, announces, and sleeps
 * MUTANT notify_before_publish: the publisher looks for an announcement, then publishes
 * MUTANT cleared_after_look: the sleeper clears the event after it has looked
 * MUTANT withdrawn_after_notify: the publisher takes the announcement back after it has notified, perhaps the next one
 * MUTANT event_not_kept: a notification wakes only who sleeps already
 * MUTANT event_passes_stores: who is woken may not see what was stored before
 * MUTANT room_not_announced: who waits for room says that it waits for records
 * MUTANT room_not_notified: who has emptied its ring does not say so
 * MUTANT sleeps_undrained: who waits for room leaves its own ring as it is
 * MUTANT refused_silently (with_returns): who is refused does not notify: the ring may be full of returns, of which nobody was told
 * MUTANT refused_head_late: who was refused remembers the head as it is then, not as it was seen
 * MUTANT withdraws_late: who is awake again withdraws after its last look at what it waits for, and sleeps without a new announcement
 */

#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef RETURNS
#define RETURNS 0
#endif
#ifndef CAPACITY
#define CAPACITY 1
#endif
#define kAwaitsRecords 1
#define kAwaitsSpace 2

/* The control segment, by side; ring `me` goes from me to 1 - me. */
byte tail[2], head[2], awaits[2];
bool is_return[2 * (MESSAGES + RETURNS + 1)];   /* of each record ever */
bool event[2], asleep[2];
byte sent[2];                                   /* messages that have been, or are being, published */

/* What a side has stored; the segment has it when store_buffer() has written it. */
byte own_tail[2], own_head[2];                  /* head: of ring 1 - me */
byte announcing[2];                             /* bits to set in the own word */
bool withdrawing[2], taking_back[2];            /* zero to the own word, to the other's word */

#define BUFFERED(me) (own_tail[me] != tail[me] || own_head[me] != head[1 - me] || announcing[me] != 0 || \
                      withdrawing[me] || taking_back[me])
#define AWAITS_OF_PEER (taking_back[me] -> 0 : awaits[1 - me])   /* a side sees its own stores */

active [2] proctype store_buffer() {
  byte me = _pid % 2;
end:
  do
  :: own_tail[me] != tail[me] -> tail[me] = own_tail[me]
  :: own_head[me] != head[1 - me] -> head[1 - me] = own_head[me]
  :: d_step { announcing[me] != 0 -> awaits[me] = awaits[me] | announcing[me]; announcing[me] = 0 }
  :: d_step { withdrawing[me] -> awaits[me] = 0; withdrawing[me] = false }
  :: d_step { taking_back[me] -> awaits[1 - me] = 0; taking_back[me] = false }
  od
}

inline fence() { !BUFFERED(me) }

inline announce(what) {
  atomic { !withdrawing[me] -> announcing[me] = what };
#ifndef MUTANT_announce_fence_removed
  fence()
#endif
}

inline withdraw() { atomic { announcing[me] == 0 && !withdrawing[me] -> withdrawing[me] = true } }

inline notify_event() {
#ifndef MUTANT_event_passes_stores
  fence();
#endif
#ifdef MUTANT_event_not_kept
  event[1 - me] = asleep[1 - me]
#else
  event[1 - me] = true
#endif
}

inline notify(what) {
#ifndef MUTANT_notify_fence_removed
  fence();
#endif
  if
  :: (AWAITS_OF_PEER & what) != 0 ->
#ifdef MUTANT_withdrawn_after_notify
    notify_event();
    taking_back[me] = true
#else
    atomic { !taking_back[me] -> taking_back[me] = true };
    notify_event()
#endif
  :: else
  fi
}

/* What was in the ring at one look; the head is stored after each, and room is notified once. */
inline take_records() {
  took = false;
  do
  :: tail[1 - me] != own_head[me] ->
    atomic {
      if
      :: is_return[(1 - me) * (MESSAGES + RETURNS) + own_head[me]]
      :: else -> received = received + 1; queued = true
      fi;
      is_return[(1 - me) * (MESSAGES + RETURNS) + own_head[me]] = false;
      own_head[me] = own_head[me] + 1;
      took = true
    }
  :: tail[1 - me] == own_head[me] -> break
  od;
#ifndef MUTANT_room_not_notified
  if
  :: took -> notify(kAwaitsSpace)
  :: else
  fi;
#endif
  took = false
}

#define HAS_SENT (sent[me] == MESSAGES && returned == RETURNS)
#define has_all (HAS_SENT && received == MESSAGES)
#define ROOM_GREW (head[me] != refused_head_)

#ifdef MUTANT_room_not_announced
#define AWAITED(room) kAwaitsRecords
#else
#define AWAITED(room) (room -> kAwaitsRecords | kAwaitsSpace : kAwaitsRecords)
#endif

/* Channel::wait, of a side that has one thread: it listens for itself. */
inline wait_for(room) {
  if
#ifdef MUTANT_sleeps_undrained
  :: room
#endif
  :: else -> take_records()
  fi;
  do
  :: (!room && queued) || (room && ROOM_GREW) -> break
  :: else ->
#ifdef MUTANT_announce_after_look
    if
    :: !((!room && tail[1 - me] != own_head[me]) || (room && ROOM_GREW)) ->
      announce(AWAITED(room));
      goto sleep
    :: else
    fi;
#endif
#ifndef MUTANT_cleared_after_look
    if
    :: listens -> event[me] = false              /* clear: Channel::announce, but for the first time */
    :: else -> listens = true
    fi;
#endif
    announce(AWAITED(room));
#ifdef MUTANT_withdraws_late
    withdraw();
#endif
#ifndef MUTANT_recheck_removed
    if
#ifdef MUTANT_sleeps_undrained
    :: room
#endif
    :: else -> take_records()
    fi;
    if
    :: (!room && queued) || (room && ROOM_GREW) -> break
    :: else
    fi;
#endif
#ifdef MUTANT_cleared_after_look
    event[me] = false;
#endif
sleep:
    asleep[me] = true;
    if                                           /* wait_event */
    :: event[me]
    :: has_all && !room ->
end_asleep:
      event[me]
    fi;
    asleep[me] = false;
#ifdef MUTANT_announce_after_look
    event[me] = false;
    take_records()
#endif
#ifdef MUTANT_recheck_removed
    event[me] = false;
    take_records()
#endif
  od;
  if
  :: listens -> event[me] = false; listens = false; withdraw()       /* leave, pass_on */
  :: else
  fi
}

active [2] proctype side() {
  byte me = _pid - 2;
  byte returned, received, refused_head_, head_cached_;
  bool queued, took, listens, is_quiet, waits_for_room;
  do
  :: sent[me] < MESSAGES || returned < RETURNS ->
    if
    :: sent[me] < MESSAGES -> is_quiet = false
    :: returned < RETURNS -> is_quiet = true
    fi;
    do
    :: head_cached_ = head[me];                  /* claim */
      if
      :: own_tail[me] - head_cached_ < CAPACITY -> break
      :: else ->
        refused_head_ = head_cached_;
#ifdef MUTANT_refused_head_late
        refused_head_ = head[me];
#endif
#ifndef MUTANT_refused_silently
        notify(kAwaitsRecords);
#endif
        waits_for_room = true;
        goto wait
      fi
    od;
    atomic {
      head_cached_ = 0;
      sent[me] = sent[me] + !is_quiet;
      returned = returned + is_quiet;
      is_return[me * (MESSAGES + RETURNS) + own_tail[me]] = is_quiet
    };
#ifdef MUTANT_notify_before_publish
    notify(kAwaitsRecords);
    own_tail[me] = own_tail[me] + 1
#else
    own_tail[me] = own_tail[me] + 1;             /* commit */
    if
    :: !is_quiet -> notify(kAwaitsRecords)
    :: else
    fi
#endif
  :: HAS_SENT || sent[1 - me] > received ->      /* it does not wait for what the other does not send */
    waits_for_room = false;
wait:
    queued = false;
    wait_for(waits_for_room);
    refused_head_ = 0; head_cached_ = 0
  od
}
