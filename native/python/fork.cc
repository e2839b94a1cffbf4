// fork(): the child inherits the shared mappings and a copy of the private book-keeping, and may harm neither.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "python/process.h"

namespace isthmus::python {

namespace {

// Live blocks that the child gets as its own copy at once, smallest first; the parent waits for that, or the child would
// copy what the parent writes meanwhile. Pages of the other blocks still show what the parent writes later, until the
// child writes to them itself: programs that need more use `spawn` or `forkserver`.
constexpr uint64_t kForkCopyBytes = 64ull << 20;

Channel* channel = nullptr;
bool forked = false;       // then children of this process find everything private already
int copied[2] = {-1, -1};  // a pipe that the child closes, in whatever way, when it has copied

void close_end(int& descriptor) noexcept {
  if (descriptor >= 0) close(descriptor);
  descriptor = -1;
}

void before_fork() noexcept {
  if (forked) return;
  channel->before_fork();
  if (pipe2(copied, O_CLOEXEC) != 0) copied[0] = copied[1] = -1;
}

void after_fork_in_parent() noexcept {
  if (forked) return;
  close_end(copied[1]);
  char nothing;
  while (copied[0] >= 0 && read(copied[0], &nothing, 1) < 0 && errno == EINTR) {
  }
  close_end(copied[0]);
  channel->after_fork_in_parent();
}

void after_fork_in_child() noexcept {
  if (forked) return;
  forked = true;
  close_end(copied[0]);
  channel->after_fork_in_child(kForkCopyBytes);
  close_end(copied[1]);
}

}  // namespace

Channel* process_channel() noexcept { return channel; }

bool is_forked() noexcept { return forked; }

Channel* keep_process_channel(std::unique_ptr<Channel> joined) noexcept {
  const bool first = channel == nullptr;
  channel = joined.release();
  if (first) pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  return channel;
}

}  // namespace isthmus::python
