// The life of a channel: opening, joining, the end, fork. Sleeping: channel_sleep.cc.
#include "core/channel.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "core/sync.h"

namespace isthmus {

namespace {

// The datagram that carries the descriptors to the worker.
struct Greeting {
  uint64_t magic;
  uint32_t version;
  uint32_t descriptors;
};
// Control, node's arena, worker's arena; of the worker's event both ends, and the end that notifies node.
constexpr size_t kGreetingDescriptors = 6;

using Lock = std::lock_guard<std::mutex>;

bool known_identity(const Identity& identity, uint64_t control_segment_bytes) noexcept {
  const uint32_t ring = identity.ring_bytes;
  return identity.magic == kMagic && identity.version == kLayoutVersion && ring >= kMinRingBytes &&
         ring <= kMaxRingBytes && (ring & (ring - 1)) == 0 && control_segment_bytes >= control_bytes(ring);
}

void close_ends(const EventEnds& events) noexcept {
  for (const int end : {events.own, events.to_own, events.to_peer}) os::close_descriptor(end);
}

}  // namespace

Channel::Channel(Side side, Segment control, const Identity& identity, const EventEnds& events, int socket) noexcept
    : side_(side),
      identity_(identity),
      control_(std::move(control)),
      socket_(socket),
      spin_ns_(std::min(identity.spin_ns, kMaxSpinNs)) {
  const Side peer = other(side);
  doorbell_ = Doorbell(this->control().sides[index(side)], this->control().sides[index(peer)], events);
  uint8_t* records = control_.data() + kRecordsOffset;
  producer_ = Producer(this->control().rings[index(side)], records + uint64_t{index(side)} * identity.ring_bytes,
                       identity.ring_bytes);
  consumer_ = Consumer(this->control().rings[index(peer)], records + uint64_t{index(peer)} * identity.ring_bytes,
                       identity.ring_bytes);
}

Channel::~Channel() {
  if (ledger_ != nullptr) ledger_->forget_channel(id_);
  queue_.clear();
  answers_.clear();
  spare_.clear();
  close_ends(doorbell_.events());
  os::close_descriptor(socket_);
  os::close_descriptor(process_);
  os::close_descriptor(free_descriptor_);
}

Status Channel::open(std::shared_ptr<Ledger> ledger, const ChannelOptions& options, std::unique_ptr<Channel>& out,
                     int& peer_socket) noexcept {
  Segment control;
  Segment worker_arena;
  const Segment& node_arena = ledger->arena_segment();
  const uint32_t ring_bytes = std::bit_ceil(std::clamp(options.ring_bytes, kMinRingBytes, kMaxRingBytes));
  if (const Status status = Segment::create("isthmus-control", control_bytes(ring_bytes), control);
      status != Status::kOk)
    return status;
  if (const Status status =
          Segment::create_at_most("isthmus-arena", node_arena.bytes(), Arena::kLeastBytes, worker_arena);
      status != Status::kOk)
    return status;
  Identity identity{};
  identity.magic = kMagic;
  identity.version = kLayoutVersion;
  identity.ring_bytes = ring_bytes;
  identity.node_arena = ledger->arena_id();
  identity.worker_arena = os::random_id();
  identity.arena_bytes = node_arena.bytes();
  identity.limit_bytes = ledger->limit_bytes();
  identity.retain_bytes = ledger->retain_bytes();
  identity.spin_ns = options.spin_ns;
  std::memcpy(control.data(), &identity, sizeof identity);

  int own_event[2] = {-1, -1};
  int peer_event[2] = {-1, -1};
  int sockets[2] = {-1, -1};
  if (os::event_pair(own_event) == 0 && os::event_pair(peer_event) == 0 && os::socket_pair(sockets) == 0) {
    os::refuse_descriptors(sockets[0]);
    const Greeting greeting{kMagic, kLayoutVersion, kGreetingDescriptors};
    const int descriptors[kGreetingDescriptors] = {
        control.descriptor(), node_arena.descriptor(), worker_arena.descriptor(),
        peer_event[0],        peer_event[1],           own_event[1]};
    if (os::send_with_descriptors(sockets[0], &greeting, sizeof greeting, descriptors, kGreetingDescriptors) ==
        static_cast<int64_t>(sizeof greeting)) {
      const EventEnds events{own_event[0], own_event[1], peer_event[1]};
      os::close_descriptor(peer_event[0]);
      out.reset(new Channel(Side::kNode, std::move(control), identity, events, sockets[0]));
      out->attach_ledger(std::move(ledger), std::move(worker_arena));
      peer_socket = sockets[1];
      return Status::kOk;
    }
  }
  for (const auto& pair : {own_event, peer_event, sockets})
    for (int end = 0; end < 2; ++end) os::close_descriptor(pair[end]);
  return Status::kSystem;
}

Status Channel::join(int socket, int64_t timeout_ns, std::unique_ptr<Channel>& out) noexcept {
  os::set_close_on_exec(socket);
  Greeting greeting{};
  int descriptors[os::kMaxDescriptors];
  size_t count = os::kMaxDescriptors;
  const int64_t received =
      os::receive_with_descriptors(socket, &greeting, sizeof greeting, descriptors, &count, timeout_ns);
  if (received != static_cast<int64_t>(sizeof greeting) || count != kGreetingDescriptors || greeting.magic != kMagic ||
      greeting.version != kLayoutVersion) {
    for (size_t at = 0; at < count; ++at) os::close_descriptor(descriptors[at]);
    if (received < 0) errno = static_cast<int>(-received);  // for whoever says so
    if (received < 0) return received == -ETIMEDOUT ? Status::kTimeout : Status::kSystem;
    return received == 0 ? Status::kClosed : Status::kProtocol;
  }
  const EventEnds events{descriptors[3], descriptors[4], descriptors[5]};
  Segment control;
  Segment node_arena;
  Segment worker_arena;
  const Status adopted[] = {Segment::adopt(descriptors[0], control), Segment::adopt(descriptors[1], node_arena),
                            Segment::adopt(descriptors[2], worker_arena)};
  Status status = Status::kOk;
  for (const Status each : adopted)
    if (each != Status::kOk) status = each;
  Identity identity{};
  if (status == Status::kOk) {
    std::memcpy(&identity, control.data(), sizeof identity);
    if (!known_identity(identity, control.bytes())) status = Status::kProtocol;
  }
  if (status != Status::kOk) {
    close_ends(events);
    return status;
  }
  out.reset(new Channel(Side::kWorker, std::move(control), identity, events, socket));
  out->free_descriptor_ = os::duplicate(out->control_.descriptor());
  out->attach_ledger(std::make_shared<Ledger>(identity.worker_arena, std::move(worker_arena), identity.limit_bytes,
                                              identity.retain_bytes),
                     std::move(node_arena));
  return Status::kOk;
}

void Channel::attach_ledger(std::shared_ptr<Ledger> ledger, Segment peer_arena) noexcept {
  const uint64_t peer_id = side_ == Side::kNode ? identity_.worker_arena : identity_.node_arena;
  ledger_ = std::move(ledger);
  id_ = ledger_->add_channel(peer_id, std::move(peer_arena), &control().sides[index(side_)].counters,
                             &control().sides[index(other(side_))].counters);
}

// --- the end ---------------------------------------------------------------------------------------------

void Channel::close(Status reason) noexcept {
  Status open = Status::kOk;
  if (closed_.compare_exchange_strong(open, reason, std::memory_order_acq_rel)) {
    ISTHMUS_SYNC(kClosed);
    wake_everybody();
  }
}

// After the leases are dropped, the dead process's pages outside live ones are gone: nothing it wrote may be read any more.
void Channel::reap() noexcept {
  const Lock lock(consumer_mutex_);
  const Status last = take_records();
  close();
  ended_ = last == Status::kOk ? Status::kClosed : last;
  ISTHMUS_SYNC(kReaped);
  ledger_->drop_channel(id_);
}

void Channel::watch_process(int64_t id) noexcept {
  os::close_descriptor(process_);
  process_ = os::open_process(id);
}

void Channel::count_copied(uint64_t bytes) noexcept {
  own_counters().copied_bytes.fetch_add(bytes, std::memory_order_relaxed);
}

// --- fork ------------------------------------------------------------------------------------------------

void Channel::before_fork() noexcept {
  consumer_mutex_.lock();
  ISTHMUS_SYNC(kForking);
  producer_mutex_.lock();
  sleepers_mutex_.lock();
  ledger_->before_fork();
}

void Channel::after_fork_in_parent() noexcept {
  ledger_->after_fork_in_parent();
  sleepers_mutex_.unlock();
  producer_mutex_.unlock();
  consumer_mutex_.unlock();
}

void Channel::after_fork_in_child(uint64_t copy_bytes) noexcept {
  closed_.store(Status::kClosed, std::memory_order_release);  // not close(): the event is still the parent's too
  ended_ = Status::kForked;
  control_.isolate();
  close_ends(doorbell_.events());
  os::close_descriptor(socket_);
  os::close_descriptor(free_descriptor_);
  socket_ = free_descriptor_ = -1;
  doorbell_ = Doorbell(control().sides[index(side_)], control().sides[index(other(side_))], {});
  ledger_->after_fork_in_child(copy_bytes);
  waiters_.clear();  // other threads, which are not in the child
  listener_ = nullptr;
  loop_parked_ = false;
  answers_awaited_.store(0, std::memory_order_relaxed);
  sleepers_mutex_.unlock();
  queue_.clear();  // the parent answers them
  answers_.clear();
  queue_bytes_ = 0;
  queued_.store(0, std::memory_order_relaxed);
  stops_queued_.store(0, std::memory_order_relaxed);
  producer_mutex_.unlock();
  consumer_mutex_.unlock();
}

}  // namespace isthmus
