// The ring, second: the other side may write anything anywhere at any time.
#include <cstring>
#include <random>
#include <string>

#include "core/ring.h"
#include "ring_memory.h"
#include "run.h"

using namespace isthmus;
using isthmus::test::pop;
using isthmus::test::push;
using isthmus::test::RingMemory;

namespace {

void put_header(RingMemory& ring, uint64_t place, uint32_t length, uint32_t type) {
  const RecordHeader header{length, type};
  std::memcpy(ring.records + place, &header, sizeof header);
}

// What the consumer says of one header at the start of a ring whose tail is `tail`.
Status peek_at(uint64_t tail, uint32_t length, uint32_t type) {
  RingMemory ring(4096);
  put_header(ring, 0, length, type);
  ring.state->tail.bytes.store(tail);
  Consumer::Record record;
  return ring.consumer.peek(record);
}

}  // namespace

TEST("a tail behind the head, too far ahead, or not aligned is refused") {
  std::string text;
  for (const uint64_t lie : {uint64_t{0}, uint64_t{8}, uint64_t{16 + 4096 + 8}, uint64_t{17}, uint64_t{20}, UINT64_MAX,
                             UINT64_MAX - 7, uint64_t{1} << 63}) {
    RingMemory ring(4096);
    push(ring.producer, "12345678");
    CHECK_EQ(pop(ring.consumer, text), Status::kOk);
    ring.state->tail.bytes.store(lie);
    CHECK_EQ(pop(ring.consumer, text), Status::kProtocol);
    CHECK(!ring.consumer.empty());  // so that somebody looks and sees the violation
  }
}

TEST("a head beyond the tail or too far behind is refused") {
  for (const uint64_t lie : {uint64_t{4096 + 8}, UINT64_MAX, uint64_t{1} << 63}) {
    RingMemory ring(4096);
    while (push(ring.producer, std::string(504, 'x')) == Status::kOk) {
    }
    ring.state->head.bytes.store(lie);
    CHECK_EQ(push(ring.producer, "x"), Status::kProtocol);
  }
  RingMemory ring(4096);
  for (int round = 0; round < 3; ++round) {
    std::string text;
    while (push(ring.producer, std::string(504, 'x')) == Status::kOk) {
    }
    while (pop(ring.consumer, text) == Status::kOk) {
    }
  }
  while (push(ring.producer, std::string(504, 'x')) == Status::kOk) {
  }
  ring.state->head.bytes.store(0);
  CHECK_EQ(push(ring.producer, "x"), Status::kProtocol);
}

TEST("a head that goes back within the ring costs room and nothing else") {
  RingMemory ring(4096);
  std::string text;
  push(ring.producer, std::string(504, 'a'));
  CHECK_EQ(pop(ring.consumer, text), Status::kOk);
  ring.state->head.bytes.store(0);
  int pushed = 0;
  while (push(ring.producer, std::string(504, 'b')) == Status::kOk) ++pushed;
  CHECK_EQ(pushed, 7);
}

TEST("a length beyond what was committed, or beyond the end, is refused") {
  CHECK_EQ(peek_at(16, 8, kRecordMessage), Status::kOk);
  CHECK_EQ(peek_at(16, 9, kRecordMessage), Status::kProtocol);
  CHECK_EQ(peek_at(16, UINT32_MAX, kRecordMessage), Status::kProtocol);
  CHECK_EQ(peek_at(16, UINT32_MAX - 7, kRecordMessage), Status::kProtocol);
  CHECK_EQ(peek_at(4096, 4096 - 8, kRecordMessage), Status::kOk);
  CHECK_EQ(peek_at(4096, 4096 - 7, kRecordMessage), Status::kProtocol);
  RingMemory ring(4096);  // inside what was committed, but across the end
  std::string text;
  push(ring.producer, std::string(1000, 'x'));
  CHECK_EQ(pop(ring.consumer, text), Status::kOk);
  put_header(ring, 1008, 3200, kRecordMessage);
  ring.state->tail.bytes.store(1008 + 4096);
  CHECK_EQ(pop(ring.consumer, text), Status::kProtocol);
}

TEST("an unknown record type is refused") {
  for (const uint32_t type : {0u, 3u, 0x101u, UINT32_MAX}) CHECK_EQ(peek_at(16, 8, type), Status::kProtocol);
}

TEST("padding that does not reach the end, or at the start of the ring, is refused") {
  CHECK_EQ(peek_at(64, 8, kRecordPadding), Status::kProtocol);
  CHECK_EQ(peek_at(4096, 4096 - 8, kRecordPadding), Status::kProtocol);
}

TEST("a peer that pads for ever does not keep the consumer") {
  RingMemory ring(4096);
  std::string text;
  push(ring.producer, "12345678");
  CHECK_EQ(pop(ring.consumer, text), Status::kOk);
  put_header(ring, 16, 4096 - 16 - 8, kRecordPadding);
  put_header(ring, 0, 4096 - 8, kRecordPadding);
  ring.state->tail.bytes.store(16 + 4096);
  CHECK_EQ(pop(ring.consumer, text), Status::kProtocol);
}

TEST("random rings are read inside their memory, whatever they say") {
  std::mt19937_64 random(11);
  for (int round = 0; round < 20'000; ++round) {
    RingMemory ring(4096);
    for (uint64_t place = 0; place < 4096; place += 8)
      if (random() % 4 == 0)
        put_header(ring, place, random() % 3 == 0 ? static_cast<uint32_t>(random()) : random() % 128, random() % 3);
    uint64_t sum = 0;
    for (int look = 0; look < 8; ++look) {
      ring.state->tail.bytes.store(random() % 3 == 0 ? random() : random() % 8192 / 8 * 8);
      Consumer::Record record;
      if (ring.consumer.peek(record) != Status::kOk) continue;
      for (uint32_t at = 0; at < record.bytes; ++at) sum += record.data[at];
      ring.consumer.release();
    }
    CHECK(sum != UINT64_MAX);
  }
}

TEST("a producer writes inside its memory, whatever the head says") {
  std::mt19937_64 random(13);
  RingMemory ring(4096);
  for (int round = 0; round < 100'000; ++round) {
    const uint64_t tail = ring.state->tail.bytes.load();
    ring.state->head.bytes.store(random() % 2 == 0 ? random() : tail - random() % 4200);
    const Status status = push(ring.producer, std::string(random() % 1100, 'y'), random() % 600);
    CHECK(status == Status::kOk || status == Status::kFull || status == Status::kProtocol ||
          status == Status::kTooLarge);
  }
}
