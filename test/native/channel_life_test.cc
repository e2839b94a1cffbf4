// Channels open, join, fork, die and are reaped.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstring>
#include <string>
#include <vector>

#include "channel_ends.h"
#include "core/channel.h"
#include "process.h"
#include "run.h"

using namespace isthmus;
using namespace isthmus::test;
using wire::Kind;

namespace {

constexpr uint64_t kMiB = 1 << 20;

int open_descriptors() {
  int count = 0;
  for (int descriptor = 0; descriptor < 256; ++descriptor) count += fcntl(descriptor, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

// What join says of a greeting: six descriptors, the first of them a control segment with this identity.
struct Greeting {
  uint64_t magic = kMagic;
  uint32_t version = kLayoutVersion;
  uint32_t descriptors = 6;
};

Status joined(const Greeting& greeting, const Identity& identity, size_t count = 6, uint64_t control_size = 0,
              bool sealed = true) {
  int sockets[2];
  int events[2];
  CHECK(os::socket_pair(sockets) == 0 && os::event_pair(events) == 0);
  const uint64_t size = control_size != 0 ? control_size : control_bytes(4096);
  int control = os::create_segment("t", size);
  if (!sealed) {
    os::close_descriptor(control);
    control = memfd_create("t", MFD_CLOEXEC);
    CHECK_EQ(ftruncate(control, static_cast<off_t>(size)), 0);
  }
  CHECK_EQ(pwrite(control, &identity, sizeof identity, 0), static_cast<ssize_t>(sizeof identity));
  const int descriptors[7] = {
      control, os::create_segment("t", kMiB), os::create_segment("t", kMiB), events[0], events[1], events[1], 0};
  CHECK(os::send_with_descriptors(sockets[0], &greeting, sizeof greeting, descriptors, count) > 0);
  for (int at = 0; at < 5; ++at) os::close_descriptor(descriptors[at]);
  const int before = open_descriptors();
  std::unique_ptr<Channel> channel;
  const Status status = Channel::join(sockets[1], kSecond, channel);
  if (status != Status::kOk) {
    CHECK(channel == nullptr);
    CHECK_EQ(open_descriptors(), before);
    os::close_descriptor(sockets[1]);
  }
  channel.reset();
  os::close_descriptor(sockets[0]);
  return status;
}

Identity good_identity() { return Identity{kMagic, kLayoutVersion, 4096, 1, 2, kMiB, kMiB, 0, 0}; }

}  // namespace

// --- opening and joining -----------------------------------------------------------------------------------

TEST("both ends know the same identity, and each allocates in its own arena") {
  ChannelPair pair;
  CHECK_EQ(std::memcmp(&pair.node->identity(), &pair.worker->identity(), sizeof(Identity)), 0);
  CHECK(pair.node->identity().node_arena != pair.node->identity().worker_arena);
  Slot slot = kNoSlot;
  REQUIRE_EQ(pair.worker->allocate(100, true, slot), Status::kOk);
  CHECK(pair.worker->ledger().owns_address(pair.worker->ledger().data(slot)));
  CHECK_EQ(pair.node->ledger().stats().own_blocks, 0u);
  CHECK((fcntl(pair.worker->socket(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST("opening and closing leaves no descriptor behind") {
  const int before = open_descriptors();
  for (int count = 0; count < 20; ++count) ChannelPair pair;
  CHECK_EQ(open_descriptors(), before);
}

TEST("opening with too few descriptors fails at every step, and leaves none behind") {
  Process limited([] {
    syscall(SYS_close_range, 3u, UINT_MAX, 0u);
    const int before = open_descriptors();
    int opened = 0;
    for (int room = 0; room < 12; ++room) {
      const rlimit limit{static_cast<rlim_t>(before + room), 4096};
      setrlimit(RLIMIT_NOFILE, &limit);
      std::unique_ptr<Channel> channel;
      int socket = -1;
      const Status status = open(small_options(), channel, socket);
      if (status == Status::kOk)
        ++opened;
      else if (socket != -1 || channel != nullptr)
        return 1;
      os::close_descriptor(socket);
      channel.reset();
      if (open_descriptors() != before) return 2;
    }
    return opened == 3 ? 0 : 3;  // nine are needed: three segments, two events of two ends, two sockets
  });
  CHECK_EQ(limited.wait(), 0);
}

TEST("joining times out without a greeting, and says when the other side is gone") {
  int sockets[2];
  REQUIRE_EQ(os::socket_pair(sockets), 0);
  std::unique_ptr<Channel> channel;
  CHECK_EQ(Channel::join(sockets[1], 1'000'000, channel), Status::kTimeout);
  os::close_descriptor(sockets[0]);
  CHECK_EQ(Channel::join(sockets[1], kSecond, channel), Status::kClosed);
  os::close_descriptor(sockets[1]);
  CHECK_EQ(Channel::join(-1, 1'000'000, channel), Status::kTimeout);
}

TEST("a greeting of another protocol, version or number of descriptors is refused, and its descriptors closed") {
  CHECK_EQ(joined({}, good_identity()), Status::kOk);
  CHECK_EQ(joined({kMagic + 1, kLayoutVersion, 6}, good_identity()), Status::kProtocol);
  CHECK_EQ(joined({kMagic, kLayoutVersion + 1, 6}, good_identity()), Status::kProtocol);
  for (const size_t count : {size_t{0}, size_t{5}, size_t{7}})
    CHECK_EQ(joined({}, good_identity(), count), Status::kProtocol);
}

TEST("a control segment that is not sealed, too short, or of another layout is refused") {
  CHECK_EQ(joined({}, good_identity(), 6, 0, false), Status::kSystem);
  CHECK_EQ(joined({}, good_identity(), 6, control_bytes(4096) - 1), Status::kProtocol);
  CHECK_EQ(joined({}, good_identity(), 6, 64), Status::kProtocol);
  for (const uint32_t ring : {0u, 1u, 2048u, 4095u, 6000u, 8192u, 1u << 31, UINT32_MAX}) {
    Identity identity = good_identity();
    identity.ring_bytes = ring;
    CHECK_EQ(joined({}, identity), Status::kProtocol);
  }
  Identity identity = good_identity();
  identity.magic = 0;
  CHECK_EQ(joined({}, identity), Status::kProtocol);
  identity = good_identity();
  identity.version = 0;
  CHECK_EQ(joined({}, identity), Status::kProtocol);
  identity = good_identity();
  identity.spin_ns = UINT64_MAX;  // for ever: no overflow
  CHECK_EQ(joined({}, identity), Status::kOk);
}

// A sanitizer reserves more address space than any limit leaves.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST("under a limit on address space or file size a smaller arena is used") {
  for (const int resource : {RLIMIT_AS, RLIMIT_FSIZE}) {
    Process limited([resource] {
      const rlimit limit{1ull << 30, 1ull << 30};
      setrlimit(resource, &limit);
      Options options = small_options();
      options.arena_bytes = 16ull << 30;
      std::unique_ptr<Channel> node;
      std::unique_ptr<Channel> worker;
      int socket = -1;
      if (open(options, node, socket) != Status::kOk) return 1;
      const uint64_t bytes = node->identity().arena_bytes;
      if (bytes >= 1ull << 31 || bytes < kMiB) return 2;
      Slot slot = kNoSlot;
      if (node->allocate(kMiB / 2, true, slot) != Status::kOk) return 3;
      return node->allocate(16ull << 30, false, slot) == Status::kTooLarge ? 0 : 4;
    });
    CHECK_EQ(limited.wait(), 0);
  }
}
#endif

// --- the end -----------------------------------------------------------------------------------------------

TEST("a worker killed in the middle: what it committed is delivered, its tensors stay, its leases are dropped") {
  std::unique_ptr<Channel> node;
  int socket = -1;
  REQUIRE_EQ(open(small_options(), node, socket), Status::kOk);
  Process process([&] {
    node.reset();
    std::unique_ptr<Channel> worker;
    if (Channel::join(socket, 10 * kSecond, worker) != Status::kOk) return 1;
    Message call;
    while (worker->receive(call) == Status::kEmpty)
      if (worker->wait(kForever, false) == Status::kClosed) return 2;
    Slot slot = kNoSlot;
    if (worker->allocate(kMiB, false, slot) != Status::kOk) return 3;
    std::memset(worker->ledger().data(slot), 6, kMiB);
    for (uint32_t id = 1; id <= 3; ++id) (void)send(*worker, Kind::Result, id, "result", {whole(slot, kMiB)});
    raise(SIGKILL);
    return 4;
  });
  os::close_descriptor(socket);
  Slot lent = kNoSlot;
  REQUIRE_EQ(node->allocate(kMiB, false, lent), Status::kOk);
  REQUIRE_EQ(send(*node, Kind::Call, 1, "", {whole(lent, kMiB)}), Status::kOk);
  node->ledger().release(lent);
  while (os::wait_event(node->event(), node->socket(), -1, -1) != os::Wake::kHungUp) os::clear_event(node->event());
  CHECK_EQ(process.wait(), -SIGKILL);
  CHECK_EQ(node->ledger().stats().own_blocks, 1u);  // until it has been reaped it might still write
  node->reap();
  CHECK_EQ(node->ledger().stats().own_blocks, 0u);
  Message results[3];
  for (uint32_t at = 0; at < 3; ++at) {
    REQUIRE_EQ(node->receive(results[at]), Status::kOk);
    CHECK_EQ(results[at]->id(), at + 1);
    const uint8_t* data = node->ledger().data(slot_of(results[at]));
    CHECK(data[0] == 6 && data[kMiB - 1] == 6);
  }
  CHECK_EQ(node->receive(results[0]), Status::kClosed);
}

TEST("reaping takes in what was committed, and nothing after it") {
  RawWorker worker;
  worker.write(WrittenMessage(Kind::Result, 1, "before", {worker.tensor(0, 4096, 4)}));
  worker.own_arena.data()[0] = 8;
  worker.node->reap();
  worker.write(WrittenMessage(Kind::Result, 2, "after", {worker.tensor(4096, 4096, 4)}));
  Message message;
  REQUIRE_EQ(worker.node->receive(message), Status::kOk);
  CHECK_EQ(worker.node->ledger().data(slot_of(message))[0], 8);
  CHECK_EQ(worker.node->receive(message), Status::kClosed);
  CHECK(!worker.node->has_input());
  message.drop();
  CHECK_EQ(worker.node->ledger().stats().borrowed_blocks, 0u);
}

TEST("a closed channel sends nothing more, neither messages nor what it owes") {
  ChannelPair pair;
  Slot slot = kNoSlot;
  REQUIRE_EQ(pair.node->allocate(4096, false, slot), Status::kOk);
  REQUIRE_EQ(send(*pair.node, Kind::Call, 1, "", {whole(slot, 4096)}), Status::kOk);
  Message message;
  REQUIRE_EQ(pair.worker->receive(message), Status::kOk);
  pair.worker->close();
  message.drop();
  CHECK(pair.worker->ledger().owes(0));
  pair.worker->flush_returns();
  CHECK_EQ(send(*pair.worker, Kind::Result, 1, ""), Status::kClosed);
  CHECK(!pair.node->has_input());
}

TEST("a worker sees that Node is gone, and hang_up says so at once") {
  for (const bool hangs_up : {false, true}) {
    std::unique_ptr<Channel> node;
    int socket = -1;
    REQUIRE_EQ(open(small_options(), node, socket), Status::kOk);
    Process process([&] {
      node.reset();
      std::unique_ptr<Channel> worker;
      if (Channel::join(socket, 10 * kSecond, worker) != Status::kOk) return 1;
      Status status;
      while ((status = worker->wait(kForever, false)) == Status::kOk || status == Status::kEmpty) (void)worker->drain();
      return status == Status::kClosed ? 0 : 2;
    });
    os::close_descriptor(socket);
    if (hangs_up)
      node->hang_up();
    else
      node.reset();
    CHECK_EQ(process.wait(), 0);
  }
}

TEST(
    "the end of a watched process is seen though another one holds its end of the socket, after what it had "
    "committed") {
  std::unique_ptr<Channel> node;
  int socket = -1;
  REQUIRE_EQ(open(small_options(), node, socket), Status::kOk);
  Process process([&] {
    node.reset();
    std::unique_ptr<Channel> worker;
    if (Channel::join(socket, 10 * kSecond, worker) != Status::kOk) return 1;
    (void)send(*worker, Kind::Result, 1, "last");
    return 7;
  });
  node->watch_process(process.id());  // and `socket` stays open in this process
  Message message;
  Status status;
  while ((status = node->receive(message)) == Status::kEmpty) (void)node->wait(kForever, false);
  CHECK_EQ(status, Status::kOk);
  CHECK_EQ(payload_of(message), "last");
  while ((status = node->wait(kForever, false)) == Status::kOk) {
  }
  CHECK_EQ(status, Status::kClosed);
  CHECK_EQ(node->receive(message), Status::kClosed);
  os::Ending ending{};
  CHECK(node->ending(10000, ending));
  CHECK_EQ(ending.code, 7);
  CHECK_EQ(process.wait(), 7);
  os::close_descriptor(socket);
}

TEST("a view outlives its channel: the ledger stays as long as somebody holds it") {
  auto pair = std::make_unique<ChannelPair>();
  Slot slot = kNoSlot;
  REQUIRE_EQ(pair->worker->allocate(kMiB, false, slot), Status::kOk);
  pair->worker->ledger().data(slot)[5] = 5;
  REQUIRE_EQ(send(*pair->worker, Kind::Result, 1, "", {whole(slot, kMiB)}), Status::kOk);
  Message message;
  REQUIRE_EQ(pair->node->receive(message), Status::kOk);
  const Slot borrowed = slot_of(message);
  message.disown();
  REQUIRE_EQ(send(*pair->worker, Kind::Result, 2, "", {whole(slot, kMiB)}), Status::kOk);
  CHECK_EQ(pair->node->drain(), Status::kOk);  // one more stays in the queue
  const std::shared_ptr<Ledger> ledger = pair->node->shared_ledger();
  pair.reset();
  CHECK_EQ(ledger->data(borrowed)[5], 5);
  ledger->release(borrowed);
  CHECK_EQ(ledger->stats().borrowed_blocks, 0u);
  CHECK(ledger->is_valid());
}

// --- fork --------------------------------------------------------------------------------------------------

TEST("a forked child changes nothing of its parent's, and keeps what it had") {
  ChannelPair pair;
  Slot slot = kNoSlot;
  REQUIRE_EQ(pair.worker->allocate(kMiB, false, slot), Status::kOk);
  uint8_t* data = pair.worker->ledger().data(slot);
  std::memset(data, 1, kMiB);
  REQUIRE_EQ(send(*pair.node, Kind::Call, 1, "queued"), Status::kOk);
  REQUIRE_EQ(pair.worker->drain(), Status::kOk);
  int ready[2];
  int overwritten[2];
  REQUIRE(pipe(ready) == 0 && pipe(overwritten) == 0);
  const LedgerStats before = pair.worker->ledger().stats();
  pair.worker->before_fork();
  Process child([&] {
    pair.worker->after_fork_in_child(16 * kMiB);
    char byte = 0;
    if (write(ready[1], "r", 1) != 1 || read(overwritten[0], &byte, 1) != 1) return 1;
    for (uint64_t at = 0; at < kMiB; at += 512)
      if (data[at] != 1) return 2;  // not what the parent has written since
    std::memset(data, 9, kMiB);
    Channel& channel = *pair.worker;
    Slot other = kNoSlot;
    Message message;
    if (channel.allocate(100, false, other) != Status::kForked) return 3;
    if (send(channel, Kind::Result, 1, "child") != Status::kClosed) return 4;
    if (channel.receive(message) == Status::kOk) return 5;
    if (channel.wait(kForever, false) != Status::kClosed) return 6;
    channel.ledger().release(slot);
    channel.ledger().trim();
    channel.flush_returns();
    channel.unpark();
    channel.close();
    pair.worker.reset();
    return 0;
  });
  pair.worker->after_fork_in_parent();
  char byte = 0;
  REQUIRE(read(ready[0], &byte, 1) == 1);
  std::memset(data, 2, kMiB);
  REQUIRE(write(overwritten[1], "w", 1) == 1);
  CHECK_EQ(child.wait(), 0);
  for (uint64_t at = 0; at < kMiB; at += 512) REQUIRE_EQ(data[at], 2);
  CHECK_EQ(pair.worker->ledger().stats().own_blocks, before.own_blocks);
  CHECK(!pair.worker->closed());
  Message message;
  REQUIRE_EQ(pair.worker->receive(message), Status::kOk);
  CHECK_EQ(payload_of(message), "queued");
  CHECK_EQ(send(*pair.worker, Kind::Result, 1, "", {whole(slot, kMiB)}), Status::kOk);
  REQUIRE_EQ(pair.node->receive(message), Status::kOk);
  CHECK_EQ(pair.node->ledger().data(slot_of(message))[77], 2);
  CHECK_EQ(os::wait_event(pair.node->event(), pair.node->socket(), -1, 0),
           os::Wake::kTimeout);  // the child hung nothing up
}
