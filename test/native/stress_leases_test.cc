// Tensors of three processes' arenas go back and forth between Node and two workers, with delays; one worker dies now and
// then. What is read is what was written, and in the end nobody holds anything.
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

constexpr uint32_t kTurns = 120;
constexpr uint32_t kGoodbye = 1u << 20;

// A tensor is filled with one byte, which is also in the id of every message that names it.
void fill(Channel& channel, Slot slot, uint32_t id, uint64_t bytes) {
  std::memset(channel.ledger().data(slot), static_cast<int>(id & 0xff), bytes);
}

bool is_filled(Ledger& ledger, const Message& message) {
  const uint8_t* data = ledger.data(slot_of(message));
  const auto bytes = value(*message->tensors()->Get(0)->shape()->Get(0)) * 4;
  const auto wanted = static_cast<uint8_t>(message->id());
  return data[0] == wanted && data[bytes / 2] == wanted && data[bytes - 1] == wanted;
}

bool has_tensor(const Message& message) { return message->tensors() != nullptr; }

struct Tensor {
  Slot slot;
  uint32_t id;
  uint64_t bytes;
};

Tensor taken(Message& message) {
  const Tensor tensor{slot_of(message), message->id(), value(*message->tensors()->Get(0)->shape()->Get(0)) * 4};
  message.disown();
  return tensor;
}

uint64_t some_bytes(Random& random) {
  constexpr uint64_t kSizes[] = {64, 1024, 20'000, 70'000, 300'000};
  return (kSizes[random.below(5)] + random.below(64)) / 4 * 4;
}

Status made(Channel& channel, uint32_t id, Random& random, Tensor& out) {
  out = Tensor{kNoSlot, id, some_bytes(random)};
  const Status status = channel.allocate(out.bytes, false, out.slot);
  if (status == Status::kOk) fill(channel, out.slot, id, out.bytes);
  return status;
}

// Answers a call with a tensor of its own, or with the one that it was sent. Dies early if it is told to.
void serve(Channel& worker, Random random, uint32_t dies_after) {
  Message message;
  Tensor kept{kNoSlot, 0, 0};
  for (uint32_t turn = 0; turn != dies_after && next(worker, message) == Status::kOk; ++turn) {
    if (message->id() == kGoodbye) break;
    Tensor tensor{};
    if (has_tensor(message)) {
      CHECK(is_filled(worker.ledger(), message));
      tensor = taken(message);
    } else if (made(worker, message->id(), random, tensor) != Status::kOk) {
      break;
    }
    const Status sent = send_all(worker, Kind::Result, tensor.id, "", {whole(tensor.slot, tensor.bytes)});
    if (random.one_in(3)) std::swap(tensor, kept);  // gives it up later
    if (tensor.bytes != 0) worker.ledger().release(tensor.slot);
    if (sent != Status::kOk) break;
  }
  if (kept.bytes != 0 && dies_after == UINT32_MAX) worker.ledger().release(kept.slot);
}

// What Node has, whoever made it. Any thread gives and takes.
class Stock {
 public:
  explicit Stock(Ledger& ledger) : ledger_(ledger) {}
  ~Stock() {
    for (const Tensor& tensor : tensors_) ledger_.release(tensor.slot);
  }
  void put(const Tensor& tensor) {
    const std::lock_guard<std::mutex> lock(mutex_);
    tensors_.push_back(tensor);
  }
  bool take(Random& random, Tensor& out) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (tensors_.empty()) return false;
    std::swap(tensors_[random.below(tensors_.size())], tensors_.back());
    out = tensors_.back();
    tensors_.pop_back();
    return true;
  }

 private:
  Ledger& ledger_;
  std::mutex mutex_;
  std::vector<Tensor> tensors_;
};

// Node's conversation with one worker: asks for tensors, sends what it has, whoever it is from.
void ask(Channel& node, Stock& stock, Random random) {
  Message message;
  uint32_t pending = 0;
  uint32_t turn = 0;
  while (turn < kTurns || pending != 0) {
    if (turn < kTurns && pending < 8) {
      Tensor tensor{};
      const auto id = static_cast<uint32_t>(random.below(256));
      Status status = Status::kOk;
      if (random.one_in(3)) {
        status = send_all(node, Kind::Call, id, "");
      } else {
        if (!stock.take(random, tensor)) REQUIRE_EQ(made(node, id, random, tensor), Status::kOk);
        status = send_all(node, Kind::Call, tensor.id, "", {whole(tensor.slot, tensor.bytes)});
        if (random.one_in(2))
          stock.put(tensor);
        else
          node.ledger().release(tensor.slot);
      }
      if (status == Status::kClosed) break;
      CHECK_EQ(status, Status::kOk);
      ++turn;
      ++pending;
      continue;
    }
    if (const Status status = next(node, message); status != Status::kOk) {
      CHECK_EQ(status, Status::kClosed);
      break;
    }
    --pending;
    CHECK(is_filled(node.ledger(), message));
    stock.put(taken(message));
    Tensor given_up{};
    while (random.one_in(2) && stock.take(random, given_up)) node.ledger().release(given_up.slot);
  }
  // What a worker had committed before it died is not lost.
  while (node.closed() && node.receive(message) == Status::kOk) CHECK(is_filled(node.ledger(), message));
  message.drop();
}

struct Worker {
  Worker(const Stress& stress, const std::shared_ptr<Ledger>& ledger, Stock& stock, uint64_t part, uint32_t dies_after)
      : pair(ledger, options()) {
    Random random = stress.random(part);
    pair.node->set_spin_ns(random.below(2) * 5'000);
    serving = std::thread([this, random, dies_after] {
      serve(*pair.worker, random, dies_after);
      if (dies_after != UINT32_MAX) pair.worker.reset();  // as when its process has ended
    });
    asking = std::thread([this, random, &stock] { ask(*pair.node, stock, random); });
  }
  static Options options() {
    Options options = small_options();
    options.ring_bytes = kMinRingBytes;
    options.retain_bytes = 1 << 20;
    return options;
  }
  // It dies by itself; then it is reaped, while the other goes on.
  void end_dead() {
    serving.join();
    pair.node->reap();
    asking.join();
    Message message;
    while (pair.node->receive(message) == Status::kOk) CHECK(is_filled(pair.node->ledger(), message));
  }

  ChannelPair pair;
  std::thread serving;
  std::thread asking;
};

// A tensor of a worker that is dead: whoever is sent it must be told of its arena first.
void leave_orphan(const std::shared_ptr<Ledger>& ledger, Stock& stock, Random random) {
  ChannelPair pair(ledger, Worker::options());
  Tensor tensor{};
  Message message;
  REQUIRE_EQ(made(*pair.worker, 7, random, tensor), Status::kOk);
  REQUIRE_EQ(send(*pair.worker, Kind::Result, 7, "", {whole(tensor.slot, tensor.bytes)}), Status::kOk);
  REQUIRE_EQ(next(*pair.node, message), Status::kOk);
  stock.put(taken(message));
  pair.worker.reset();
  pair.node->reap();
}

}  // namespace

TEST("stress: two workers of one Node, tensors lent on from each to the other; one dies again and again") {
  for (Stress stress; stress.next_round();) {
    const std::shared_ptr<Ledger> ledger = made_ledger(Worker::options());
    {
      Stock stock(*ledger);
      Random random = stress.random();
      leave_orphan(ledger, stock, random);
      Worker lasting(stress, ledger, stock, 1, UINT32_MAX);
      for (uint64_t incarnation = 0; incarnation < 2; ++incarnation)
        Worker(stress, ledger, stock, 2 + incarnation, static_cast<uint32_t>(random.below(kTurns))).end_dead();
      lasting.asking.join();
      CHECK_EQ(send_all(*lasting.pair.node, Kind::Call, kGoodbye, ""), Status::kOk);
      lasting.serving.join();
      for (Tensor tensor{}; stock.take(random, tensor);) ledger->release(tensor.slot);
      settle(*lasting.pair.node, *lasting.pair.worker);
      CHECK(lasting.pair.is_valid());
    }
    CHECK(ledger->is_valid());
    const LedgerStats stats = ledger->stats();
    CHECK_EQ(stats.own_blocks + stats.lent_leases + stats.borrowed_blocks, 0u);
  }
}
