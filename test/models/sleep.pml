/*
 * Sleeping: native/core/channel_sleep.cc, with what it needs of channel_{send,receive}.cc. Several threads of one side wait for
 * input, for room, or each for the answer to its own call; beside them a loop that parks; opposite a peer that publishes, makes
 * room and notifies.
 *
 * A step is what no other thread can come in between: one access to what is shared without a lock (the rings, `awaits`, the
 * event, a waiter's word), with the accesses under a lock that is held. So a section under sleepers_mutex_ is one step, unless it
 * touches the event and `awaits`. The event is a flag that stays until it is cleared. A word that is slept on is signalled_ itself.
 * The steps follow each other as they are written: the fences are for doorbell.pml. The peer never sleeps; its side of the
 * doorbell is the same code as ours. Left out: polling, which only looks more often; the end of the other process, which closes.
 *
 * A wait that has a deadline decides before it sleeps whether the deadline comes first, so that none hides a lost wake-up.
 *
 * Properties: a waiter does not sleep through what it waits for, the parked loop not through input or room, what is owed goes
 * out when there is room, and there is no deadlock: all of them an invalid end state, because every thread ends when it has got
 * what it is to get. What can be in the ring is made so that it can be got.
 *
 * Threads, by ROLE_n: CALLER sends a call when there is room, and waits for the answer; RECEIVER waits for one message; STUCK
 * waits for an answer that does not come, until it is interrupted; SENDER sends a message when there is room; WAITS waits for
 * an answer that comes when the others but receivers are done, so that it hides nothing by leaving. LOOP 1 is a loop that gets
 * MESSAGES; LOOP 2 one in whose selector something runs that is a CALLER.
 *
 * The threads, the loop and the peer are here; what they call of the channel is in channel.inc.
 *
 * CONFIG answer_beside: -DROLE_0=WAITS -DROLE_1=CALLER
 * CONFIG room_beside: -DROLE_0=WAITS -DROLE_1=SENDER -DFULL
 * CONFIG input_beside: -DROLE_0=WAITS -DROLE_1=RECEIVER -DMESSAGES=1 -DFIRST=INPUT
 * CONFIG loop_last: -DLOOP=1 -DMESSAGES=1 -DROLE_0=CALLER -DFIRST=ANSWERS
 * CONFIG loop_first: -DLOOP=1 -DMESSAGES=1 -DROLE_0=CALLER -DFIRST=INPUT
 * CONFIG loop_waits: -DLOOP=2 -DMESSAGES=1
 * CONFIG owed: -DROLE_0=CALLER -DOWING=2
 * CONFIG loop_owes: -DLOOP=1 -DMESSAGES=1 -DOWING=3
 * CONFIG interrupted: -DROLE_0=STUCK -DINTERRUPT
 * CONFIG interrupt_received: -DROLE_0=WAITS -DROLE_1=STUCK -DINTERRUPTS=1
 * CONFIG forgotten: -DROLE_0=STUCK -DFORGET
 * CONFIG closed: -DROLE_0=STUCK -DROLE_1=STUCK -DCLOSE
 * CONFIG loop_ends: -DLOOP=1 -DMESSAGES_OF_LOOP=1 -DCLOSE
 * LONG callers: -DROLE_0=CALLER -DROLE_1=CALLER
 * LONG timeouts: -DROLE_0=CALLER -DROLE_1=CALLER -DTIMEOUTS
 * LONG receiver: -DROLE_0=RECEIVER -DROLE_1=CALLER -DMESSAGES=1
 * LONG loop: -DLOOP=1 -DMESSAGES=1 -DROLE_0=CALLER
 * LONG loop_timeouts: -DLOOP=1 -DMESSAGES=1 -DROLE_0=CALLER -DTIMEOUTS
 * LONG loop_closed: -DLOOP=1 -DMESSAGES=1 -DROLE_0=STUCK -DCLOSE
 * LONG loop_waits_beside: -DLOOP=2 -DMESSAGES=1 -DROLE_0=CALLER -DFIRST=ANSWERS
 * LONG room_beside_loop: -DLOOP=1 -DMESSAGES=1 -DROLE_0=WAITS -DROLE_1=SENDER -DFULL -DFIRST=ANSWERS
 * LONG full_queue: -DLOOP=1 -DMESSAGES=2 -DROLE_0=CALLER -DLIMIT=1
 * LONG full_queue_receiver: -DROLE_0=RECEIVER -DROLE_1=CALLER -DMESSAGES=1 -DLIMIT=1
 *
 * MUTANT recheck_removed: the sleeper does not look again after announcing
 * MUTANT looks_before_it_is_listed: a waiter looks, and only then lists itself and announces
 * MUTANT drain_elsewhere_trusted (callers): a waiter does not look while another thread drains
 * MUTANT cleared_after_look: the listener clears the event after it has looked
 * MUTANT signal_forgotten: a waiter drops the signal that came while it looked
 * MUTANT listening_not_passed_on (callers): who leaves tells nobody that nobody listens
 * MUTANT answer_not_signalled: who takes an answer for another thread does not tell that thread
 * MUTANT input_not_signalled (input_beside): who takes a message does not tell who waits for input
 * MUTANT room_announced_by_nobody (room_beside): neither the listener announces room for the others, nor who waits for it
 * MUTANT room_kept_to_oneself (room_beside): the listener sees that there is room, and does not tell who waits for it
 * MUTANT thread_clears_for_loop (loop_first): a listener that finds a parked loop clears the event before it gives it up
 * MUTANT leaver_clears_for_loop (loop): a listener that leaves clears the event although a loop is parked
 * MUTANT unpark_clears_for_listener (loop_last): unpark clears the event although a thread still sleeps on it
 * MUTANT unpark_not_passed_on (loop_first): the loop that unparks tells nobody that nobody listens
 * MUTANT refused_park_not_passed_on (loop_first): likewise when park() finds something to do
 * MUTANT park_looks_first (loop_first): the loop looks, and only then announces
 * MUTANT parked_loop_not_told (full_queue): input that the loop found the queue too full for is taken by a thread
 * MUTANT full_table_left (full_queue): an answer leaves a full table, and the records in the ring stay there
 * MUTANT limit_for_all (full_queue_receiver): the limit also holds for who waits for an answer, which is behind what fills the queue
 * MUTANT owed_not_awaited (owed): what is owed and found no room is left until something else happens (hole of c010348)
 * MUTANT owed_not_tried_again (owed): room for it is announced, but not looked for again
 * MUTANT owed_not_awaited_by_loop (loop_owes): likewise when a loop parks
 * MUTANT loop_ignores_room (room_beside_loop): a loop neither looks for room nor has those look who wait for it (hole of c2fcee2)
 * MUTANT loop_stays_parked (loop_waits): what waits in the loop's own thread believes that the loop listens (hole of 74c7ceb)
 * MUTANT unparked_loop_not_notified (loop_waits): what waited in the loop's own thread took its notification (hole of 74c7ceb)
 * MUTANT interruption_not_looked_at (interrupted): the sleeper looks for what it waits for only
 * MUTANT interrupted_after_signal (interrupted): a waiter is signalled, then marked
 * MUTANT forgotten_not_signalled (forgotten): an answer is not expected any more, and who waits for it is not told
 * MUTANT end_not_looked_at (closed): the sleeper does not look whether the channel is closed
 * MUTANT end_not_told_to_loop (loop_ends): who closes wakes the threads, and not the parked loop
 */

#define CALLER 1
#define RECEIVER 2
#define STUCK 3
#define WAITS 4
#define SENDER 5
#ifndef ROLE_0
#define ROLE_0 0
#endif
#ifndef ROLE_1
#define ROLE_1 0
#endif
#ifndef ROLE_2
#define ROLE_2 0
#endif
#ifndef LOOP
#define LOOP 0
#endif
#ifndef MESSAGES
#define MESSAGES 0      /* of the peer's own, for whoever receives */
#endif
#ifndef MESSAGES_OF_LOOP
#define MESSAGES_OF_LOOP MESSAGES
#endif
#ifndef FIRST
#define FIRST 0         /* ANSWERS: the peer's messages come when all calls are over; INPUT: answers come when all messages are taken */
#endif
#define ANSWERS 1
#define INPUT 2
#ifndef OWING
#define OWING 0         /* records of the peer that are owed an answer, like the Cancel of a queued call */
#endif
#ifndef INTERRUPTS
#define INTERRUPTS 0    /* Interrupt records, each for whoever is STUCK */
#endif
#ifndef LOOP_SENDS
#define LOOP_SENDS 0    /* messages that the loop sends */
#endif
#ifndef ROOM
#define ROOM 1          /* records in the outgoing ring; one more for what is owed */
#endif
#ifndef RING
#define RING 2          /* records in the incoming ring */
#endif
#ifndef PEERS
#define PEERS 1         /* threads of the other process */
#endif
#ifdef LIMIT            /* of the queue and the answers, in messages */
#define COUNT(sign) queue_bytes_ = queue_bytes_ sign 1
#ifdef MUTANT_limit_for_all
#define has_room_for_more (queue_bytes_ < LIMIT)
#else
#define has_room_for_more (queue_bytes_ < LIMIT || answers_awaited_ != 0)
#endif
#else
#define COUNT(sign) skip
#define has_room_for_more true
#endif

#define WAITERS 4
#define LOOP_THREAD 3
#define NOBODY 7

mtype = { input, owing, interruption, answer,  call, dropped, message };    /* records */
mtype = { kInput, kRoom, kAnswer };                                         /* Waiter::For */
mtype = { kOk, kEmpty, kTimeout, kClosed };                                 /* Status */
mtype = { unexpected, expected, come };                                     /* an id in answers_ */

/* --- shared with the peer */
chan in_ring = [RING] of { mtype, byte };
chan out_ring = [ROOM + 1] of { mtype, byte };
byte head;                      /* records ever taken from out_ring */
bool awaits_records, awaits_space, event;

/* --- Channel */
bool closed_;
bool sleepers_mutex_, consumer_mutex_;
byte waiters_[WAITERS], waiting;        /* the first `waiting` of them, in the order in which they came */
byte listener_ = NOBODY;
bool loop_parked_;
byte answers_awaited_;
byte refused_head_;
byte owed;                              /* dropped_, or anything else that publish_owed has to send */
byte queue_, queued_, queue_bytes_;
mtype answers_[WAITERS] = unexpected;
byte looking_ = NOBODY;
byte interrupts_;

/* --- Waiter, one for each thread */
mtype what_[WAITERS];
bool listed_[WAITERS], unparked_loop_[WAITERS], signalled_[WAITERS], interrupted_[WAITERS];
byte interrupts_before[WAITERS];

/* --- what the world outside knows */
#define HAVE(role) ((ROLE_0 == role) + (ROLE_1 == role) + (ROLE_2 == role))
byte calls_left = HAVE(CALLER) + HAVE(WAITS), others_left = HAVE(CALLER) + HAVE(SENDER) + HAVE(STUCK), inputs_left = MESSAGES;
byte w;                         /* counts within a step */
byte messages_left = MESSAGES, owing_left = OWING, interrupts_left = INTERRUPTS, dropped_left = OWING;
bool called[WAITERS];

#define room_grew (head != refused_head_)
#define has_answer(id) (answers_[id] != expected)
#define owes (owed != 0)
#define awaits_room (EACH_WAITS(0, kRoom) || EACH_WAITS(1, kRoom) || EACH_WAITS(2, kRoom) || EACH_WAITS(3, kRoom))
#define EACH_WAITS(w, what) (listed_[w] && what_[w] == what)

#include "channel.inc"

#define LOCALS_OF_TAKING mtype kind; byte whose; bool taken, was_full, had_come, got
#define LOCALS_OF_WAITING mtype status; bool found, listens_for_records, listens_for_space

/* --- threads */

#define MAKE_WAITER(self, what) d_step { what_[self] = what; interrupts_before[self] = interrupts_ }

proctype thread(byte self; byte role) {
  LOCALS_OF_TAKING;
  LOCALS_OF_WAITING;
  bool sent;
  do
  :: (role == CALLER || role == SENDER) && !sent ->
    send((role == SENDER -> message : call), self);
    if
    :: sent && role == SENDER -> break
    :: sent && role == CALLER
    :: else -> MAKE_WAITER(self, kRoom); goto waits
    fi
  :: role != RECEIVER && (sent || role == STUCK || role == WAITS) ->
    receive_answer(self);
    if
    :: got -> break
    :: !got && answers_[self] == unexpected -> break                   /* somebody else has forgotten it */
    :: else ->
      if
      :: role == STUCK -> what_[self] = kAnswer                        /* made before any Interrupt */
      :: else -> MAKE_WAITER(self, kAnswer)
      fi;
      goto waits
    fi
  :: role == RECEIVER ->
    receive();
    if
    :: got -> break
    :: else -> MAKE_WAITER(self, kInput);
waits:
      wait(self);
      if
      :: status == kClosed -> break
      :: status == kEmpty && role == STUCK -> break
      :: status == kTimeout && what_[self] == kAnswer -> forget(self); break    /* gives the call up */
      :: else
      fi;
      status = 0
    fi
  od;
  atomic {
    calls_left = calls_left - (role == CALLER || role == WAITS);
    others_left = others_left - (role == CALLER || role == SENDER || role == STUCK)
  }
}

/* A loop: what it receives counts. */
#if LOOP == 2
#define LOOP_HAS_CALLED has_called
#else
#define LOOP_HAS_CALLED true
#endif

#if LOOP
proctype loop() {
  LOCALS_OF_TAKING;
  LOCALS_OF_WAITING;
  bool sent, idle, others_for_room, for_space;
  byte received, left = LOOP_SENDS;
#if LOOP == 2
  bool has_called;
  atomic { !consumer_mutex_ -> answers_[LOOP_THREAD] = expected };
#endif
  do
  :: left != 0 && !sent ->
    send(message, 0);
    for_space = !sent;
    if
    :: sent -> left = left - 1; sent = false
    :: else -> goto receives
    fi
  :: left == 0 || for_space ->
receives:
    drain();
    receive();
    if
    :: got -> received = received + 1; got = false; goto receives
    :: else
    fi;
    for_space = (left != 0);
    if
    :: received == MESSAGES_OF_LOOP && left == 0 && LOOP_HAS_CALLED -> break
    :: else
    fi;
    park(for_space);
    if
    :: idle ->
#if LOOP == 2
      do                                                               /* its selector runs what waits */
      :: has_called -> break
      :: !has_called && !sent ->
        send(call, LOOP_THREAD);
        if
        :: sent
        :: else -> MAKE_WAITER(LOOP_THREAD, kRoom); goto waits
        fi
      :: !has_called && sent ->
        receive_answer(LOOP_THREAD);
        if
        :: got -> has_called = true; got = false; sent = false
        :: else -> MAKE_WAITER(LOOP_THREAD, kAnswer);
waits:
          wait(LOOP_THREAD);
          if
          :: status == kClosed -> has_called = true; sent = false
          :: else
          fi;
          status = 0
        fi
      od;
#endif
      if                                                               /* the selector */
#ifdef TIMEOUTS
      :: true                                                          /* wakes up in vain */
#endif
      :: true ->
        if
        :: event
        :: received == MESSAGES_OF_LOOP && left == 0                      /* what it waits for is its own call */
        fi
      fi;
      unpark();
      idle = false
    :: else
    fi;
    if
    :: closed_ -> break
    :: else
    fi
  od
}
#endif

/* --- the other process */

inline notify(is_awaited) {
  if
  :: is_awaited ->
    d_step { awaits_records = false; awaits_space = false };
    event = true
  :: else
  fi
}

/* What comes last can hide no wake-up that was lost before. So nothing else is said before what is owed has come. */
#define MAY_SEND (dropped_left == 0 && !(FIRST == ANSWERS && calls_left != 0))
#define MAY_ANSWER(t, role) (called[t] && dropped_left == 0 && !(role == WAITS && others_left != 0) && \
                             !(FIRST == INPUT && inputs_left != 0))
#define HAS_TO_SEND (owing_left != 0 || (MAY_SEND && messages_left + interrupts_left != 0) || \
                     MAY_ANSWER(0, ROLE_0) || MAY_ANSWER(1, ROLE_1) || MAY_ANSWER(2, ROLE_2) || MAY_ANSWER(3, CALLER))

active [PEERS] proctype peer() {
  mtype kind;
  byte whose;
end:
  do
  :: atomic {
      len(out_ring) != 0 ->
      out_ring?kind,whose;
      head = head + 1;
      if
      :: kind == call -> called[whose] = true
      :: kind == dropped -> dropped_left = dropped_left - 1
      :: kind == message
      fi;
      kind = 0; whose = 0
    };
    notify(awaits_space)
  :: atomic {
      len(in_ring) < RING && HAS_TO_SEND ->
      if
      :: MAY_SEND && messages_left != 0 -> messages_left = messages_left - 1; in_ring!input,0
      :: owing_left != 0 -> owing_left = owing_left - 1; in_ring!owing,0
      :: MAY_SEND && interrupts_left != 0 -> interrupts_left = interrupts_left - 1; in_ring!interruption,0
      :: MAY_ANSWER(0, ROLE_0) -> called[0] = false; in_ring!answer,0
      :: MAY_ANSWER(1, ROLE_1) -> called[1] = false; in_ring!answer,1
      :: MAY_ANSWER(2, ROLE_2) -> called[2] = false; in_ring!answer,2
      :: MAY_ANSWER(3, CALLER) -> called[3] = false; in_ring!answer,3
      fi
    };
    notify(awaits_records)
  od
}

#if INTERRUPT
active proctype interrupter() { interrupt(0) }
#endif
#if CLOSE
active proctype closer() { close() }
#endif
#if FORGET
active proctype forgetter() {
  LOCALS_OF_TAKING;
  answers_[0] == expected -> forget(0)
}
#endif

init {
  atomic {
    answers_[0] = expected; answers_[1] = expected; answers_[2] = expected;      /* expect */
    called[0] = (ROLE_0 == WAITS); called[1] = (ROLE_1 == WAITS); called[2] = (ROLE_2 == WAITS);
#ifdef FULL
    out_ring!message,0;
#endif
#if ROLE_0
    run thread(0, ROLE_0);
#endif
#if ROLE_1
    run thread(1, ROLE_1);
#endif
#if ROLE_2
    run thread(2, ROLE_2);
#endif
#if LOOP
    run loop();
#endif
  };
}
