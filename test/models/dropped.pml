/*
 * A call that nobody waits for any more: Cancel, Interrupt, kill, and its one answer. drop_queued_call, take_record, receive,
 * cancelled and publish_owed of Channel (native/core/channel_receive.cc, channel_send.cc); Calls and Interruptions (src/calls.ts,
 * src/interruption.ts); Server._answer and Interrupts on the main thread (python/isthmus/server.py, interrupts.py).
 *
 * Node makes calls, gives some of them up at any time, tells the worker so (Cancel, then Interrupt with a signal), perhaps
 * kills it in the end (when it has looked at what the worker has committed: 48-grades.test.ts), and uses an id again as soon as it is answered. In the worker any thread drains; the main thread runs
 * one call after another, some of which end only when they are interrupted. In the model a record also says to which use of
 * its id it belongs, so that a mistake is seen; nothing is decided by that.
 *
 * Left out: calls that still wait in Node when they are given up (withdraw() takes them back); streams, tasks and threads, to
 * which Python itself tells what it was told (there a Cancel is queued, and the answer is what the call ends with); ends of
 * the channel; the second of patience before a call is interrupted again; signals are not repeated here.
 *
 * Properties, each named by what must never become true:
 *   answered_twice       an answer comes for a call that has been answered, or for another use of its id
 *   neighbour_hit        Cancelled is raised in a call that Node has not given up
 *   killed_for_nothing   the worker, and with it the other calls, is killed for a call whose answer is there
 *   never_answered       a call has no answer in the end; also: one that runs for ever is not interrupted
 *
 * CONFIG plain: -DCALLS=3
 * CONFIG narrow_ring: -DCALLS=2 -DRECORDS=1
 * LONG wide_ring: -DCALLS=3 -DRECORDS=3
 * SMALL: -DCALLS=2
 *
 * MUTANT dropped_stays: Dropped is sent, and the call stays in the queue
 * MUTANT dropped_unanswered: the call is taken from the queue, and nothing is said
 * MUTANT dropped_lost (narrow_ring): a Dropped that finds no room is not kept
 * MUTANT taken_unlocked: receive() looks at the call and takes it from the queue later, without the lock
 * MUTANT cancel_drops_running: a call that has begun is answered by Dropped too
 * MUTANT id_reused: the id of a call that was given up is used again before it is answered
 * MUTANT interrupt_unnamed: a signal interrupts what runs if any Interrupt is in the queue
 * MUTANT signal_missed: a signal that comes while nothing runs is forgotten
 * MUTANT signal_first: the signal is sent before the Interrupt
 * MUTANT kill_not_withdrawn: the answer does not end what was planned for the call
 * MUTANT kill_without_look: Node kills without having taken what the worker has committed
 */
#ifndef CALLS
#define CALLS 3     /* in all */
#endif
#ifndef RECORDS
#define RECORDS 2   /* that a ring holds */
#endif
#define IDS 2

mtype = { Call, Cancel, Interrupt, Result, Dropped };
mtype = { idle, pending, abandoned, told, interrupted };

chan to_worker = [RECORDS] of { mtype, byte, byte };
chan to_node = [RECORDS] of { mtype, byte, byte };
chan queue = [2 * CALLS + 1] of { mtype, byte, byte };
chan dropped = [IDS] of { byte, byte };  /* answers owed */

mtype call[IDS];       /* as Node knows it */
bool kills[IDS];       /* the worker is to be killed for it */
byte use[IDS];
bool given_up[IDS];    /* this use of it; what nobody in the model looks at but the properties */
byte calls;
bool closing, killed;
bool signalled;        /* SIGURG is pending */
byte seat_id, seat_use;  /* what the main thread runs; 0: nothing that may be interrupted */
bool missed;

bool answered_twice, neighbour_hit, killed_for_nothing, never_answered;

#define MUST_NOT(wrong, happened) if :: wrong -> happened = true :: else fi; assert(!happened)

/* --- Node --- */

inline deliver() {
  to_node?kind, id, used;
  MUST_NOT(call[id - 1] == idle || use[id - 1] != used, answered_twice);
  call[id - 1] = idle;
#ifndef MUTANT_kill_not_withdrawn
  kills[id - 1] = false;
#endif
  kind = 0; id = 0; used = 0
}

#ifdef MUTANT_id_reused
#define IS_FREE(n) (call[n] == idle || call[n] == interrupted)
#else
#define IS_FREE(n) (call[n] == idle)
#endif

proctype Node() {
  mtype kind;
  byte id, used;
end:
  do
  :: atomic { !killed && nempty(to_node) -> deliver() }
  od
}

proctype Caller(byte n) {
  mtype kind;
  byte id, used;
end:
  do
  :: atomic {
      !killed && calls < CALLS && IS_FREE(n) && nfull(to_worker) ->
      calls++;
      use[n] = use[n] + 1;
      given_up[n] = false;
      call[n] = pending;
      to_worker!Call, n + 1, use[n]
    }
  :: atomic { call[n] == pending && !killed -> call[n] = abandoned; given_up[n] = true; if :: kills[n] = true :: true fi }
  :: atomic {
      call[n] == abandoned && !killed && nfull(to_worker) -> to_worker!Cancel, n + 1, use[n];
#ifdef MUTANT_signal_first
      signalled = true;
#endif
      call[n] = told
    }
  :: atomic {
      call[n] == told && !killed && nfull(to_worker) -> to_worker!Interrupt, n + 1, use[n];
#ifndef MUTANT_signal_first
      signalled = true;
#endif
      call[n] = interrupted
    }
  :: atomic {  /* the timer of `kill` goes off */
      kills[n] && !killed ->
#ifndef MUTANT_kill_without_look
      do
      :: nempty(to_node) -> deliver()
      :: empty(to_node) -> break
      od;
#endif
      if
      :: kills[n] ->
        MUST_NOT(call[n] == idle || !given_up[n], killed_for_nothing);
        if
        :: to_node??[_, eval(n + 1), eval(use[n])] -> killed_for_nothing = true
        :: !to_node??[_, eval(n + 1), eval(use[n])]
        fi;
        assert(!killed_for_nothing);
        killed = true
      :: else
      fi
    }
  od
}

/* --- the worker: any thread --- */

inline take_record() {
  to_worker?kind, id, used;
  if
  :: kind == Cancel && queue??[Call, eval(id), _] ->  /* drop_queued_call */
#ifdef MUTANT_dropped_stays
    dropped!id, used
#else
    queue??Call, eval(id), used;
#ifndef MUTANT_dropped_unanswered
#ifdef MUTANT_dropped_lost
    if
    :: nfull(to_node) -> to_node!Dropped, id, used
    :: full(to_node)
    fi
#else
    dropped!id, used
#endif
#endif
#endif
#ifdef MUTANT_cancel_drops_running
  :: kind == Cancel && seat_id == id -> dropped!id, used
#endif
  :: else -> queue!kind, id, used
  fi;
  kind = 0; id = 0; used = 0
}

proctype Drainer() {
  mtype kind;
  byte id, used;
end:
  do
  :: atomic { nempty(to_worker) && !killed -> take_record() }
  :: atomic {  /* publish_owed() */
      nempty(dropped) && nfull(to_node) && !killed -> dropped?id, used;
      to_node!Dropped, id, used;
      id = 0; used = 0
    }
  od
}

/* --- the worker's main thread --- */

/* What runs is interrupted if the queue says so by name: cancelled(), which drains first. */
inline raise_if_meant(raised) {
  do
  :: nempty(to_worker) -> take_record()
  :: empty(to_worker) -> break
  od;
  if
#ifdef MUTANT_interrupt_unnamed
  :: queue??[Interrupt, _, _] ->
#else
  :: queue??[Interrupt, eval(seat_id), _] ->
#endif
    raised = true;
    MUST_NOT(use[seat_id - 1] != seat_use || !given_up[seat_id - 1], neighbour_hit)
#ifdef MUTANT_interrupt_unnamed
  :: !queue??[Interrupt, _, _]
#else
  :: !queue??[Interrupt, eval(seat_id), _]
#endif
  fi
}

proctype Main() {
  mtype kind, next;
  byte id, used, next_id, next_use;
  bool raised, endless;
end:
  do
  :: atomic {
      signalled && !killed -> signalled = false;  /* its handler finds that nothing runs */
#ifndef MUTANT_signal_missed
      missed = true
#endif
    }
#ifdef MUTANT_taken_unlocked
  :: atomic { nempty(queue) && !killed -> queue?<next, next_id, next_use> }
    atomic {
      if
      :: queue??[eval(next), eval(next_id), eval(next_use)] -> queue??eval(next), eval(next_id), eval(next_use)
      :: !queue??[eval(next), eval(next_id), eval(next_use)]
      fi
    }
#else
  :: atomic { nempty(queue) && !killed -> queue?next, next_id, next_use }  /* receive() */
#endif
    if
    :: next != Call  /* a Cancel or Interrupt of what has been answered */
    :: next == Call ->
      atomic { seat_id = next_id; seat_use = next_use }
      atomic {
        if
        :: missed -> missed = false; raise_if_meant(raised)  /* catch_up() */
        :: else
        fi
      }
      if
      :: true
      :: endless = true  /* it ends when it is interrupted, or when nobody gives it up */
      fi;
      do
      :: raised || killed -> break
      :: !endless -> break
      :: endless && closing && !given_up[seat_id - 1] -> break
      :: atomic { signalled && !raised && !killed -> signalled = false; raise_if_meant(raised) }
      od;
      atomic { seat_id = 0; seat_use = 0; raised = false; endless = false }
      if
      :: atomic { nfull(to_node) && !killed -> to_node!Result, next_id, next_use }  /* or an Error */
      :: killed
      fi
    fi;
    atomic { next = 0; next_id = 0; next_use = 0 }
  od
}

init {
  byte n;
  atomic {
    for (n : 0 .. IDS - 1) { call[n] = idle }
    run Node(); run Drainer(); run Main(); run Caller(0); run Caller(1)
  }
  closing = true;
  timeout;
  d_step {
    for (n : 0 .. IDS - 1) { MUST_NOT(!killed && call[n] != idle, never_answered) }
  }
}
