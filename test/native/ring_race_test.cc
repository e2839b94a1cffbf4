// The ring, third and fourth: two threads, and two real processes.
#include <sched.h>

#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "core/ring.h"
#include "core/segment.h"
#include "process.h"
#include "ring_memory.h"
#include "run.h"

using namespace isthmus;
using isthmus::test::Process;
using isthmus::test::RingMemory;

namespace {

// Record n: its number, and 0..200 bytes that follow from it.
uint32_t length_of(uint64_t number) { return static_cast<uint32_t>(8 + number * 2654435761u % 200); }

bool produce(Producer& producer, uint64_t count) {
  for (uint64_t number = 0; number < count;) {
    const Status status = producer.claim(length_of(number), 0);
    if (status == Status::kFull) {
      sched_yield();
      continue;
    }
    if (status != Status::kOk) return false;
    uint8_t record[208];
    std::memset(record, static_cast<int>(number & 0xff), sizeof record);
    std::memcpy(record, &number, sizeof number);
    producer.commit(record);
    ++number;
  }
  return true;
}

// How many records came out right and in order.
uint64_t consume(Consumer& consumer, uint64_t count) {
  for (uint64_t number = 0; number < count;) {
    Consumer::Record record;
    const Status status = consumer.peek(record);
    if (status == Status::kEmpty) {
      sched_yield();
      continue;
    }
    uint64_t found = 0;
    if (status != Status::kOk || record.bytes != length_of(number)) return number;
    std::memcpy(&found, record.data, sizeof found);
    if (!record.matches(record.data)) return number;
    if (found != number) return number;
    for (uint32_t at = sizeof found; at < record.bytes; ++at)
      if (record.data[at] != (number & 0xff)) return number;
    consumer.release();
    ++number;
  }
  return count;
}

}  // namespace

TEST("two threads: every record comes out once, whole and in order") {
  RingMemory ring(4096);
  constexpr uint64_t kCount = 300'000;
  std::thread producer([&] { CHECK(produce(ring.producer, kCount)); });
  CHECK_EQ(consume(ring.consumer, kCount), kCount);
  producer.join();
  CHECK(ring.consumer.empty());
}

TEST("two processes: every record comes out once, whole and in order") {
  Segment segment;
  REQUIRE_EQ(Segment::create("ring-test", 8192, segment), Status::kOk);
  constexpr uint64_t kCount = 500'000;
  auto* state = reinterpret_cast<RingState*>(segment.data());
  Process other([&] {
    Producer producer(*state, segment.data() + 4096, 4096);
    return produce(producer, kCount) ? 0 : 1;
  });
  Consumer consumer(*state, segment.data() + 4096, 4096);
  CHECK_EQ(consume(consumer, kCount), kCount);
  CHECK_EQ(other.wait(), 0);
  CHECK(consumer.empty());
}

TEST("a producer killed in the middle of a claim leaves only whole records") {
  Segment segment;
  REQUIRE_EQ(Segment::create("ring-test", 8192, segment), Status::kOk);
  auto* state = reinterpret_cast<RingState*>(segment.data());
  for (int round = 0; round < 20; ++round) {
    state->tail.bytes.store(0);
    state->head.bytes.store(0);
    Consumer consumer(*state, segment.data() + 4096, 4096);
    Process other([&] {
      Producer producer(*state, segment.data() + 4096, 4096);
      return produce(producer, UINT64_MAX) ? 0 : 1;
    });
    const auto first = static_cast<uint64_t>(1000 + round * 37);
    CHECK_EQ(consume(consumer, first), first);
    other.kill();
    CHECK_EQ(other.wait(), -SIGKILL);
    Consumer::Record record;
    Status status;
    while ((status = consumer.peek(record)) == Status::kOk) consumer.release();
    CHECK_EQ(status, Status::kEmpty);
  }
}
