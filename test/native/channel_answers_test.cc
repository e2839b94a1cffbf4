// Answers to calls of the worker: each goes where it is waited for, and nobody else's is kept.
#include <string>
#include <thread>
#include <vector>

#include "channel_ends.h"
#include "core/channel.h"
#include "process.h"
#include "run.h"

using namespace isthmus;
using namespace isthmus::test;
using wire::Kind;

namespace {

constexpr uint32_t kQueued = 1u << 31;  // in an id: the answer goes into the queue
constexpr uint32_t kMiB = 1 << 20;

// A block of Node's as the only tensor of a message to the worker. Node keeps no reference.
Status send_tensor(ChannelPair& pair, Kind kind, uint32_t id) {
  Slot slot = kNoSlot;
  CHECK_EQ(pair.node->allocate(4096, false, slot), Status::kOk);
  const Status status = send(*pair.node, kind, id, "", {whole(slot, 4096)});
  pair.node->ledger().release(slot);
  return status;
}

// What the worker still uses of Node's memory, after it has returned what it owes.
uint64_t leases_left(ChannelPair& pair) {
  pair.worker->flush_returns();
  CHECK_EQ(pair.node->drain(), Status::kOk);
  CHECK(pair.is_valid());
  return pair.node->ledger().stats().lent_leases;
}

}  // namespace

TEST("the answer to a call of a thread is there for that thread, whatever is queued before it") {
  ChannelPair pair;
  Message message;
  pair.worker->expect(7);
  pair.worker->expect(8);
  CHECK_EQ(pair.worker->receive_answer(7, message), Status::kEmpty);
  CHECK_EQ(send(*pair.node, Kind::Call, 7, "a call of Node's, with an id of its own"), Status::kOk);
  CHECK_EQ(send(*pair.node, Kind::Error, 8, "eight"), Status::kOk);
  CHECK_EQ(send(*pair.node, Kind::Result, 7, "seven"), Status::kOk);
  REQUIRE_EQ(pair.worker->receive_answer(7, message), Status::kOk);
  CHECK_EQ(payload_of(message), "seven");
  CHECK(!pair.worker->expects(7));
  REQUIRE_EQ(pair.worker->receive(message), Status::kOk);
  CHECK(message->kind() == Kind::Call);
  CHECK_EQ(pair.worker->receive(message), Status::kEmpty);
  REQUIRE_EQ(pair.worker->receive_answer(8, message), Status::kOk);
  CHECK(message->kind() == Kind::Error);
}

TEST("answers to ids with the top bit set are queued, and in Node all answers are") {
  ChannelPair pair;
  Message message;
  CHECK_EQ(send(*pair.node, Kind::Result, kQueued | 7, ""), Status::kOk);
  REQUIRE_EQ(pair.worker->receive(message), Status::kOk);
  CHECK_EQ(message->id(), kQueued | 7);
  CHECK_EQ(send(*pair.worker, Kind::Result, 7, ""), Status::kOk);
  REQUIRE_EQ(pair.node->receive(message), Status::kOk);
  CHECK_EQ(message->id(), 7u);
}

TEST(
    "an answer with a tensor is the reader's; one that is forgotten, second or not expected is dropped with its "
    "leases") {
  ChannelPair pair;
  Message message;
  pair.worker->expect(1);
  pair.worker->expect(2);
  pair.worker->expect(3);
  for (const uint32_t id : {1u, 1u, 2u, 4u}) CHECK_EQ(send_tensor(pair, Kind::Result, id), Status::kOk);
  CHECK_EQ(pair.worker->drain(), Status::kOk);
  CHECK_EQ(leases_left(pair), 2u);
  pair.worker->forget(2);  // has come
  pair.worker->forget(3);  // comes now
  pair.worker->forget(9);  // never was
  CHECK_EQ(send_tensor(pair, Kind::Error, 3), Status::kOk);
  REQUIRE_EQ(pair.worker->receive_answer(1, message), Status::kOk);
  CHECK_EQ(leases_left(pair), 1u);
  message.drop();
  CHECK_EQ(leases_left(pair), 0u);
  CHECK_EQ(pair.worker->receive(message), Status::kEmpty);
  CHECK(!pair.worker->closed());
}

TEST("a flood of answers that nobody expects leaves nothing behind, short or long") {
  ChannelPair pair;
  pair.worker->expect(5);
  for (uint32_t round = 0; round < 50'000; ++round) {
    REQUIRE_EQ(send(*pair.node, Kind::Result, round % 5, "unasked"), Status::kOk);
    REQUIRE_EQ(pair.worker->drain(), Status::kOk);
  }
  for (uint32_t round = 0; round < 100; ++round) {  // 400 MiB: more than may be queued
    REQUIRE_EQ(send(*pair.node, Kind::Error, 6, std::string(4 * kMiB, 'x')), Status::kOk);
    REQUIRE_EQ(pair.worker->drain(), Status::kOk);
    REQUIRE(!pair.worker->has_input());
    CHECK_EQ(leases_left(pair), 0u);
  }
  Message message;
  CHECK_EQ(pair.worker->receive(message), Status::kEmpty);
  CHECK_EQ(pair.worker->receive_answer(5, message), Status::kEmpty);
}

TEST("answers that are kept count into the limit of the queue, and make room when they are taken or forgotten") {
  ChannelPair pair;
  Message message;
  constexpr uint32_t kAnswers = 64;  // of 4 MiB and a little: just above the limit
  for (uint32_t id = 1; id <= kAnswers; ++id) {
    pair.worker->expect(id);
    REQUIRE_EQ(send(*pair.node, Kind::Result, id, std::string(4 * kMiB, 'x')), Status::kOk);
    REQUIRE_EQ(pair.worker->drain(), Status::kOk);
    (void)leases_left(pair);
  }
  for (uint32_t id = 1; id <= 2; ++id) {
    CHECK_EQ(send(*pair.node, Kind::Call, id, std::string(4 * kMiB, 'x')), Status::kOk);
    CHECK_EQ(pair.worker->receive(message), Status::kEmpty);
    std::thread sleeper([&] { CHECK_EQ(pair.worker->wait(-1, false), Status::kOk); });  // until there is room
    while (pair.worker->counters(Side::kWorker).parks.load() < id) std::this_thread::yield();
    if (id == 1)
      REQUIRE_EQ(pair.worker->receive_answer(1, message), Status::kOk);
    else
      pair.worker->forget(2);
    sleeper.join();
    message = Message();
    CHECK_EQ(pair.worker->receive(message), Status::kOk);
    CHECK_EQ(message->id(), id);
    pair.worker->expect(kAnswers + id);
    CHECK_EQ(send(*pair.node, Kind::Result, kAnswers + id, std::string(4 * kMiB, 'x')), Status::kOk);
    CHECK_EQ(pair.worker->drain(), Status::kOk);
  }
}

TEST("a full queue does not keep back the answer that a thread waits for") {
  ChannelPair pair;
  Message message;
  for (uint32_t id = 1; id <= 66; ++id) {
    REQUIRE_EQ(send(*pair.node, Kind::Call, id, std::string(4 * kMiB, 'x')), Status::kOk);
    REQUIRE_EQ(pair.worker->drain(), Status::kOk);
    (void)leases_left(pair);
  }
  pair.worker->expect(1);
  REQUIRE_EQ(send(*pair.node, Kind::Result, 1, "behind them"), Status::kOk);
  CHECK_EQ(pair.worker->receive_answer(1, message), Status::kEmpty);
  Waiter waiter = pair.worker->waiter(Waiter::For::kAnswer, 1);
  CHECK_EQ(pair.worker->wait(waiter, os::now_ns() + 10 * kSecond), Status::kOk);
  REQUIRE_EQ(pair.worker->receive_answer(1, message), Status::kOk);
  CHECK_EQ(payload_of(message), "behind them");
}

TEST("a Cancel drops the queued call, stream or object it is for; it and an Interrupt are seen without being taken") {
  for (const Kind kind : {Kind::Call, Kind::Stream, Kind::Create}) {
    ChannelPair pair;
    Message message;
    CHECK_EQ(send(*pair.node, kind, 1, ""), Status::kOk);
    CHECK_EQ(send_tensor(pair, kind, 2), Status::kOk);
    CHECK(pair.worker->cancelled(2) == Kind::None);
    CHECK_EQ(send(*pair.node, Kind::Cancel, 2, ""), Status::kOk);
    CHECK(pair.worker->cancelled(2) == Kind::None);  // it was answered
    CHECK_EQ(leases_left(pair), 0u);
    REQUIRE_EQ(pair.worker->receive(message), Status::kOk);  // the first one runs
    CHECK_EQ(send(*pair.node, Kind::Cancel, 1, ""), Status::kOk);
    CHECK(pair.worker->cancelled(1) == Kind::Cancel);
    CHECK(pair.worker->cancelled(2) == Kind::None);
    CHECK_EQ(send(*pair.node, Kind::Interrupt, 1, ""), Status::kOk);
    CHECK_EQ(send(*pair.node, Kind::Cancel, 1, ""), Status::kOk);
    CHECK(pair.worker->cancelled(1) == Kind::Interrupt);
    for (const Kind expected : {Kind::Cancel, Kind::Interrupt, Kind::Cancel}) {
      REQUIRE_EQ(pair.worker->receive(message), Status::kOk);
      CHECK(message->kind() == expected);
    }
    CHECK(pair.worker->cancelled(1) == Kind::None);
  }
}

TEST("an Item is not dropped by a Cancel, nor an Interrupt by what it finds") {
  ChannelPair pair;
  Message message;
  CHECK_EQ(send(*pair.node, Kind::Interrupt, 3, ""), Status::kOk);
  CHECK_EQ(send(*pair.node, Kind::Credit, 3, "x"), Status::kOk);
  CHECK_EQ(send(*pair.node, Kind::Cancel, 3, ""), Status::kOk);
  for (const Kind expected : {Kind::Interrupt, Kind::Credit, Kind::Cancel}) {
    REQUIRE_EQ(pair.worker->receive(message), Status::kOk);
    CHECK(message->kind() == expected);
  }
}

TEST("a forked child expects nothing, and the parent goes on") {
  ChannelPair pair;
  Message message;
  pair.worker->expect(1);
  pair.worker->expect(2);
  CHECK_EQ(send_tensor(pair, Kind::Result, 1), Status::kOk);
  CHECK_EQ(pair.worker->drain(), Status::kOk);
  pair.worker->before_fork();
  Process child([&] {
    pair.worker->after_fork_in_child(0);
    if (pair.worker->expects(1) || pair.worker->expects(2)) return 1;
    if (pair.worker->receive_answer(1, message) != Status::kForked) return 2;
    pair.worker->forget(2);
    return pair.worker->cancelled(1) == Kind::None ? 0 : 3;
  });
  pair.worker->after_fork_in_parent();
  CHECK_EQ(child.wait(), 0);
  CHECK_EQ(leases_left(pair), 1u);
  REQUIRE_EQ(pair.worker->receive_answer(1, message), Status::kOk);
  message.drop();
  CHECK_EQ(leases_left(pair), 0u);
}
