/*
 * Arenas of other workers: Node announces one with a descriptor over the socket and a record in the ring, before it first
 * names a block of it; the worker takes both, and is told when the arena is gone. ledger.h L7; announcement(), announced(),
 * tell_gone(), unmap_orphans(), add_arena(), remove_arena() of Ledger; announce_arenas, publish_arena, publish_gone,
 * take_arena of Channel; refused_head_ of Channel::send.
 *
 * Every arena has one block. Node sends it to the worker, which uses it and returns it; meanwhile the arena's owner dies, and
 * Node gives up what it holds itself. The worker knows at most KNOWN arenas, the socket holds DATAGRAMS, the ring RECORDS.
 * Steps are as the other process can see them: in publish_arena the descriptor is sent between claim and commit.
 *
 * What the code does with errors is in the model: sendmsg finds no room, and nothing is published. The other ones end the
 * channel, or refuse the message, and take no further steps here: EMFILE in the worker, which keeps a descriptor free for
 * this (kSystem), EPIPE, and what else sendmsg says (kSystem).
 *
 * Left out: who wakes whom: who waits for room looks at the head again when it has moved, and at nothing else; the bytes of
 * the datagram; several blocks of one arena (the ledger counts them all: leases.pml); messages that
 * name several arenas (all of their leases are counted before the first is announced); the greeting, which is the first
 * datagram, and taken before the ring is joined.
 *
 * Properties, each named by what must never become true:
 *   wrong_descriptor   the worker takes an Arena record, and the next datagram is not that arena's, or there is none
 *   announced_twice    it is told of an arena that it knows (also: again before it was told that it is gone)
 *   too_many_arenas    it is told of more than it may know
 *   unknown_arena      a message names a block of an arena that it does not know
 *   gone_while_used    it is told that an arena is gone of which it uses a block, or which it does not know
 *   never_sent         a message waits for ever, though the worker takes what there is
 *   arena_kept         in the end it knows an arena whose owner is dead and of which nothing is used
 *
 * CONFIG limit_of_one: -DKNOWN=1 -DARENAS=2 -DRECORDS=3 -DDATAGRAMS=1 -DSENDS=2
 * CONFIG narrow_socket: -DKNOWN=2 -DARENAS=2 -DRECORDS=3 -DDATAGRAMS=1 -DSENDS=2
 * LONG narrow_ring: -DKNOWN=3 -DARENAS=3 -DRECORDS=1 -DDATAGRAMS=2 -DSENDS=3
 * LONG limit_of_one_longer: -DKNOWN=1 -DARENAS=2 -DRECORDS=3 -DDATAGRAMS=1 -DSENDS=4
 * LONG limit_of_two: -DKNOWN=2 -DARENAS=3 -DRECORDS=2 -DDATAGRAMS=2 -DSENDS=3
 *
 * MUTANT descriptor_late: the record is committed before the descriptor is sent
 * MUTANT record_without_descriptor (narrow_socket): a socket without room does not keep the record back
 * MUTANT descriptor_without_record (narrow_ring): the descriptor is sent before there is room for the record
 * MUTANT head_read_late (narrow_socket): who is refused remembers the head as it is after the socket was looked at
 * MUTANT announced_when_refused (narrow_ring): a refused announcement counts as made
 * MUTANT gone_after_arena: the arena that makes place is gone after the new one is announced
 * MUTANT gone_while_lent: an arena is given up although the worker has a lease
 * MUTANT limit_ignored: no arena is given up for another one
 * MUTANT gone_forgotten: the worker is not told of an arena whose last block came back
 * MUTANT gone_before_return: it is told when the owner has died
 */
#ifndef ARENAS
#define ARENAS 2
#endif
#ifndef KNOWN
#define KNOWN 1       /* kMaxAnnounced */
#endif
#ifndef RECORDS
#define RECORDS 2
#endif
#ifndef DATAGRAMS
#define DATAGRAMS 1
#endif
#ifndef SENDS
#define SENDS 3       /* messages that Node sends, in all */
#endif

mtype = { Message, Arena, ArenaGone };
chan ring = [RECORDS] of { mtype, byte };
chan socket = [DATAGRAMS] of { byte };
chan back = [SENDS] of { byte };  /* returns: they have room of their own */
byte head;                        /* records ever taken */
bool closing;                     /* no further message */

/* Node's ledger, for each arena */
bool held_by_user[ARENAS];
bool sending[ARENAS];             /* its caller holds a reference */
byte lent[ARENAS];
bool announced_to[ARENAS];
bool gone[ARENAS];                /* the worker must be told */
bool orphaned[ARENAS];
bool unmapped[ARENAS];

/* the worker's */
bool known[ARENAS];
byte used[ARENAS];                /* references, of which each is held */

bool wrong_descriptor, announced_twice, too_many_arenas, unknown_arena, gone_while_used, never_sent, arena_kept;

#define MUST_NOT(wrong, happened) if :: wrong -> happened = true :: else fi; assert(!happened)

#if ARENAS == 2
#define COUNT(what) (what[0] + what[1])
#elif ARENAS == 3
#define COUNT(what) (what[0] + what[1] + what[2])
#else
#define COUNT(what) (what[0] + what[1] + what[2] + what[3])
#endif

/* --- Node --- */

inline settle(a) {  /* and unmap_orphans() */
  if
  :: orphaned[a] && !held_by_user[a] && !sending[a] && lent[a] == 0 && !unmapped[a] ->
    unmapped[a] = true;
#ifndef MUTANT_gone_forgotten
    if
    :: announced_to[a] -> announced_to[a] = false; gone[a] = true
    :: else
    fi
#endif
  :: else
  fi
}

/* The owner of an arena dies, Node's user gives up a block: at any time. */
proctype World(byte a) {
end:
  do
  :: atomic {
      !orphaned[a] -> orphaned[a] = true;
#ifdef MUTANT_gone_before_return
      if
      :: announced_to[a] -> announced_to[a] = false; gone[a] = true
      :: else
      fi;
#endif
      settle(a)
    }
  :: atomic { held_by_user[a] -> held_by_user[a] = false; settle(a) }
  :: atomic { back?[eval(a)] -> back?a; lent[a]--; settle(a) }
  od
}

/* announcement(): is the worker to be told? */
inline announcement(a, tell) {
  tell = !announced_to[a];
  if
#ifndef MUTANT_limit_ignored
  :: tell && COUNT(announced_to) >= KNOWN ->
    if  /* kTooManyArenas: the message is refused */
#ifdef MUTANT_gone_while_lent
    :: announced_to[0] -> announced_to[0] = false; gone[0] = true
    :: announced_to[1] -> announced_to[1] = false; gone[1] = true
#else
    :: announced_to[0] && lent[0] == 0 -> announced_to[0] = false; gone[0] = true
    :: announced_to[1] && lent[1] == 0 -> announced_to[1] = false; gone[1] = true
#if ARENAS > 2
    :: announced_to[2] && lent[2] == 0 -> announced_to[2] = false; gone[2] = true
#endif
#if ARENAS > 3
    :: announced_to[3] && lent[3] == 0 -> announced_to[3] = false; gone[3] = true
#endif
#endif
    :: else -> refused = true
    fi
#endif
  :: else
  fi
}

proctype Sender() {
  byte sends, a, each;
  byte refused_head;
  bool tell, refused, full_;
  do
  :: sends == SENDS -> break
  :: sends < SENDS ->
    atomic { sends++; select (a : 0 .. ARENAS - 1) }
    if
    :: atomic {
        held_by_user[a] -> sending[a] = true;
        lent[a]++
      }
    :: !held_by_user[a] -> goto next
    fi;
again:
    refused_head = head;
    full_ = false;
    /* publish_gone(), as far as there is room, ahead of every message */
    each = 0;
#ifndef MUTANT_gone_after_arena
publish_gone:
    do
    :: each == ARENAS -> break
    :: each < ARENAS && !gone[each] -> each++
    :: atomic { each < ARENAS && gone[each] && nfull(ring) -> ring!ArenaGone, each; gone[each] = false; each++ }
    :: each < ARENAS && gone[each] && full(ring) -> full_ = true; break
    od;
    each = 0;
    if
    :: full_ -> goto wait
    :: else
    fi;
#endif
    atomic { announcement(a, tell) }
    if
    :: refused -> goto drop
    :: else
    fi;
    if
    :: !tell
    :: tell ->
#ifndef MUTANT_gone_after_arena
      if
      :: COUNT(gone) != 0 -> goto publish_gone  /* the one that makes place must be gone before */
      :: else
      fi;
#endif
      /* publish_arena(): claim, sendmsg, commit */
#ifdef MUTANT_announced_when_refused
      announced_to[a] = true;
#endif
#if defined(MUTANT_descriptor_late)
      if
      :: full(ring) -> goto wait
      :: nfull(ring) -> ring!Arena, a
      fi;
      socket!a;
#elif defined(MUTANT_descriptor_without_record)
      if
      :: full(socket) -> goto wait
      :: nfull(socket) -> socket!a
      fi;
      if
      :: full(ring) -> goto wait
      :: nfull(ring) -> ring!Arena, a
      fi;
#else
      if
      :: full(ring) -> goto wait
      :: nfull(ring)
      fi;
      if
#ifdef MUTANT_record_without_descriptor
      :: full(socket)
#else
      :: full(socket) ->
#ifdef MUTANT_head_read_late
        refused_head = head;
#endif
        goto wait
#endif
      :: nfull(socket) -> socket!a
      fi;
      ring!Arena, a;
#endif
      announced_to[a] = true;
#ifdef MUTANT_gone_after_arena
      each = 0;
      do
      :: each == ARENAS -> break
      :: each < ARENAS && !gone[each] -> each++
      :: each < ARENAS && gone[each] -> ring!ArenaGone, each; gone[each] = false; each++
      od;
      each = 0
#endif
    fi;
    if
    :: atomic { nfull(ring) -> ring!Message, a; goto sent }
    :: full(ring)
    fi;
wait:
    tell = false;
    head != refused_head;  /* room_grew() */
    goto again;
drop:
    atomic {  /* unlend() */
      refused = false;
      tell = false;
      lent[a]--
    }
sent:
    atomic { tell = false; sending[a] = false; settle(a) }
next:
    atomic { a = 0; refused_head = 0 }
  od;
  closing = true;
  /* what is owed goes out when there is room, without a message */
end:
  do
  :: atomic { gone[0] && nfull(ring) -> ring!ArenaGone, 0; gone[0] = false }
  :: atomic { gone[1] && nfull(ring) -> ring!ArenaGone, 1; gone[1] = false }
#if ARENAS > 2
  :: atomic { gone[2] && nfull(ring) -> ring!ArenaGone, 2; gone[2] = false }
#endif
#if ARENAS > 3
  :: atomic { gone[3] && nfull(ring) -> ring!ArenaGone, 3; gone[3] = false }
#endif
  od
}

/* --- the worker --- */

proctype Worker() {
  mtype kind;
  byte a, received;
end:
  do
  :: atomic {  /* peek(); the record stays until release() */
      ring?<kind, a> ->
      if
      :: kind == Arena ->
        if
        :: socket?received
        :: empty(socket) -> wrong_descriptor = true
        fi;
        if :: received != a -> wrong_descriptor = true :: else fi;
        assert(!wrong_descriptor);
        MUST_NOT(known[a], announced_twice);
        known[a] = true;
        MUST_NOT(COUNT(known) > KNOWN, too_many_arenas);
        received = 0
      :: kind == ArenaGone ->
        MUST_NOT(!known[a] || used[a] != 0, gone_while_used);
        known[a] = false
      :: kind == Message ->
        MUST_NOT(!known[a], unknown_arena);
        used[a]++
      fi
    }
    atomic { ring?kind, a; head++; kind = 0; a = 0 }  /* release() */
  :: atomic { used[0] != 0 -> used[0]--; back!0 }
  :: atomic { used[1] != 0 -> used[1]--; back!1 }
#if ARENAS > 2
  :: atomic { used[2] != 0 -> used[2]--; back!2 }
#endif
#if ARENAS > 3
  :: atomic { used[3] != 0 -> used[3]--; back!3 }
#endif
  od
}

init {
  byte a;
  atomic {
    for (a : 0 .. ARENAS - 1) { held_by_user[a] = true; run World(a) }
    run Sender();
    run Worker();
    a = 0
  }
  timeout;
  d_step {
    MUST_NOT(!closing, never_sent);
    for (a : 0 .. ARENAS - 1) { MUST_NOT(known[a] && unmapped[a], arena_kept) }
  }
}
