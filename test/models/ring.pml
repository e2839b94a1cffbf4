/*
 * The ring: Producer and Consumer of native/core/ring.{h,cc}, one of each, by the steps in which the other can see them.
 *
 * Memory is counted in words of kRecordAlign bytes, and a header is one word. A word of the ring says what lies there, and of
 * which record, so that the consumer can tell a word of an older record, or of a half-written one; checksums are not needed for
 * that, and left out. Records of every length follow each other in every order; some claims are followed by another one.
 *
 * A release store is what it forbids: nothing before it happens after it. So a mutant that stores early is also the same code
 * with a relaxed store; likewise an acquire load, and what is read before it.
 *
 * Properties: no record is seen half-written, twice or out of order; none is lost; nothing is written over bytes that have not
 * been released; I1..I5 of ring.h; an honest producer is never taken for a broken one; a claim within the limit finds room in
 * an empty ring; nobody waits for ever.
 *
 * CONFIG ring_of_8: -DCAPACITY=8 -DRECORDS=12
 * LONG ring_of_16: -DCAPACITY=16 -DRECORDS=6
 * SMALL: -DRECORDS=5
 *
 * MUTANT commit_early: the tail is stored before the bytes are written
 * MUTANT header_late: the tail is stored before the header is written
 * MUTANT release_early: the head is stored before the bytes are read
 * MUTANT header_read_early: the consumer reads the header before it reads the tail
 * MUTANT capacity_unchecked: claim trusts the cached head, and never looks at the head again
 * MUTANT head_cached_guessed: a claim that was refused takes the ring for empty
 * MUTANT padding_not_counted: claim finds room for the record, not for the padding before it
 * MUTANT padding_not_written: the words up to the end are left as they are
 * MUTANT padding_not_skipped: the consumer takes padding for a record
 * MUTANT record_crosses_end: no padding where a record does not fit before the end
 * MUTANT reserve_ignored: claim leaves no room for what is owed
 * MUTANT records_too_long: records of half the capacity are allowed
 * MUTANT claim_moves_tail: a claim that is given up has moved the producer's own position
 * MUTANT not_released: release keeps the old position
 * MUTANT tail_cached_stale: the consumer looks at the tail only once
 * MUTANT empty_unchecked: the consumer reads a header where none is committed
 * MUTANT refused_head_late: who was refused remembers the head as it is then, not as it was seen
 */

#ifndef CAPACITY
#define CAPACITY 16
#endif
#ifndef RECORDS
#define RECORDS 6
#endif
#define HEADER 1
#ifdef MUTANT_records_too_long
#define MAX_RECORD (CAPACITY / 2)
#else
#define MAX_RECORD (CAPACITY / 4 - HEADER)
#endif
#define RESERVE (CAPACITY / 8)

mtype = { nothing, message, padding, body };

/* the shared segment */
byte tail, head;
mtype what[CAPACITY];   /* of each word; with a header its length */
byte length[CAPACITY];
byte record[CAPACITY];  /* to which the word belongs */

byte sent, received;    /* what the world outside knows */

#define I1 assert(head <= tail && tail <= head + CAPACITY)

/* I2: the producer writes only in [tail, head + capacity), whatever it believes the head to be */
inline write(position, kind, words) {
  d_step {
#if !defined(MUTANT_commit_early) && !defined(MUTANT_header_late)  /* these are to be seen by the consumer */
    assert(tail <= (position));
#endif
    assert((position) < head + CAPACITY);
    what[(position) % CAPACITY] = kind;
    length[(position) % CAPACITY] = words;
    record[(position) % CAPACITY] = sent
  }
}

/* Words that are released count as unwritten: to read one again is an error, whatever is left in it. */
inline forget(from, to) {
  at = from;
  do
  :: at < to -> what[at % CAPACITY] = 0; length[at % CAPACITY] = 0; record[at % CAPACITY] = 0; at = at + 1
  :: else -> break
  od;
  at = 0
}

/* of a record of so many words, with its header, where the producer is */
#ifdef MUTANT_record_crosses_end
#define PADDING_BEFORE(needed) 0
#else
#define PADDING_BEFORE(needed) (needed > CAPACITY - tail_ % CAPACITY -> CAPACITY - tail_ % CAPACITY : 0)
#endif

#if defined(MUTANT_padding_not_counted)
#define FULL(a_head) (tail_ + HEADER + claimed_ + RESERVE > (a_head) + CAPACITY)
#elif defined(MUTANT_reserve_ignored)
#define FULL(a_head) (tail_ + total > (a_head) + CAPACITY)
#else
#define FULL(a_head) (tail_ + total + RESERVE > (a_head) + CAPACITY)
#endif

active proctype producer() {
  byte tail_, head_cached_, claimed_;  /* Producer */
  byte total, pad, at;
  byte refused_head_;                  /* Channel */
  do
  :: sent == RECORDS -> break
  :: sent < RECORDS ->
    select (claimed_ : 0 .. MAX_RECORD);
claim:
    atomic { total = PADDING_BEFORE((HEADER + claimed_)) + HEADER + claimed_ };
#ifndef MUTANT_capacity_unchecked
    if
    :: FULL(head_cached_) ->
#ifdef MUTANT_head_cached_guessed
      head_cached_ = tail_;
#else
      d_step {
        head_cached_ = head;           /* space-published <- Consumer::release */
        assert(head_cached_ <= tail_ && tail_ - head_cached_ <= CAPACITY)     /* I5 */
      };
#endif
      if
      :: FULL(head_cached_) ->         /* kFull: Channel::send keeps head_seen(), room_grew() compares it */
        assert(head_cached_ != tail_); /* never in an empty ring */
#ifdef MUTANT_refused_head_late
        refused_head_ = head;
#else
        refused_head_ = head_cached_;
#endif
        head != refused_head_ -> refused_head_ = 0; goto claim
      :: else
      fi
    :: else
    fi;
#endif
    assert(tail_ + total + RESERVE <= head + CAPACITY);  /* the reserve is free, also now */
    if
    :: true                            /* another claim follows */
#ifdef MUTANT_claim_moves_tail
      -> tail_ = tail_ + total
#endif
    :: true ->                         /* commit */
#if defined(MUTANT_header_late)
      tail = tail_ + total;
#endif
      pad = PADDING_BEFORE((HEADER + claimed_));
      if
      :: pad != 0 ->
#ifndef MUTANT_padding_not_written
        write(tail_, padding, pad - HEADER);
#endif
        tail_ = tail_ + pad
      :: else
      fi;
      assert(tail_ % CAPACITY + HEADER + claimed_ <= CAPACITY);     /* I4 */
      write(tail_, message, claimed_);
#ifdef MUTANT_commit_early
      tail = tail_ + HEADER + claimed_;
#endif
      at = HEADER;
      do
      :: at < HEADER + claimed_ -> write(tail_ + at, body, 0); at = at + 1
      :: else -> break
      od;
      atomic {
        tail_ = tail_ + HEADER + claimed_;
        tail = tail_;                  /* record-published -> Consumer::peek */
        I1;
        sent = sent + 1
      }
    fi;
    atomic { claimed_ = 0; total = 0; pad = 0; at = 0 }
  od
}

active proctype consumer() {
  byte head_, next_, tail_cached_;     /* Consumer */
  mtype kind;
  byte words, total, at;
  do
  :: received == RECORDS -> break
  :: else ->
peek:
#ifdef MUTANT_header_read_early
    atomic { kind = what[head_ % CAPACITY]; words = length[head_ % CAPACITY] };
#endif
#ifdef MUTANT_tail_cached_stale
    if
    :: head_ == tail_cached_ && tail_cached_ == 0 ->
#else
    if
    :: head_ == tail_cached_ ->
#endif
#ifdef MUTANT_empty_unchecked
      tail_cached_ = tail
#else
      atomic {
        tail != head_ -> tail_cached_ = tail;            /* record-published <- Producer::commit; kEmpty: wait */
        assert(tail_cached_ - head_ <= CAPACITY)         /* I5 */
      }
#endif
    :: else
    fi;
#ifndef MUTANT_header_read_early
    atomic { kind = what[head_ % CAPACITY]; words = length[head_ % CAPACITY] };
#endif
    d_step {                                             /* anything else is kProtocol */
      total = HEADER + words;
      assert(total <= tail_cached_ - head_ && total <= CAPACITY - head_ % CAPACITY);
      next_ = head_ + total;
      assert(head <= head_ && next_ <= tail)             /* I3 */
    };
    if
#ifndef MUTANT_padding_not_skipped
    :: kind == padding ->
      assert(total == CAPACITY - head_ % CAPACITY && head_ % CAPACITY != 0);
      atomic { forget(head_, next_); head_ = next_; head = head_; I1 };   /* release */
      goto peek
#endif
    :: else
    fi;
    d_step { assert(kind == message && record[head_ % CAPACITY] == received) };
#ifdef MUTANT_release_early
    head = next_;
#endif
    at = head_ + HEADER;
    do                                                   /* the copy of Channel::take_record */
    :: at < next_ ->
      d_step {
        assert(what[at % CAPACITY] == body && record[at % CAPACITY] == received);
        at = at + 1
      }
    :: else -> break
    od;
    atomic {                                             /* release */
      received = received + 1;
      forget(head_, next_);
#ifndef MUTANT_not_released
      head_ = next_;
#endif
      head = head_;                                      /* space-published -> Producer::claim */
      I1;
      kind = 0; words = 0; total = 0; next_ = 0
    }
  od;
  assert(head == tail)
}
