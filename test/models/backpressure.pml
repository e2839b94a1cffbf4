/*
 * Two full rings: calls of Node and their window, calls of the worker back into Node, answers, and what is owed (returns,
 * Dropped) with room of its own. Channel::send, publish_owed, reserve, take_records, has_room_for_more, wait; Sender
 * (src/sender.ts), Callbacks; credit of streams (src/item-stream.ts, python/isthmus/streams.py).
 *
 * Node's event loop never blocks: what finds no room waits, and it goes on draining (callSync() blocks, and does the same).
 * The worker has one thread. It drains when it receives, and while it waits: for room, or for the answer to a call of its
 * own; not while it runs code of the user. Every message that arrives names a block, which is to be returned.
 *
 * Left out: bytes (a record takes one place, and the reserve is RESERVE places); who wakes whom (doorbell.pml, sleep.pml):
 * who waits for something goes on when it is there; spilled messages; Pressure, which goes as Dropped does.
 *
 * Properties, each named by what must never become true:
 *   stuck               in the end a call is not answered, a stream not read, a return or Dropped not delivered
 *   owed_behind_calls   what is owed finds no room, though none of the reserve is taken by what is owed
 *   window_exceeded     the worker's queue holds more calls than the window
 *   flooded             more items than the window of a stream have come and not been read
 *
 * CONFIG calls: -DCALLS=3 -DWINDOW=3
 * CONFIG narrow_window: -DCALLS=3 -DWINDOW=1
 * CONFIG streams: -DCALLS=1 -DITEMS=3
 * LONG both: -DCALLS=2 -DITEMS=3
 * LONG more_calls: -DCALLS=5 -DWINDOW=3 -DRECORDS=3
 *
 * MUTANT wait_without_drain: no side drains while a message of its own waits for room
 * MUTANT reserve_ignored: messages may fill the ring
 * MUTANT owed_dropped: a return that finds no room is not kept
 * MUTANT owed_with_messages_only (streams): what is owed goes out ahead of messages only, not when a side goes to sleep
 * MUTANT queue_limit_always: the limit of the worker's queue holds while it waits for an answer
 * MUTANT window_ignored (narrow_window): Node sends calls as long as there is room
 * MUTANT dropped_keeps_window (narrow_window): Dropped does not give its place in the window back
 * MUTANT credit_ignored (streams): the worker sends items without credit
 * MUTANT credit_lost (streams): a Credit that finds no room is not kept
 */
#ifndef CALLS
#define CALLS 3
#endif
#ifndef ITEMS
#define ITEMS 0       /* of one stream, which has begun already */
#endif
#ifndef WINDOW
#define WINDOW 2      /* of calls, and of items */
#endif
#ifndef RECORDS
#define RECORDS 2
#endif
#define RESERVE 1
#define QUEUE_LIMIT 2 /* kQueueLimit, in messages */
#define NODE 0
#define WORKER 1

mtype = { Call, Result, Item, Credit, Cancel, Return, Dropped };
chan ring[2] = [RECORDS] of { mtype };

byte owed_returns[2];
byte owed_dropped;     /* by the worker */
byte expected[2];      /* returns, in all, that have not come */

/* Node */
byte unsent = CALLS;   /* calls that wait in Node */
byte in_flight;
byte answered;
byte answers_unsent;   /* to calls of the worker */
bool cancel_unsent, cancelled;
byte credit_unsent;
byte unread;           /* items */
byte received_items;

/* the worker */
byte queue;            /* calls in it */
bool answers_awaited, answer_come;
byte allowed = WINDOW; /* items */
byte items = ITEMS;

bool stuck, owed_behind_calls, window_exceeded, flooded;

#define MUST_NOT(wrong, happened) if :: wrong -> happened = true :: else fi; assert(!happened)

#ifdef MUTANT_reserve_ignored
#define HAS_ROOM(side) (len(ring[side]) < RECORDS)
#else
#define HAS_ROOM(side) (len(ring[side]) < RECORDS - RESERVE)
#endif

/* One that comes is used, and its block returned. */
inline publish(side, kind) {
  ring[side]!kind;
  expected[side]++
}
inline used(side) { owed_returns[side]++ }

#define IS_OWED(side) (owed_returns[side] != 0 || side == WORKER && owed_dropped != 0)

/* It waits for room when all of it is taken by what was owed before. */
#define IS_PAYING(side) (ring[side]??[Return] || ring[side]??[Dropped])
#ifdef MUTANT_owed_dropped
#define MAY_PAY(side) IS_OWED(side)
#else
#define MAY_PAY(side) (IS_OWED(side) && (len(ring[side]) < RECORDS || !IS_PAYING(side)))
#endif

inline publish_owed(side) {
  if
  :: len(ring[side]) < RECORDS ->
    if
    :: owed_returns[side] != 0 -> ring[side]!Return; owed_returns[side]--
    :: owed_returns[side] == 0 -> ring[side]!Dropped; owed_dropped--
    fi
  :: len(ring[side]) == RECORDS ->
    MUST_NOT(!IS_PAYING(side), owed_behind_calls);
    owed_returns[side] = (owed_returns[side] == 0 -> 0 : owed_returns[side] - 1)  /* the mutant only */
  fi
}

/* --- Node --- */

#define NODE_WAITS (unsent != 0 && in_flight < WINDOW || answers_unsent != 0 || cancel_unsent || credit_unsent != 0)
#ifdef MUTANT_wait_without_drain
#define NODE_DRAINS (HAS_ROOM(NODE) || !NODE_WAITS)
#else
#define NODE_DRAINS true
#endif

active proctype Node() {
  mtype kind;
end:
  do
  :: atomic {
      nempty(ring[WORKER]) && NODE_DRAINS -> ring[WORKER]?kind;
      if
      :: kind == Result -> in_flight--; answered++; used(NODE)
      :: kind == Call -> answers_unsent++; used(NODE)
      :: kind == Item ->
        unread++; received_items++; used(NODE);
        MUST_NOT(unread > WINDOW, flooded)
      :: kind == Return -> expected[NODE]--
      :: kind == Dropped ->
        answered++;
#ifndef MUTANT_dropped_keeps_window
        in_flight--
#endif
      fi;
      kind = 0
    }
#ifdef MUTANT_window_ignored
  :: atomic { unsent != 0 && HAS_ROOM(NODE) -> publish(NODE, Call); unsent--; in_flight++ }
#else
  :: atomic { unsent != 0 && in_flight < WINDOW && HAS_ROOM(NODE) -> publish(NODE, Call); unsent--; in_flight++ }
#endif
  :: atomic { answers_unsent != 0 && HAS_ROOM(NODE) -> publish(NODE, Result); answers_unsent-- }
  :: atomic { !cancelled && in_flight != 0 -> cancelled = true; cancel_unsent = true }
  :: atomic { cancel_unsent && HAS_ROOM(NODE) -> ring[NODE]!Cancel; cancel_unsent = false }
  :: atomic {
      unread != 0 -> unread--;
#ifdef MUTANT_credit_lost
      if :: HAS_ROOM(NODE) -> ring[NODE]!Credit :: else fi
#else
      credit_unsent++
#endif
    }
  :: atomic { credit_unsent != 0 && HAS_ROOM(NODE) -> ring[NODE]!Credit; credit_unsent-- }
  :: atomic { MAY_PAY(NODE) -> publish_owed(NODE) }
  od
}

/* --- the worker --- */

#ifdef MUTANT_queue_limit_always
#define HAS_ROOM_FOR_MORE (queue < QUEUE_LIMIT)
#else
#define HAS_ROOM_FOR_MORE (queue < QUEUE_LIMIT || answers_awaited)
#endif

inline take_record() {
  ring[NODE]?kind;
  if
  :: kind == Call ->
    queue++;
    MUST_NOT(queue > WINDOW, window_exceeded)
  :: kind == Result -> answer_come = true; used(WORKER)
  :: kind == Credit -> allowed++
  :: kind == Cancel && queue != 0 -> queue--; owed_dropped++; used(WORKER)  /* drop_queued_call */
  :: kind == Cancel  /* of one that has begun */
  :: kind == Return -> expected[WORKER]--
  fi;
  kind = 0
}

/* send(), and wait() for room */
inline send(what) {
  do
  :: atomic { HAS_ROOM(WORKER) -> publish(WORKER, what); break }
#ifndef MUTANT_wait_without_drain
  :: atomic { !HAS_ROOM(WORKER) && nempty(ring[NODE]) && HAS_ROOM_FOR_MORE -> take_record() }
  :: atomic { !HAS_ROOM(WORKER) && MAY_PAY(WORKER) -> publish_owed(WORKER) }
#endif
  od
}

active proctype Worker() {
  mtype kind;
  bool calls_back;
end:
  do
  :: atomic { nempty(ring[NODE]) && HAS_ROOM_FOR_MORE -> take_record() }
#ifndef MUTANT_owed_with_messages_only
  :: atomic { MAY_PAY(WORKER) -> publish_owed(WORKER) }
#endif
#ifdef MUTANT_credit_ignored
  :: atomic { items != 0 -> items-- }
#else
  :: atomic { items != 0 && allowed != 0 -> items--; allowed-- }
#endif
    send(Item)
  :: atomic { queue != 0 -> queue--; used(WORKER) }  /* receive(), and the call's arguments are let go */
    if
    :: true
    :: calls_back = true
    fi;
    if
    :: calls_back ->
      send(Call);
      answers_awaited = true;
      do
      :: atomic { answer_come -> answer_come = false; answers_awaited = false; break }
      :: atomic { !answer_come && nempty(ring[NODE]) && HAS_ROOM_FOR_MORE -> take_record() }
      :: atomic { !answer_come && MAY_PAY(WORKER) -> publish_owed(WORKER) }
      od
    :: else
    fi;
    calls_back = false;
    send(Result)
  od
}

active proctype End() {
  timeout;
  MUST_NOT(answered != CALLS || received_items != ITEMS || expected[NODE] + expected[WORKER] != 0 || owed_dropped != 0, stuck)
}
