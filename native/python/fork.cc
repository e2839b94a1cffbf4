// fork(): the child inherits the shared mappings and a copy of the private book-keeping, and may harm neither.
#include <pthread.h>

#include "python/process.h"

namespace isthmus::python {

namespace {

// Live blocks that the child gets as its own copy at once, smallest first. Pages of the others still show what the
// parent writes later, until the child writes to them itself: programs that need more use `spawn` or `forkserver`.
constexpr uint64_t kForkCopyBytes = 64ull << 20;

Channel* channel = nullptr;
bool forked = false;

void before_fork() noexcept {
  if (!forked) channel->before_fork();
}

void after_fork_in_parent() noexcept {
  if (!forked) channel->after_fork_in_parent();
}

void after_fork_in_child() noexcept {
  if (forked) return;  // a grandchild: everything is private already
  forked = true;
  channel->after_fork_in_child(kForkCopyBytes);
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
