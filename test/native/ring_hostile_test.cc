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

// With the checksum of a record that has no bytes, as padding has it.
void put_header(RingMemory& ring, uint64_t position, uint32_t length) {
  const RecordHeader header{length, checksum(position, length, nullptr, 0)};
  std::memcpy(ring.records + position % 4096, &header, sizeof header);
}

// What the consumer says of one header at the start of a ring whose tail is `tail`.
Status peek_at(uint64_t tail, uint32_t length) {
  RingMemory ring(4096);
  put_header(ring, 0, length);
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
  CHECK_EQ(peek_at(16, 8), Status::kOk);
  CHECK_EQ(peek_at(16, 9), Status::kProtocol);
  CHECK_EQ(peek_at(16, UINT32_MAX), Status::kProtocol);
  CHECK_EQ(peek_at(16, UINT32_MAX - 7), Status::kProtocol);
  CHECK_EQ(peek_at(4096, 4096 - 8), Status::kOk);
  CHECK_EQ(peek_at(4096, 4096 - 7), Status::kProtocol);
  RingMemory ring(4096);  // inside what was committed, but across the end
  std::string text;
  push(ring.producer, std::string(1000, 'x'));
  CHECK_EQ(pop(ring.consumer, text), Status::kOk);
  put_header(ring, 1008, 3200);
  ring.state->tail.bytes.store(1008 + 4096);
  CHECK_EQ(pop(ring.consumer, text), Status::kProtocol);
}

TEST("padding that does not reach the end, or at the start of the ring, is refused") {
  CHECK_EQ(peek_at(64, kRecordPadding | 8), Status::kProtocol);
  CHECK_EQ(peek_at(4096, kRecordPadding | (4096 - 8)), Status::kProtocol);
}

TEST("a peer that pads for ever does not keep the consumer") {
  RingMemory ring(4096);
  std::string text;
  push(ring.producer, "12345678");
  CHECK_EQ(pop(ring.consumer, text), Status::kOk);
  put_header(ring, 16, kRecordPadding | (4096 - 16 - 8));
  put_header(ring, 4096, kRecordPadding | (4096 - 8));
  ring.state->tail.bytes.store(16 + 4096);
  CHECK_EQ(pop(ring.consumer, text), Status::kProtocol);
}

TEST("one bit changed anywhere in a record, or in padding, is noticed") {
  for (const bool padded : {false, true}) {
    RingMemory ring(4096);
    std::string text;
    for (int count = 0; padded && count < 31; ++count) {  // up to 4096 - 128
      push(ring.producer, std::string(120, 'p'));
      CHECK_EQ(pop(ring.consumer, text), Status::kOk);
    }
    const uint64_t start = padded ? 4096 - 128 : 0;
    push(ring.producer, std::string(203, 'r'));
    const uint64_t bits = 8 * (padded ? sizeof(RecordHeader) : sizeof(RecordHeader) + 203);
    for (uint64_t bit = 0; bit < bits; ++bit) {
      uint8_t& byte = ring.records[start + bit / 8];
      byte ^= 1u << bit % 8;
      Consumer reader = ring.consumer;
      CHECK_EQ(pop(reader, text), Status::kProtocol);
      byte ^= 1u << bit % 8;
    }
    CHECK_EQ(pop(ring.consumer, text), Status::kOk);
    CHECK_EQ(text, std::string(203, 'r'));
  }
}

TEST("what is left of an earlier round is not taken for a record") {
  RingMemory ring(4096);
  std::string text;
  for (int count = 0; count < 8; ++count) {
    push(ring.producer, std::string(504, 'x'));
    CHECK_EQ(pop(ring.consumer, text), Status::kOk);
  }
  ring.state->tail.bytes.store(4096 + 512);
  CHECK_EQ(pop(ring.consumer, text), Status::kProtocol);
}

TEST("two changes in different words are noticed, whichever") {
  std::mt19937_64 random(17);
  for (int round = 0; round < 100'000; ++round) {
    uint8_t bytes[64];
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    const uint32_t before = checksum(8, sizeof bytes, bytes, sizeof bytes);
    const uint64_t bit = random() % 512;
    for (const uint64_t other :
         {bit + 64, bit + 128, random()}) {  // the same bit in a neighbouring word of either lane
      if (other % 512 == bit) continue;
      bytes[bit / 8] ^= 1u << bit % 8;
      bytes[other % 512 / 8] ^= 1u << other % 8;
      CHECK(checksum(8, sizeof bytes, bytes, sizeof bytes) != before);
      bytes[bit / 8] ^= 1u << bit % 8;
      bytes[other % 512 / 8] ^= 1u << other % 8;
    }
  }
}

TEST("random rings are read inside their memory, whatever they say") {
  std::mt19937_64 random(11);
  for (int round = 0; round < 20'000; ++round) {
    RingMemory ring(4096);
    for (uint64_t place = 0; place < 4096; place += 8)
      if (random() % 4 == 0)
        put_header(ring, place,
                   (random() % 3 == 0 ? kRecordPadding : 0) |
                       (random() % 3 == 0 ? static_cast<uint32_t>(random()) : random() % 128));
    uint64_t sum = 0;
    for (int look = 0; look < 8; ++look) {
      ring.state->tail.bytes.store(random() % 3 == 0 ? random() : random() % 8192 / 8 * 8);
      Consumer::Record record;
      if (ring.consumer.peek(record) != Status::kOk) continue;
      sum += record.matches(record.data) ? 1 : 0;
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
