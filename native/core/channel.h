// A channel: one conversation between Node and one worker. Two rings, two doorbells, a control socket.
//
// Sending: the blocks that a message names are lent, then the message is published; never the other way round.
// Receiving: a record is copied to private memory, verified there, and takes a reference on every block it names,
// before any later return takes effect. Returns, spills and cancels of queued calls are settled here and never seen
// by the languages: a call that is cancelled in the queue is dropped, and answered by Dropped.
//
// What was received goes into the queue, in its order. Only in the worker, the answer to a call that a thread waits for
// (the top bit of its id is clear) goes into a table, where that thread takes it from, whatever is in the queue before.
//
// Arenas of other workers: before a message names a block of one, Node sends its descriptor over the socket and then an
// Arena record; the worker takes exactly that descriptor from the socket when it takes the record.
//
// Lock order: consumer, producer, then sleepers or ledger (leaves). None is held while Python or JavaScript code runs.
// drain() only tries the consumer lock: whoever fails to get it knows that somebody else is draining.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/doorbell.h"
#include "core/ledger.h"
#include "core/message.h"
#include "core/ring.h"
#include "core/spin_policy.h"
#include "core/waiter.h"

namespace isthmus {

struct ChannelOptions {
  uint64_t spin_ns;     // how long a side polls after its last activity
  uint32_t ring_bytes;  // power of two
};

class Channel {
 public:
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();

  // Node: makes control segment, the worker's arena, events and the socket pair, and sends them down the socket, with the
  // ledger's arena. One ledger serves many channels; a worker that is started anew gets a new channel over the same one.
  // `peer_socket` is what the worker inherits; the caller closes its copy after the spawn.
  [[nodiscard]] static Status open(std::shared_ptr<Ledger> ledger, const ChannelOptions& options,
                                   std::unique_ptr<Channel>& out, int& peer_socket) noexcept;
  // Worker: takes over the inherited socket and receives the rest.
  [[nodiscard]] static Status join(int socket, int64_t timeout_ns, std::unique_ptr<Channel>& out) noexcept;

  // --- sending ---
  // Publishes a finished FlatBuffer in private memory; fills in the places of its tensors, whose `slot` and `offset`
  // the caller has set. kFull changes nothing: drain, wait for room, try again.
  [[nodiscard]] Status send(uint8_t* message, uint32_t bytes) noexcept;
  // Publishes leases that are to be returned. Wakes the other side only when many bytes are owed.
  void flush_returns() noexcept;
  // A block of the own arena. Before it grows, it takes in what the other side has returned; when the budget is used up
  // the other side is asked to give up what it no longer needs.
  [[nodiscard]] Status allocate(uint64_t bytes, bool zeroed, Slot& out) noexcept;
  // An allocation failed: the other side is asked to give memory up, with what is sent next.
  void ask_for_memory() noexcept { pressure_.store(true, std::memory_order_relaxed); }

  // --- receiving ---
  // Moves every record from the ring to the private queue. kProtocol closes the channel.
  Status drain() noexcept;
  // The next message, or kEmpty. Drains first. The memory of `out`'s old message is kept for reuse.
  // kTooLarge: it is longer than `max_bytes`, and stays where it is.
  [[nodiscard]] Status receive(Message& out, uint64_t max_bytes = UINT64_MAX) noexcept;
  [[nodiscard]] bool has_input() noexcept;
  // A Cancel or an Interrupt for call `id` that is in the queue, where it stays; None if there is neither. Drains first.
  [[nodiscard]] wire::Kind cancelled(uint32_t id) noexcept;

  // --- answers to calls of a thread in the worker (top bit of the id clear) ---
  // From now on the answer to `id` is kept when it comes. One that nobody expects is dropped: its call may just have been
  // given up.
  void expect(uint32_t id) noexcept;
  [[nodiscard]] bool expects(uint32_t id) noexcept;
  // kEmpty: it has not come. Drains first. Once received, it is not expected any more.
  [[nodiscard]] Status receive_answer(uint32_t id, Message& out) noexcept;
  // Drops it, if it has come or when it comes. Who waits for it is woken.
  void forget(uint32_t id) noexcept;

  // --- sleeping ---
  // Has the other side made room since the last send that was refused?
  [[nodiscard]] bool room_grew() noexcept;
  // Blocks until what the waiter waits for is there: polls for the spin budget, then sleeps. Drains meanwhile, so that
  // neither side waits for room in one ring without emptying the other.
  // deadline_ns: monotonic, negative for none. kClosed when the other process is gone; kEmpty when interrupted, by a signal
  // or as below. Any number of threads may wait, each for its own.
  [[nodiscard]] Waiter waiter(Waiter::For what, uint32_t id = 0) const noexcept {
    return Waiter(what, id, interrupts_.load(std::memory_order_relaxed));
  }
  [[nodiscard]] Status wait(Waiter& waiter, int64_t deadline_ns) noexcept;
  [[nodiscard]] Status wait(int64_t deadline_ns, bool for_space) noexcept;  // for input, or for room
  // Its wait returns kEmpty, or will. An Interrupt that is received after the waiter was made does this to all who wait for
  // an answer or for room: the call that it is for may be among them.
  void interrupt(Waiter& waiter) noexcept;
  // Is there a message for receive()? Polls for it, within the spin budget and where that pays. Never sleeps.
  [[nodiscard]] bool poll(int64_t deadline_ns) noexcept;
  // For one event loop that does its own waiting on `event()`. park() is false when there is something to do already.
  // While it is parked, the loop listens for all who wait: when the event is notified, or anything else wakes it, it must
  // unpark() and drain. A wait() on the loop's own thread is possible meanwhile; it notifies the event when it returns.
  [[nodiscard]] bool park(bool for_space) noexcept;
  void unpark() noexcept;
  // While it is parked: will the other side notify it? Otherwise it has done so already, or never will.
  [[nodiscard]] bool announced() const noexcept { return doorbell_.announced(); }
  [[nodiscard]] int event() const noexcept { return doorbell_.event(); }
  void wake_loop() noexcept { doorbell_.wake_self(); }

  // --- the end ---
  // Nothing more is sent. What the other side has committed can still be received. The reason, kProtocol if the other side
  // is to blame, is what whoever sends or waits is told from then on; the first one counts.
  void close(Status reason = Status::kClosed) noexcept;
  [[nodiscard]] bool closed() const noexcept { return why_closed() != Status::kOk; }
  // Hangs up: the worker's watcher ends it at once, whatever it is doing.
  void hang_up() noexcept { os::hang_up(socket_); }
  // The peer process has been reaped: what it committed is taken in, then its leases are dropped.
  void reap() noexcept;
  [[nodiscard]] int socket() const noexcept { return socket_; }
  // Node: wait() notices the end of this process, also when another one has a copy of its end of the socket. Where the
  // system has no descriptors for processes, only the socket tells.
  void watch_process(int64_t id) noexcept;
  // How the watched process ended, until it has been reaped; waits for its end for at most so long.
  [[nodiscard]] bool ending(int timeout_ms, os::Ending& out) const noexcept {
    return os::process_ending(process_, timeout_ms, out);
  }

  [[nodiscard]] Ledger& ledger() noexcept { return *ledger_; }
  [[nodiscard]] std::shared_ptr<Ledger> shared_ledger() const noexcept { return ledger_; }
  [[nodiscard]] const Identity& identity() const noexcept { return identity_; }
  [[nodiscard]] const Counters& counters(Side side) const noexcept { return control().sides[index(side)].counters; }
  void count_copied(uint64_t bytes) noexcept;
  [[nodiscard]] SpinPolicy& spin_policy() noexcept { return spin_policy_; }
  [[nodiscard]] uint64_t spin_ns() const noexcept { return spin_ns_; }
  void set_spin_ns(uint64_t spin_ns) noexcept { spin_ns_ = std::min(spin_ns, kMaxSpinNs); }

  // --- fork ---
  void before_fork() noexcept;
  void after_fork_in_parent() noexcept;
  void after_fork_in_child(uint64_t copy_bytes) noexcept;

 private:
  static constexpr uint64_t kMaxSpinNs = 3'600'000'000'000;  // an hour: "always", without overflow
  Channel(Side side, Segment control, const Identity& identity, const EventEnds& events, int socket) noexcept;
  void attach_ledger(std::shared_ptr<Ledger> ledger, Segment peer_arena) noexcept;
  bool ring_has_input() noexcept;
  [[nodiscard]] Status why_closed() const noexcept { return closed_.load(std::memory_order_acquire); }

  // Sleeping (channel_sleep.cc).
  bool spin(const Waiter& waiter, int64_t deadline_ns) noexcept;
  Status sleep(Waiter& self, int64_t deadline_ns) noexcept;
  uint32_t announce(Waiter& self) noexcept;
  bool look(const Waiter& self, uint32_t listens_for) noexcept;
  void await_room_for_owed() noexcept;
  void leave(Waiter& self) noexcept;
  bool is_ready(const Waiter& waiter) noexcept;
  void wake_input() noexcept;
  void wake_answer(uint32_t id) noexcept;
  void wake_room(const Waiter* self) noexcept;  // all but `self`
  void wake_everybody() noexcept;
  void wake_for_interrupt() noexcept;
  [[nodiscard]] bool is_interrupted(const Waiter& waiter) const noexcept;
  // With the sleepers' lock held.
  [[nodiscard]] bool awaits_room() const noexcept;
  void signal(Waiter& waiter) noexcept;
  void pass_on() noexcept;
  void clear_event() noexcept;

  [[nodiscard]] Control& control() const noexcept { return *reinterpret_cast<Control*>(control_.data()); }
  Counters& own_counters() noexcept { return control().sides[index(side_)].counters; }

  // With the producer lock held.
  Status publish(const uint8_t* message, uint32_t bytes, uint32_t reserve) noexcept;
  Status publish_spilled(const uint8_t* message, uint32_t bytes) noexcept;
  void publish_owed() noexcept;
  [[nodiscard]] bool owes() noexcept;  // without the lock
  bool publish_returns() noexcept;
  bool publish_gone() noexcept;
  Status publish_arena(wire::Kind kind, uint64_t arena, int descriptor, uint32_t reserve) noexcept;
  Status announce_arenas(const wire::Message& message) noexcept;
  // Room that only what is owed may use, so that it is never kept waiting behind calls.
  [[nodiscard]] uint32_t reserve() const noexcept { return producer_.capacity() / 8; }
  void notify(uint32_t what) noexcept;

  // With the consumer lock held.
  Status take_records() noexcept;
  [[nodiscard]] bool can_take() const noexcept;
  Status take_record(const Consumer::Record& record) noexcept;
  Status admit(Message& message) noexcept;
  bool write_slots(Message& message) noexcept;
  Status admit_spilled(const wire::Message& announcement) noexcept;
  Status apply_returns(const wire::Message& message) noexcept;
  Status take_arena(const wire::Message& message) noexcept;
  Status receive_arena(uint64_t arena, Segment& out) noexcept;
  bool drop_queued_call(uint32_t id) noexcept;
  void deliver(Message&& message) noexcept;
  void enqueue(Message&& message) noexcept;
  void keep_answer(Message&& message) noexcept;
  [[nodiscard]] bool has_answer(uint32_t id) const noexcept;
  [[nodiscard]] bool has_room_for_more() const noexcept;
  void make_room(uint64_t bytes) noexcept;
  Message blank() noexcept;
  void keep_spare(Message&& message) noexcept;

  const Side side_;
  const Identity identity_;  // private copy
  Segment control_;
  std::shared_ptr<Ledger> ledger_;  // outlives the channel while views exist
  ChannelId id_ = 0;
  int socket_;
  int process_ = -1;
  // Worker: given up for a moment to receive the descriptor of an arena, which is lost if this process has none free.
  int free_descriptor_ = -1;
  Doorbell doorbell_;
  std::atomic<Status> closed_{Status::kOk};   // or the reason
  std::atomic<bool> doorbell_broken_{false};  // by the other side; found by who clears it, and ends the channel
  std::atomic<uint64_t> spin_ns_;
  SpinPolicy spin_policy_;
  std::atomic<int64_t> last_activity_ns_{0};

  std::mutex sleepers_mutex_;     // leaf; guards the announcement, not the sleep
  std::vector<Waiter*> waiters_;  // threads that sleep, or are about to
  Waiter* listener_ = nullptr;    // the one of them that sleeps on the event
  bool loop_parked_ = false;
  std::thread::id loop_thread_;               // which parked it
  std::atomic<uint32_t> answers_awaited_{0};  // waiters for an answer

  std::mutex producer_mutex_;
  Producer producer_;
  uint64_t refused_head_ = 0;               // where the consumer was when a send was last refused
  flatbuffers::FlatBufferBuilder builder_;  // of returns and spills
  std::vector<uint32_t> dropped_;           // calls that were cancelled before they began, to be answered
  std::atomic<bool> owes_dropped_{false};   // there are such
  uint64_t unnoticed_bytes_ = 0;            // returned without a notification
  std::atomic<bool> pressure_{false};       // an allocation failed: ask the other side to give memory up

  std::mutex consumer_mutex_;
  Consumer consumer_;
  std::deque<Message> queue_;
  std::unordered_map<uint32_t, Message> answers_;  // by id; empty: expected, and has not come
  uint64_t queue_bytes_ = 0;                       // of the queue and of the answers
  const Waiter* looking_ = nullptr;                // for whom records are being taken: needs no signal
  std::vector<Message> spare_;
  struct Admitted {
    const wire::Place* place;
    uint64_t length;
    Slot slot;
  };
  std::vector<Admitted> admitted_;  // the tensors of the message that is being admitted
  Status ended_ = Status::kOk;      // otherwise nothing more is read from the ring, and this is why
  int ended_errno_ = 0;             // what the system said, if it is kSystem
  std::atomic<uint32_t> queued_{0};
  std::atomic<uint32_t> stops_queued_{0};     // of these: Cancel and Interrupt
  std::atomic<uint32_t> answers_changed_{0};  // counts: who polls for one looks again
  std::atomic<uint32_t> interrupts_{0};       // ever received
  std::atomic<uint64_t> consumed_{0};         // of the ring, after the last drain
};

}  // namespace isthmus
