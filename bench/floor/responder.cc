// The C++ process at the other end of the Node floor: adds two integers, and only ever spins.
// Usage: responder, with the mailbox as descriptor 3.

#include <sys/mman.h>
#include <unistd.h>

#include "mailbox.h"

using floor_bench::kSlots;
using floor_bench::kStop;
using floor_bench::Mailbox;

namespace {

constexpr int kMailboxFd = 3;
constexpr uint32_t kSpinsPerParentCheck = 1u << 22;

// Returns false when the caller has stopped or is gone.
bool wait_for(const std::atomic<uint64_t>& sequence, uint64_t wanted, pid_t parent) {
  for (uint32_t spins = 1;; ++spins) {
    const uint64_t seen = sequence.load(std::memory_order_acquire);  // sync: request-published
    if (seen == wanted) return true;
    if (seen == kStop) return false;
    if (spins % kSpinsPerParentCheck == 0 && getppid() != parent) return false;
    floor_bench::pause();
  }
}

}  // namespace

int main() {
  void* page = mmap(nullptr, sizeof(Mailbox), PROT_READ | PROT_WRITE, MAP_SHARED, kMailboxFd, 0);
  if (page == MAP_FAILED) return 1;
  auto& mailbox = *static_cast<Mailbox*>(page);
  const pid_t parent = getppid();
  for (uint64_t n = 0;; ++n) {
    auto& request = mailbox.requests[n % kSlots];
    if (!wait_for(request.sequence, n + 1, parent)) return 0;
    auto& reply = mailbox.replies[n % kSlots];
    reply.sum = int64_t{request.a} + request.b;
    reply.sequence.store(n + 1, std::memory_order_release);  // sync: reply-published
  }
}
