// Blocks that any thread allocates, sends and frees, as numpy does, with delays; and forks meanwhile.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "conversation.h"
#include "stress.h"

using namespace isthmus;
using namespace isthmus::test;
using wire::Kind;

namespace {

constexpr uint32_t kThreads = 4;
constexpr uint32_t kBlocks = 80;  // of each
constexpr uint32_t kLast = 1u << 20;

// A sanitizer's allocator may be locked by a thread that the child does not have.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kForks = false;
#else
constexpr bool kForks = true;
#endif

struct Block {
  uint8_t* data;
  uint64_t bytes;
  uint8_t filled_with;
};

// Blocks that one thread allocated and another one frees.
class Exchange {
 public:
  // Another block for this one; false while there is none.
  bool swap(Random& random, Block& block) {
    const std::lock_guard<std::mutex> lock(mutex_);
    blocks_.push_back(block);
    if (blocks_.size() < 8) return false;
    std::swap(blocks_[random.below(blocks_.size())], blocks_.back());
    block = blocks_.back();
    blocks_.pop_back();
    return true;
  }
  [[nodiscard]] const std::vector<Block>& rest() const { return blocks_; }

 private:
  std::mutex mutex_;
  std::vector<Block> blocks_;
};

bool is_filled(const uint8_t* data, uint64_t bytes, uint8_t with) {
  for (uint64_t at = 0; at < bytes; at += 509)
    if (data[at] != with) return false;
  return data[bytes - 1] == with;
}

void allocate_and_free(Channel& worker, Exchange& exchange, Random random) {
  Ledger& ledger = worker.ledger();
  for (uint32_t count = 0; count < kBlocks; ++count) {
    Slot slot = kNoSlot;
    const bool zeroed = random.one_in(3);
    const uint64_t bytes = (random.one_in(2) ? 64 + random.below(2000) : 65'536 + random.below(200'000)) / 4 * 4;
    REQUIRE_EQ(worker.allocate(bytes, zeroed, slot), Status::kOk);
    Block block{ledger.data(slot), bytes, static_cast<uint8_t>(random.below(256))};
    if (zeroed) CHECK(is_filled(block.data, bytes, 0));
    std::memset(block.data, block.filled_with, bytes);
    Slot found = kNoSlot;
    CHECK(ledger.find(block.data + bytes / 2, found));  // as a view that is sent
    CHECK_EQ(found, slot);
    if (random.one_in(2))
      CHECK_EQ(send_all(worker, Kind::Result, block.filled_with, "", {whole(slot, bytes)}), Status::kOk);
    ledger.release(found);
    if (!exchange.swap(random, block)) continue;
    CHECK(is_filled(block.data, block.bytes, block.filled_with));
    ledger.release_address(block.data);
  }
}

// Node looks at what it is sent and gives it up, at once or later.
void look(Channel& node, Random random) {
  Message kept[4];
  for (;;) {
    Message& message = kept[random.below(4)];
    if (next(node, message) != Status::kOk || message->id() == kLast) break;
    const auto bytes = value(*message->tensors()->Get(0)->shape()->Get(0)) * 4;
    CHECK(is_filled(node.ledger().data(slot_of(message)), bytes, static_cast<uint8_t>(message->id())));
    if (random.one_in(2)) message.drop();
    node.flush_returns();
  }
}

// The child has private memory and no channel; the parent goes on.
void fork_once(Channel& worker) {
  worker.before_fork();
  const pid_t child = kForks ? fork() : 1;
  if (child == 0) {
    worker.after_fork_in_child(1 << 20);
    Slot slot = kNoSlot;
    const bool refuses = worker.allocate(64, false, slot) == Status::kForked && worker.closed();
    _exit(refuses && worker.ledger().is_valid() ? 0 : 1);
  }
  worker.after_fork_in_parent();
  int status = 0;
  if (kForks) CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace

TEST("stress: any thread allocates, sends and frees, while pages are given back and the process forks") {
  for (Stress stress; stress.next_round();) {
    Options options = small_options();
    options.ring_bytes = kMinRingBytes;
    options.retain_bytes = 512 << 10;
    ChannelPair pair(options);
    Exchange exchange;
    std::thread node([&] { look(*pair.node, stress.random(1)); });
    std::atomic<bool> done{false};
    std::thread other([&] {
      Random random = stress.random(2);
      while (!done) {
        random.one_in(2) ? fork_once(*pair.worker) : pair.worker->ledger().trim();
        std::this_thread::sleep_for(std::chrono::microseconds(random.below(2000)));
      }
    });
    std::vector<std::thread> threads;
    for (uint32_t thread = 0; thread < kThreads; ++thread)
      threads.emplace_back([&, thread] { allocate_and_free(*pair.worker, exchange, stress.random(10 + thread)); });
    for (std::thread& thread : threads) thread.join();
    done = true;
    other.join();
    for (const Block& block : exchange.rest()) {
      CHECK(is_filled(block.data, block.bytes, block.filled_with));
      pair.worker->ledger().release_address(block.data);
    }
    CHECK_EQ(send_all(*pair.worker, Kind::Result, kLast, ""), Status::kOk);
    node.join();
    settle(*pair.node, *pair.worker);
    CHECK(pair.is_valid());
    CHECK_EQ(pair.worker->ledger().stats().own_bytes, 0u);
  }
}
