#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

namespace isthmus::os {

// --- shared memory -----------------------------------------------------------------------------------

namespace {

// A file-size limit (`ulimit -f`) makes ftruncate raise SIGXFSZ, which would end the process: let it fail instead.
int resize_without_signal(int descriptor, uint64_t bytes) noexcept {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGXFSZ);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const int result = ftruncate(descriptor, static_cast<off_t>(bytes)) == 0 ? 0 : -errno;
  if (result == -EFBIG) {
    const timespec now{0, 0};
    sigtimedwait(&blocked, nullptr, &now);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return result;
}

}  // namespace

int create_segment(const char* name, uint64_t bytes) noexcept {
  int descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  if (descriptor < 0 && errno == EINVAL) descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (descriptor < 0) return -errno;
  int result = resize_without_signal(descriptor, bytes);
  if (result == 0 && fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) result = -errno;
  if (result == 0) return descriptor;
  close(descriptor);
  return result;
}

int64_t segment_bytes(int descriptor) noexcept {
  const int seals = fcntl(descriptor, F_GET_SEALS);
  if (seals < 0) return -errno;
  if ((seals & (F_SEAL_SHRINK | F_SEAL_GROW)) != (F_SEAL_SHRINK | F_SEAL_GROW)) return -EPERM;
  struct stat status;
  return fstat(descriptor, &status) == 0 ? status.st_size : -errno;
}

void* map_segment(int descriptor, uint64_t bytes) noexcept {
  void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor, 0);
  if (address == MAP_FAILED) return nullptr;
  madvise(address, bytes, MADV_DONTDUMP);
  return address;
}

bool isolate_mapping(void* address, int descriptor, uint64_t bytes) noexcept {
  if (mmap(address, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, descriptor, 0) !=
      MAP_FAILED)
    return true;
  mmap(address, bytes, PROT_NONE, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return false;
}

void unmap(void* address, uint64_t bytes) noexcept { munmap(address, bytes); }

bool punch_hole(int descriptor, uint64_t offset, uint64_t bytes) noexcept {
  return fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                   static_cast<off_t>(bytes)) == 0;
}

bool populate(void* address, uint64_t bytes) noexcept { return madvise(address, bytes, MADV_POPULATE_WRITE) == 0; }

// --- waking the other process --------------------------------------------------------------------------

int socket_pair(int (&sockets)[2]) noexcept {
  return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == 0 ? 0 : -errno;
}

int event_pair(int (&ends)[2]) noexcept {
  const int result = socket_pair(ends);
  if (result == 0) refuse_descriptors(ends[0]);
  return result;
}

// A full queue is readable at the other end, so whoever waits there wakes up anyway.
void notify_event(int notifying_end) noexcept { send(notifying_end, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL); }

bool clear_event(int event) noexcept {
  // A peer that sends as fast as we read cannot keep us here; what is left is one wake-up too many.
  for (int look = 0; look < 64; ++look) {
    char byte;
    const ssize_t got = recv(event, &byte, 1, MSG_DONTWAIT);
    if (got == 0) return false;
    if (got < 0 && errno != EINTR) break;
  }
  return true;
}

Wake wait_event(int event, int hangup, int process, int64_t timeout_ns) noexcept {
  pollfd watched[3] = {{event, POLLIN, 0}, {hangup, POLLRDHUP, 0}, {process, POLLIN, 0}};  // a negative one is ignored
  timespec timeout{timeout_ns / 1'000'000'000, timeout_ns % 1'000'000'000};
  const int ready = ppoll(watched, process >= 0 ? 3 : 2, timeout_ns < 0 ? nullptr : &timeout, nullptr);
  if (ready < 0) return Wake::kInterrupted;
  if (ready == 0) return Wake::kTimeout;
  if ((watched[0].revents & POLLIN) != 0) return Wake::kNotified;
  return Wake::kHungUp;
}

Wake wait_word(std::atomic<uint32_t>& word, uint32_t value, int64_t timeout_ns) noexcept {
  timespec timeout{timeout_ns / 1'000'000'000, timeout_ns % 1'000'000'000};
  if (syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, timeout_ns < 0 ? nullptr : &timeout, nullptr, 0) == 0)
    return Wake::kNotified;
  return errno == ETIMEDOUT ? Wake::kTimeout : errno == EINTR ? Wake::kInterrupted : Wake::kNotified;
}

void wake_word(std::atomic<uint32_t>& word) noexcept {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

// --- other processes -----------------------------------------------------------------------------------

int open_process(int64_t id) noexcept {
  const auto descriptor = static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(id), 0u));
  return descriptor >= 0 ? descriptor : -errno;
}

bool process_ending(int process, int timeout_ms, Ending& out) noexcept {
  pollfd ended{process, POLLIN, 0};
  if (process >= 0 && timeout_ms > 0) poll(&ended, 1, timeout_ms);
  constexpr auto kPidfd = static_cast<idtype_t>(3);  // P_PIDFD, which older headers lack
  if (process < 0) return false;
  siginfo_t info{};
  int result;
  do result = waitid(kPidfd, static_cast<id_t>(process), &info, WEXITED | WNOHANG | WNOWAIT);
  while (result != 0 && errno == EINTR);
  if (result != 0 || info.si_pid == 0) return false;
  const bool exited = info.si_code == CLD_EXITED;
  out = Ending{exited ? info.si_status : -1, exited ? 0 : info.si_status};
  return true;
}

// --- control socket ------------------------------------------------------------------------------------

namespace {

union DescriptorSpace {
  cmsghdr align;
  char bytes[CMSG_SPACE(sizeof(int) * kMaxDescriptors)];
};

}  // namespace

int64_t send_with_descriptors(int socket, const void* data, size_t bytes, const int* descriptors,
                              size_t count) noexcept {
  if (count > kMaxDescriptors) return -EINVAL;
  iovec part{const_cast<void*>(data), bytes};
  DescriptorSpace space{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (count != 0) {
    message.msg_control = space.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(header), descriptors, sizeof(int) * count);
  }
  ssize_t sent;
  do sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (sent < 0 && errno == EINTR);
  return sent >= 0 ? sent : -errno;
}

int64_t receive_with_descriptors(int socket, void* data, size_t bytes, int* descriptors, size_t* count,
                                 int64_t timeout_ns) noexcept {
  const size_t room = *count;
  *count = 0;
  pollfd readable{socket, POLLIN, 0};
  const int64_t deadline_ns = now_ns() + timeout_ns;
  for (int ready = 0; ready <= 0;) {
    const int64_t left_ns = std::max<int64_t>(0, deadline_ns - now_ns());
    const timespec left{left_ns / 1'000'000'000, left_ns % 1'000'000'000};
    ready = ppoll(&readable, 1, &left, nullptr);
    if (ready == 0) return -ETIMEDOUT;
    if (ready < 0 && errno != EINTR) return -errno;
  }
  iovec part{data, bytes};
  DescriptorSpace space{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space.bytes;
  message.msg_controllen = sizeof space.bytes;
  ssize_t received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  // A peer that ended with unread datagrams of ours: the system says so once, before it hands out the peer's own.
  if (received < 0 && errno == ECONNRESET) received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (received < 0) return -errno;
  size_t carried = 0;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    carried = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t at = 0; at < carried; ++at) {
      int descriptor;
      memcpy(&descriptor, CMSG_DATA(header) + at * sizeof(int), sizeof descriptor);
      if (*count < room)
        descriptors[(*count)++] = descriptor;
      else
        close(descriptor);
    }
  }
  if ((message.msg_flags & MSG_CTRUNC) == 0 || carried == kMaxDescriptors) return received;
  while (*count > 0) close(descriptors[--*count]);
  return -EMFILE;
}

void refuse_descriptors(int socket) noexcept {
  const int passes = 0;
  setsockopt(socket, SOL_SOCKET, SO_PASSRIGHTS, &passes, sizeof passes);
}

void hang_up(int socket) noexcept { shutdown(socket, SHUT_RDWR); }

int duplicate(int descriptor) noexcept {
  const int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  return copy >= 0 ? copy : -errno;
}

bool set_close_on_exec(int descriptor) noexcept { return fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0; }

void close_descriptor(int descriptor) noexcept {
  if (descriptor >= 0) close(descriptor);
}

// --- the machine ---------------------------------------------------------------------------------------

int64_t now_ns() noexcept {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000ll + now.tv_nsec;
}

uint64_t random_id() noexcept {
  uint64_t id = 0;
  while (id == 0)
    if (getrandom(&id, sizeof id, 0) != sizeof id)
      id = static_cast<uint64_t>(now_ns()) ^ static_cast<uint64_t>(getpid()) << 40;
  return id;
}

bool exit_when_closed(int socket, int code) noexcept {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for the threads that run Python
  struct Watch {
    int socket;
    int code;
  };
  auto* watch = new Watch{socket, code};
  pthread_t thread;
  const bool started = pthread_create(
                           &thread, nullptr,
                           [](void* argument) -> void* {
                             const auto [watched_socket, exit_code] = *static_cast<Watch*>(argument);
                             delete static_cast<Watch*>(argument);
                             // POLLNVAL: the program has closed every descriptor; it could not be stopped any more.
                             constexpr short kEnd = POLLRDHUP | POLLHUP | POLLERR | POLLNVAL;
                             pollfd watched{watched_socket, POLLRDHUP, 0};
                             while (poll(&watched, 1, -1) < 0 || (watched.revents & kEnd) == 0) {
                             }
                             _exit(exit_code);
                           },
                           watch) == 0;
  if (started)
    pthread_detach(thread);
  else
    delete watch;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

}  // namespace isthmus::os
