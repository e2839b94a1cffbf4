// The contract with the operating system.
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <climits>
#include <cstring>
#include <set>
#include <string>

#include "process.h"
#include "run.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

using namespace isthmus;
using isthmus::test::Process;

namespace {

constexpr int64_t kSecond = 1'000'000'000;

bool closes_on_exec(int descriptor) { return (fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0; }

struct SocketPair {
  SocketPair() { made = os::socket_pair(ends) == 0; }
  ~SocketPair() {
    for (const int end : ends) os::close_descriptor(end);
  }
  int ends[2] = {-1, -1};
  bool made;
};

struct EventPair {
  EventPair() { made = os::event_pair(ends) == 0; }
  ~EventPair() {
    for (const int end : ends) os::close_descriptor(end);
  }
  int ends[2] = {-1, -1};
  bool made;
};

}  // namespace

// --- events ----------------------------------------------------------------------------------------------

TEST("an event wakes who waits, and keeps a notification until it is cleared") {
  EventPair event;
  CHECK(event.made && closes_on_exec(event.ends[0]) && closes_on_exec(event.ends[1]));
  CHECK_EQ(os::wait_event(event.ends[0], -1, -1, 0), os::Wake::kTimeout);
  os::notify_event(event.ends[1]);
  os::notify_event(event.ends[1]);
  CHECK_EQ(os::wait_event(event.ends[0], -1, -1, -1), os::Wake::kNotified);
  CHECK_EQ(os::wait_event(event.ends[0], -1, -1, 0), os::Wake::kNotified);
  CHECK(os::clear_event(event.ends[0]));
  CHECK_EQ(os::wait_event(event.ends[0], -1, -1, 0), os::Wake::kTimeout);
}

TEST("a hostile peer fills an event and makes it blocking: neither notifying nor clearing blocks, and it still wakes") {
  EventPair event;
  while (send(event.ends[1], "x", 1, MSG_DONTWAIT) > 0) {
  }
  for (const int end : event.ends) fcntl(end, F_SETFL, fcntl(end, F_GETFL) & ~O_NONBLOCK);
  os::notify_event(event.ends[1]);
  CHECK_EQ(os::wait_event(event.ends[0], -1, -1, -1), os::Wake::kNotified);
  while (os::wait_event(event.ends[0], -1, -1, 0) == os::Wake::kNotified) CHECK(os::clear_event(event.ends[0]));
  CHECK(os::clear_event(event.ends[0]));  // empty
}

TEST("a hostile peer sends to an event without end: clearing it ends all the same") {
  EventPair event;
  Process other([&] {
    for (;;) send(event.ends[1], "x", 1, 0);
    return 0;
  });
  for (int time = 0; time < 10'000; ++time) CHECK(os::clear_event(event.ends[0]));
  other.kill();
}

TEST("an event that was shut down says so, and does not block") {
  for (const int how : {SHUT_RD, SHUT_WR, SHUT_RDWR}) {
    EventPair event;
    shutdown(event.ends[1], how);
    os::notify_event(event.ends[1]);
    CHECK_EQ(os::clear_event(event.ends[0]), how == SHUT_RD);
  }
}

TEST("where the system can refuse them, no descriptor comes with a notification") {
  EventPair event;
  int passes = 1;
  socklen_t bytes = sizeof passes;
  const bool refuses = getsockopt(event.ends[0], SOL_SOCKET, SO_PASSRIGHTS, &passes, &bytes) == 0;
  if (!refuses) return;
  CHECK_EQ(passes, 0);
  CHECK_EQ(os::send_with_descriptors(event.ends[1], "x", 1, &event.ends[1], 1), -EPERM);
  CHECK_EQ(os::wait_event(event.ends[0], -1, -1, 0), os::Wake::kTimeout);
}

TEST("a closed or missing event is ignored") {
  os::notify_event(-1);
  CHECK(os::clear_event(-1));
  os::close_descriptor(-1);
}

TEST("waiting ends when the other end of the socket closes; a notification comes first") {
  SocketPair pair;
  EventPair events;
  const int event = events.ends[0];
  CHECK_EQ(os::wait_event(event, pair.ends[0], -1, 0), os::Wake::kTimeout);
  os::close_descriptor(pair.ends[1]);
  pair.ends[1] = -1;
  CHECK_EQ(os::wait_event(event, pair.ends[0], -1, -1), os::Wake::kHungUp);
  os::notify_event(events.ends[1]);
  CHECK_EQ(os::wait_event(event, pair.ends[0], -1, -1), os::Wake::kNotified);
}

TEST("hang_up is seen although somebody else holds a copy of the socket") {
  SocketPair pair;
  const int copy = dup(pair.ends[0]);
  os::hang_up(pair.ends[0]);
  CHECK_EQ(os::wait_event(-1, pair.ends[1], -1, -1), os::Wake::kHungUp);
  os::close_descriptor(copy);
}

TEST("a signal interrupts waiting") {
  struct sigaction action{};
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, nullptr);
  EventPair events;
  Process other([test = getpid()] {
    for (;;) {  // until it is killed: one of them comes while the test waits
      ::kill(test, SIGUSR1);
      sched_yield();
    }
    return 0;
  });
  CHECK_EQ(os::wait_event(events.ends[0], -1, -1, -1), os::Wake::kInterrupted);
  other.kill();
}

// --- the control socket ----------------------------------------------------------------------------------

TEST("descriptors travel with a datagram and arrive close-on-exec") {
  SocketPair pair;
  REQUIRE(pair.made);
  CHECK(closes_on_exec(pair.ends[0]) && closes_on_exec(pair.ends[1]));
  EventPair events;
  const int sent[] = {events.ends[1], pair.ends[0]};
  CHECK_EQ(os::send_with_descriptors(pair.ends[0], "hi", 2, sent, 2), 2);
  char text[8];
  int received[os::kMaxDescriptors];
  size_t count = os::kMaxDescriptors;
  CHECK_EQ(os::receive_with_descriptors(pair.ends[1], text, sizeof text, received, &count, kSecond), 2);
  REQUIRE_EQ(count, 2u);
  CHECK(closes_on_exec(received[0]) && closes_on_exec(received[1]));
  os::notify_event(received[0]);
  CHECK_EQ(os::wait_event(events.ends[0], -1, -1, 0), os::Wake::kNotified);
  for (const int descriptor : {received[0], received[1]}) os::close_descriptor(descriptor);
}

TEST("descriptors nobody has room for are closed, not leaked") {
  SocketPair pair;
  const int spare = dup(0);
  os::close_descriptor(spare);  // the lowest free number
  const int sent[] = {0, 0, 0, 0, 0, 0, 0, 0};
  CHECK_EQ(os::send_with_descriptors(pair.ends[0], "x", 1, sent, 8), 1);
  char text[8];
  int received[1];
  size_t count = 1;
  CHECK_EQ(os::receive_with_descriptors(pair.ends[1], text, sizeof text, received, &count, kSecond), 1);
  CHECK_EQ(count, 1u);
  os::close_descriptor(received[0]);
  const int after = dup(0);
  CHECK_EQ(after, spare);
  os::close_descriptor(after);
}

TEST("descriptors that arrive in a process without free ones are an error of their own, and none is kept") {
  Process limited([] {
    SocketPair pair;
    const int sent[] = {0, 0};
    char text[8];
    int received[os::kMaxDescriptors];
    size_t count = os::kMaxDescriptors;
    const int lowest = dup(0);
    os::close_descriptor(lowest);
    const rlimit one_more{static_cast<rlim_t>(lowest) + 1, static_cast<rlim_t>(lowest) + 1};
    if (os::send_with_descriptors(pair.ends[0], "x", 1, sent, 2) != 1 || setrlimit(RLIMIT_NOFILE, &one_more) != 0)
      return 1;
    if (os::receive_with_descriptors(pair.ends[1], text, sizeof text, received, &count, kSecond) != -EMFILE) return 2;
    return count == 0 && dup(0) == lowest ? 0 : 3;
  });
  CHECK_EQ(limited.wait(), 0);
}

TEST("more descriptors than a datagram carries are refused by the sender") {
  SocketPair pair;
  const int sent[os::kMaxDescriptors + 1] = {};
  CHECK_EQ(os::send_with_descriptors(pair.ends[0], "x", 1, sent, os::kMaxDescriptors + 1), -EINVAL);
}

TEST("receiving times out, sees the end, and survives signals") {
  SocketPair pair;
  char text[8];
  size_t count = 0;
  CHECK_EQ(os::receive_with_descriptors(pair.ends[1], text, sizeof text, nullptr, &count, 0), -ETIMEDOUT);
  Process interrupted([&] {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    sigaction(SIGALRM, &action, nullptr);
    const itimerval every_ms{{0, 1000}, {0, 1000}};
    setitimer(ITIMER_REAL, &every_ms, nullptr);
    return os::receive_with_descriptors(pair.ends[1], text, sizeof text, nullptr, &count, kSecond / 20) == -ETIMEDOUT
               ? 0
               : 1;
  });
  CHECK_EQ(interrupted.wait(), 0);
  os::close_descriptor(pair.ends[0]);
  pair.ends[0] = -1;
  CHECK_EQ(os::receive_with_descriptors(pair.ends[1], text, sizeof text, nullptr, &count, kSecond), 0);
}

TEST("a peer's last words are read although it ended with ours unread") {
  SocketPair pair;
  CHECK_EQ(os::send_with_descriptors(pair.ends[0], "unread", 6, nullptr, 0), 6);
  CHECK_EQ(os::send_with_descriptors(pair.ends[1], "last", 4, nullptr, 0), 4);
  os::close_descriptor(pair.ends[1]);
  pair.ends[1] = -1;
  char text[8];
  size_t count = 0;
  CHECK_EQ(os::receive_with_descriptors(pair.ends[0], text, sizeof text, nullptr, &count, kSecond), 4);
}

TEST("sending into a closed or full socket is an error, not a signal and not a wait") {
  SocketPair full;
  const std::string text(1000, 'x');
  int64_t sent = 0;
  while ((sent = os::send_with_descriptors(full.ends[0], text.data(), text.size(), nullptr, 0)) > 0) {
  }
  CHECK_EQ(sent, -EAGAIN);
  SocketPair pair;
  os::close_descriptor(pair.ends[1]);
  pair.ends[1] = -1;
  CHECK_EQ(os::send_with_descriptors(pair.ends[0], "x", 1, nullptr, 0), -EPIPE);
}

// --- the machine -----------------------------------------------------------------------------------------

TEST("usable CPUs are at least one, at most the affinity, and follow it") {
  const uint32_t cpus = os::usable_cpus();
  cpu_set_t set;
  sched_getaffinity(0, sizeof set, &set);
  CHECK(cpus >= 1 && cpus <= static_cast<uint32_t>(CPU_COUNT(&set)));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &set)) CPU_SET(cpu, &one);
  REQUIRE_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  CHECK_EQ(os::usable_cpus(), 1u);
}

TEST("memory is more than nothing and at most what the machine has") {
  const uint64_t all = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  CHECK(os::memory_bytes() >= 16ull << 20);
  CHECK(os::memory_bytes() <= all);
}

TEST("time does not go back, and random ids do not repeat") {
  int64_t last = os::now_ns();
  std::set<uint64_t> ids;
  for (int time = 0; time < 10'000; ++time) {
    const int64_t now = os::now_ns();
    CHECK(now >= last);
    last = now;
    const uint64_t id = os::random_id();
    CHECK(id != 0);
    ids.insert(id);
  }
  CHECK_EQ(ids.size(), 10'000u);
}

// --- the watcher of a worker (forked before any thread: it starts one itself) --------------------------------

TEST("the watcher ends a busy process when the other end closes") {
  SocketPair pair;
  Process other([&] {
    os::close_descriptor(pair.ends[0]);
    if (!os::exit_when_closed(pair.ends[1], 42)) return 1;
    for (volatile uint64_t busy = 0;;) busy = busy + 1;
  });
  os::close_descriptor(pair.ends[0]);
  pair.ends[0] = -1;
  CHECK_EQ(other.wait(), 42);
}

TEST("the watcher ends a process that has closed every descriptor") {
  SocketPair pair;
  Process other([&] {
    syscall(SYS_close_range, 3u, UINT_MAX, 0u);
    if (!os::exit_when_closed(pair.ends[1], 43)) return 1;
    for (;;) pause();
  });
  CHECK_EQ(other.wait(), 43);
}
