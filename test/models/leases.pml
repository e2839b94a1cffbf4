/*
 * Leases between Node and its workers: ledger.h L1 to L6, Ledger (native/core/ledger.cc, ledger_arenas.cc), send,
 * publish_returns, take_record, receive and reap of Channel. Every process places blocks, lends them, sends back what it
 * borrowed, lends one block several times, frees it and places it again; Node lends on what one worker lent it to another
 * one; workers die at any step, some of them long after Node has closed the channel.
 *
 * Process 0 is Node. In Node's ledger a channel has the number of the worker behind it, in a worker's ledger the only
 * channel is 0. What a thread does under one lock is one step, and any thread may take any step at any time: so there is one
 * process per step, block and channel, and none of them keeps anything between two steps but a send, which is lend(), then
 * publish() or unlend(). At some time the users stop to place and to send, and give up what they have; nothing may stay then.
 *
 * Left out: sizes and addresses; the allocator (a block is free or it is not); who wakes whom (doorbell.pml, sleep.pml); how
 * a worker learns of an arena (arenas.pml); when returns go out (at any time; the code says when); messages that name several
 * blocks (several messages here, with steps of others between them); spilled ones (a message that names the block, received
 * and released in one step); untake_returns (returns that find no room are not taken here); a worker that takes the place of
 * a dead one (ids of processes are never used again, those of channels are: ledger_arenas_test.cc); hostile workers (the
 * ledger's checks are assertions here: among honest processes they never fail).
 *
 * Properties, each named by what must never become true:
 *   freed_while_in_use     a block is freed, and so can be placed again, or its pages are given back, while a living process
 *                          uses it, or a message that names it is in a ring or a queue
 *   unheld_lease_returned  a lease is returned that is not held; a count underflows
 *   unleased_block_named   a process names a block on which it has no lease
 *   result_lost            what a worker committed before it died is not there when pending calls reject
 *   block_lost             something is kept for ever
 *
 * CONFIG one_each: -DBLOCKS=2 -DBLOCKS_OF_NODE=1
 * CONFIG full_ring: -DRECORDS=1 -DLEASES=3 -DREFERENCES=3
 * CONFIG lend_on: -DPROCESSES=3 -DRECORDS=1
 * CONFIG deaths: -DPROCESSES=3 -DDEATHS -DRECORDS=1 -DLEASES=1 -DREFERENCES=1
 * CONFIG deaths_of_borrowers: -DPROCESSES=3 -DDEATHS -DBLOCKS_OF_NODE=1 -DRECORDS=1 -DLEASES=1 -DREFERENCES=1
 * LONG both_of_node: -DBLOCKS=2 -DBLOCKS_OF_NODE=2
 * LONG many_leases: -DRECORDS=3 -DLEASES=4 -DREFERENCES=5
 * LONG lend_on_twice: -DPROCESSES=3
 * LONG deaths_with_two_records: -DPROCESSES=3 -DDEATHS -DLEASES=1 -DREFERENCES=1
 * SMALL: -DBLOCKS=1
 *
 * MUTANT drain_without_reference: a message in the queue holds no reference to its blocks; receive() takes it
 * MUTANT return_overtakes: returns are applied before the messages ahead of them are drained
 * MUTANT lent_after_publish: the lease is counted when the message has been published
 * MUTANT send_without_reference: the caller of send() may release its reference meanwhile
 * MUTANT not_unlent (full_ring): a send that is refused keeps the lease that it counted
 * MUTANT back_with_a_lease: a block that goes back to its lender counts a lease
 * MUTANT held_once: a block that is mentioned again counts as held once
 * MUTANT freed_while_lent: the owner frees when its own references are gone
 * MUTANT returned_while_lent (lend_on): who lends on returns its own lease when its own references are gone
 * MUTANT dropped_at_close (deaths): leases of a worker are dropped when its channel is closed
 * MUTANT dropped_before_drain (deaths): leases of a dead worker are dropped before what it committed is taken in
 * MUTANT leases_kept (deaths): leases of a dead worker are not dropped
 * MUTANT punched_in_leases (deaths): the arena of a dead worker is punched as a whole
 * MUTANT orphan_freed_with_refs (deaths): a block of an orphan goes when Node's own references are gone
 * MUTANT returned_to_dead (deaths): returns to a dead worker are kept for it
 * MUTANT unlent_twice (deaths): a send that was refused takes its lease back though the reaping has dropped it
 */
#ifndef PROCESSES
#define PROCESSES 2
#endif
#ifndef BLOCKS
#define BLOCKS 1
#endif
#ifndef BLOCKS_OF_NODE
#define BLOCKS_OF_NODE 0  /* the others are the first worker's */
#endif
#ifndef RECORDS
#define RECORDS 2         /* that a ring holds */
#endif
#ifndef LEASES
#define LEASES 2          /* on one block through one channel, when one more is granted */
#endif
#ifndef REFERENCES
#define REFERENCES 2      /* of one process to one block, when one more comes */
#endif

#define NODE 0
#define OWNER(b) (b < BLOCKS_OF_NODE -> NODE : 1)

mtype = { Message, Return };
chan ring[2 * (PROCESSES - 1)] = [RECORDS] of { mtype, byte, byte };  /* kind, block, leases */
#define TO(from, to) ring[(from == NODE -> to - 1 : PROCESSES - 2 + from)]

/* --- the ledgers, with the lock held: functions have their names in the code --- */

byte refs[PROCESSES * BLOCKS];     /* references: of the user, of the queue, of who is sending */
byte queued[PROCESSES * BLOCKS];   /* of these: of messages in the queue */
byte sending[PROCESSES * BLOCKS];  /* of these: of a send that is under way */
byte held[PROCESSES * BLOCKS];
byte lent[PROCESSES * BLOCKS * PROCESSES];
byte returns[PROCESSES * BLOCKS];  /* owed to the lender */
bool closed[PROCESSES];            /* Node's side of the channel */
bool dead[PROCESSES];
bool reaped[PROCESSES];            /* its arena is an orphan */
bool punched[BLOCKS];              /* its pages are gone with its owner */

bool freed_while_in_use, unheld_lease_returned, unleased_block_named, result_lost, block_lost;

#define MUST_NOT(wrong, happened) if :: wrong -> happened = true :: else fi; assert(!happened)

#define AT(p, b) ((p) * BLOCKS + (b))
#define LENT(p, b, to) lent[AT(p, b) * PROCESSES + (to)]
#define IS_LENDER(p, b, q) (OWNER(b) != p && q == (p == NODE -> OWNER(b) : NODE) && !reaped[q])

#define USED_BY(p, b) (p != OWNER(b) && refs[AT(p, b)] != 0 || queued[AT(p, b)] + sending[AT(p, b)] != 0)
#define NAMED_IN(from, to, b) (!dead[to] && TO(from, to)??[Message, eval(b), _])
#if PROCESSES == 2
#define IS_LENT(p, b) (LENT(p, b, 0) + LENT(p, b, 1) != 0)
#define IN_USE(b) (USED_BY(0, b) || USED_BY(1, b) || NAMED_IN(0, 1, b) || NAMED_IN(1, 0, b))
#else
#define IS_LENT(p, b) (LENT(p, b, 0) + LENT(p, b, 1) + LENT(p, b, 2) != 0)
#define IN_USE(b) (USED_BY(0, b) || USED_BY(1, b) || USED_BY(2, b) || \
  NAMED_IN(0, 1, b) || NAMED_IN(0, 2, b) || NAMED_IN(1, 0, b) || NAMED_IN(2, 0, b))
#endif
#define IS_LIVE(p, b) (refs[AT(p, b)] != 0 || IS_LENT(p, b))

#if defined(MUTANT_freed_while_lent)
#define IS_KEPT(p, b) (OWNER(b) == p -> refs[AT(p, b)] != 0 : IS_LIVE(p, b))
#elif defined(MUTANT_returned_while_lent)
#define IS_KEPT(p, b) (OWNER(b) == p -> IS_LIVE(p, b) : refs[AT(p, b)] != 0)
#elif defined(MUTANT_orphan_freed_with_refs)
#define IS_KEPT(p, b) (p == NODE && reaped[OWNER(b)] -> refs[AT(p, b)] != 0 : IS_LIVE(p, b))
#else
#define IS_KEPT(p, b) IS_LIVE(p, b)
#endif

inline settle(p, b) {
  if
  :: IS_KEPT(p, b)
  :: else ->
    if
    :: OWNER(b) == p -> MUST_NOT(IN_USE(b), freed_while_in_use)     /* L1 */
#ifndef MUTANT_returned_to_dead
    :: p == NODE && OWNER(b) != p && reaped[OWNER(b)] ->         /* L6: punch_around */
      MUST_NOT(IN_USE(b), freed_while_in_use);
      punched[b] = true
#endif
    :: else -> returns[AT(p, b)] = returns[AT(p, b)] + held[AT(p, b)]  /* L2 */
    fi;
    held[AT(p, b)] = 0
  fi
}

inline release(p, b) {
  assert(refs[AT(p, b)] != 0);
  refs[AT(p, b)]--;
  settle(p, b)
}

inline lend(p, b, to) {
  if
#ifndef MUTANT_back_with_a_lease
  :: IS_LENDER(p, b, to)
#endif
  :: else -> LENT(p, b, to)++
  fi
}

inline unlend(p, b, to) {
  if
#ifdef MUTANT_not_unlent
  :: true
#elif defined(MUTANT_unlent_twice)
  :: IS_LENDER(p, b, to)
#else
  :: IS_LENDER(p, b, to) || LENT(p, b, to) == 0
#endif
  :: else ->
    MUST_NOT(LENT(p, b, to) == 0, unheld_lease_returned);
    LENT(p, b, to)--;
    settle(p, b)
  fi
}

inline accept(p, from, b) {
  refs[AT(p, b)]++;
  if
#ifdef MUTANT_held_once
  :: IS_LENDER(p, b, from) -> held[AT(p, b)] = 1
#else
  :: IS_LENDER(p, b, from) -> held[AT(p, b)]++
#endif
  :: else -> MUST_NOT(LENT(p, b, from) == 0, unleased_block_named)  /* L4 */
  fi
}

inline give_back(p, from, b, leases) {
  MUST_NOT(leases == 0 || LENT(p, b, from) < leases, unheld_lease_returned);
  LENT(p, b, from) = LENT(p, b, from) - leases;
  settle(p, b)
}

inline drop_leases(w, b) {
  for (b : 0 .. BLOCKS - 1) {
    if
    :: LENT(NODE, b, w) != 0 -> LENT(NODE, b, w) = 0; settle(NODE, b)
    :: else
    fi
  }
  b = 0
}

inline drop_channel(w, b) {
#ifndef MUTANT_leases_kept
  drop_leases(w, b);
#endif
  reaped[w] = true;
  for (b : 0 .. BLOCKS - 1) {
    if
#ifdef MUTANT_punched_in_leases
    :: OWNER(b) == w ->
#else
    :: OWNER(b) == w && !IS_LIVE(NODE, b) ->
#endif
      MUST_NOT(IN_USE(b), freed_while_in_use);
      punched[b] = true
    :: else
    fi;
    if
    :: OWNER(b) == w -> returns[AT(NODE, b)] = 0; held[AT(NODE, b)] = 0
    :: else
    fi
  }
  b = 0
}

/* --- receiving --- */

inline take_record(p, from, kind, b, leases) {
  if
  :: kind == Return -> give_back(p, from, b, leases)
  :: kind == Message ->
    queued[AT(p, b)]++;
#ifndef MUTANT_drain_without_reference
    accept(p, from, b)
#endif
  fi
}

proctype Drainer(byte p; byte from) {
  mtype kind;
  byte b;
  byte leases;
end:
  do
  :: atomic {
      !dead[p] && !reaped[from] && nempty(TO(from, p)) ->
      TO(from, p)?kind, b, leases;
      take_record(p, from, kind, b, leases);
      kind = 0; b = 0; leases = 0
    }
#ifdef MUTANT_return_overtakes
  :: atomic {
      !dead[p] && TO(from, p)??[Return, _, _] ->
      TO(from, p)??Return, b, leases;
      take_record(p, from, Return, b, leases);
      b = 0; leases = 0
    }
#endif
  od
}

/* --- what takes one step --- */

bool closing;

#ifdef MUTANT_send_without_reference
#define USER_HAS(p, b) (refs[AT(p, b)] > queued[AT(p, b)])
#else
#define USER_HAS(p, b) (refs[AT(p, b)] > queued[AT(p, b)] + sending[AT(p, b)])
#endif

/* `lender`: of blocks that are not its own. */
proctype User(byte p; byte b; byte lender) {
end:
  do
  :: atomic { !closing && !dead[p] && OWNER(b) == p && !IS_LIVE(p, b) -> refs[AT(p, b)] = 1 }  /* allocate() */
  :: atomic { USER_HAS(p, b) -> release(p, b) }
  :: atomic {
      queued[AT(p, b)] != 0 -> queued[AT(p, b)]--;  /* receive() */
#ifdef MUTANT_drain_without_reference
      accept(p, lender, b)
#endif
    }
  :: atomic {
      returns[AT(p, b)] != 0 && !closed[lender] && nfull(TO(p, lender)) ->
      TO(p, lender)!Return, b, returns[AT(p, b)];  /* publish_returns() */
      returns[AT(p, b)] = 0
    }
  od
}

/* --- sending --- */

proctype Sender(byte p; byte b; byte to) {
end:
  do
  :: atomic {
      !closing && !closed[to] && !reaped[to] && USER_HAS(p, b) && refs[AT(p, b)] < REFERENCES + 1 &&
      refs[AT(to, b)] < REFERENCES && LENT(p, b, to) < LEASES && held[AT(to, b)] < LEASES ->
      sending[AT(p, b)]++;
#ifndef MUTANT_send_without_reference
      refs[AT(p, b)]++;  /* the caller's */
#endif
#ifndef MUTANT_lent_after_publish
      lend(p, b, to)
#endif
    }
    if
    :: atomic {
        !dead[p] ->
        if
        :: !closed[to] && nfull(TO(p, to)) -> TO(p, to)!Message, b, 0
        :: closed[to] || full(TO(p, to)) -> unlend(p, b, to)
        fi;
#ifdef MUTANT_lent_after_publish
      }
      atomic {
        lend(p, b, to);
#endif
        sending[AT(p, b)]--;
#ifndef MUTANT_send_without_reference
        release(p, b)
#endif
      }
    :: dead[p]
    fi
  od
}

/* --- the end of a worker --- */

/* With its memory its ledger is gone. */
inline die(w, b) {
  dead[w] = true;
  for (b : 0 .. BLOCKS - 1) {
    refs[AT(w, b)] = 0; queued[AT(w, b)] = 0; sending[AT(w, b)] = 0; held[AT(w, b)] = 0; returns[AT(w, b)] = 0;
    LENT(w, b, NODE) = 0
  }
  b = 0
}

/* It lives on, or dies, or Node closes the channel and it dies: until then it uses its memory, and sends. */
proctype Life(byte w) {
  byte b;
  mtype kind;
  byte leases;
  if
  :: true -> goto lives
  :: true
  :: atomic {
      closed[w] = true;
#ifdef MUTANT_dropped_at_close
      drop_leases(w, b)
#endif
    }
  fi;
  atomic { die(w, b) }
  /* reap(): what it committed is taken in, then its leases are dropped; then pending calls reject */
#ifndef MUTANT_dropped_before_drain
  do
  :: atomic {
      nempty(TO(w, NODE)) -> TO(w, NODE)?kind, b, leases;
      take_record(NODE, w, kind, b, leases);
      kind = 0; b = 0; leases = 0
    }
  :: empty(TO(w, NODE)) -> break
  od;
#endif
  atomic {
    closed[w] = true;
    drop_channel(w, b);
    if
    :: nempty(TO(w, NODE)) -> result_lost = true
    :: empty(TO(w, NODE))
    fi;
    assert(!result_lost);
    do  /* nobody reads it any more */
    :: nempty(TO(NODE, w)) -> TO(NODE, w)?_, _, _
    :: empty(TO(NODE, w)) -> break
    od
  }
lives:
}

/* --- all of it --- */

#define STAYS(p, b) (IS_LIVE(p, b) || returns[AT(p, b)] != 0)

init {
  byte w;
  byte b;
  atomic {
    for (b : 0 .. BLOCKS - 1) { run User(NODE, b, 1) }
    for (w : 1 .. PROCESSES - 1) {
      run Drainer(NODE, w);
      run Drainer(w, NODE);
      for (b : 0 .. BLOCKS - 1) {
        run User(w, b, NODE);
        run Sender(NODE, b, w);
        run Sender(w, b, NODE)
      }
#ifdef DEATHS
      run Life(w)
#endif
    }
  }
  closing = true;
  timeout;
  d_step {
    for (b : 0 .. BLOCKS - 1) {
      MUST_NOT(STAYS(NODE, b) || reaped[OWNER(b)] && !punched[b], block_lost);
      for (w : 1 .. PROCESSES - 1) { MUST_NOT(STAYS(w, b), block_lost) }
    }
  }
}
