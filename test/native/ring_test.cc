// The ring, first of four ways: its edges, one thread.
#include "core/ring.h"

#include <cstring>
#include <deque>
#include <random>
#include <string>

#include "ring_memory.h"
#include "run.h"

using namespace isthmus;
using isthmus::test::pop;
using isthmus::test::push;
using isthmus::test::RingMemory;

TEST("a record comes out as it went in") {
  RingMemory ring(4096);
  CHECK_EQ(push(ring.producer, "hello"), Status::kOk);
  std::string text;
  CHECK_EQ(pop(ring.consumer, text), Status::kOk);
  CHECK_EQ(text, "hello");
  CHECK_EQ(pop(ring.consumer, text), Status::kEmpty);
}

TEST("an empty ring says so, and looking changes nothing") {
  RingMemory ring(4096);
  Consumer::Record record;
  CHECK(ring.consumer.empty());
  for (int time = 0; time < 3; ++time) CHECK_EQ(ring.consumer.peek(record), Status::kEmpty);
  CHECK_EQ(ring.state->head.bytes.load(), 0u);
  CHECK_EQ(ring.state->tail.bytes.load(), 0u);
}

TEST("a record of no bytes is a record") {
  RingMemory ring(4096);
  CHECK_EQ(push(ring.producer, ""), Status::kOk);
  CHECK(!ring.consumer.empty());
  std::string text = "something";
  CHECK_EQ(pop(ring.consumer, text), Status::kOk);
  CHECK_EQ(text, "");
}

TEST("a full ring refuses and changes nothing") {
  RingMemory ring(4096);
  const std::string text(504, 'x');  // 512 with its header: eight fill the ring exactly
  for (int count = 0; count < 8; ++count) CHECK_EQ(push(ring.producer, text), Status::kOk);
  const uint64_t tail = ring.state->tail.bytes.load();
  const std::string before(reinterpret_cast<const char*>(ring.records), 4096);
  CHECK_EQ(push(ring.producer, text), Status::kFull);
  CHECK_EQ(push(ring.producer, ""), Status::kFull);
  CHECK_EQ(ring.state->tail.bytes.load(), tail);
  CHECK_EQ(std::memcmp(before.data(), ring.records, 4096), 0);
}

TEST("room that the consumer made is used by a producer that was refused") {
  RingMemory ring(4096);
  while (push(ring.producer, std::string(504, 'x')) == Status::kOk) {
  }
  const uint64_t refused = ring.producer.head_seen();
  CHECK_EQ(ring.producer.head_now(), refused);
  std::string text;
  CHECK_EQ(pop(ring.consumer, text), Status::kOk);
  CHECK(ring.producer.head_now() != refused);
  CHECK_EQ(push(ring.producer, "again"), Status::kOk);
}

TEST("a record that would cross the end starts anew behind padding") {
  RingMemory ring(4096);
  std::string text;
  for (int count = 0; count < 7; ++count) {
    CHECK_EQ(push(ring.producer, std::string(504, 'a')), Status::kOk);
    CHECK_EQ(pop(ring.consumer, text), Status::kOk);
  }
  const std::string across(600, 'b');
  CHECK_EQ(push(ring.producer, across), Status::kOk);
  CHECK_EQ(ring.state->tail.bytes.load(), 4096u + 608u);
  RecordHeader padding;
  std::memcpy(&padding, ring.records + 7 * 512, sizeof padding);
  CHECK_EQ(padding.length, kRecordPadding | (512u - 8u));
  CHECK_EQ(pop(ring.consumer, text), Status::kOk);
  CHECK_EQ(text, across);
  CHECK_EQ(ring.state->head.bytes.load(), ring.state->tail.bytes.load());
}

TEST("a record that ends exactly at the end needs no padding") {
  RingMemory ring(4096);
  std::string text;
  for (int count = 0; count < 7; ++count) {
    CHECK_EQ(push(ring.producer, std::string(504, 'a')), Status::kOk);
    CHECK_EQ(pop(ring.consumer, text), Status::kOk);
  }
  CHECK_EQ(push(ring.producer, std::string(504, 'c')), Status::kOk);
  CHECK_EQ(ring.state->tail.bytes.load(), 4096u);
  CHECK_EQ(push(ring.producer, "next"), Status::kOk);
  CHECK_EQ(pop(ring.consumer, text), Status::kOk);
  CHECK_EQ(text, std::string(504, 'c'));
  CHECK_EQ(pop(ring.consumer, text), Status::kOk);
  CHECK_EQ(text, "next");
}

TEST("padding of eight bytes is a header alone") {
  RingMemory ring(4096);
  std::string text;
  for (const size_t bytes : {1016u - 8u, 1016u - 8u, 1016u - 8u, 1016u, 8u}) {
    CHECK_EQ(push(ring.producer, std::string(bytes, 'a')), Status::kOk);
    CHECK_EQ(pop(ring.consumer, text), Status::kOk);
  }
  CHECK_EQ(ring.state->tail.bytes.load(), 3u * 1016u + 1024u + 16u);
  CHECK_EQ(push(ring.producer, std::string(8, 'b')), Status::kOk);
  CHECK_EQ(ring.state->tail.bytes.load(), 4096u + 16u);
  CHECK_EQ(pop(ring.consumer, text), Status::kOk);
  CHECK_EQ(text, std::string(8, 'b'));
}

TEST("the reserve is room that only claims without one may use") {
  RingMemory ring(4096);
  const std::string text(120, 'm');
  uint32_t sent = 0;
  while (push(ring.producer, text, 1024) == Status::kOk) ++sent;
  CHECK_EQ(sent, (4096u - 1024u) / 128u);
  while (push(ring.producer, text, 0) == Status::kOk) ++sent;
  CHECK_EQ(sent, 4096u / 128u);
}

TEST("the longest record fits an empty ring wherever it is, behind padding and beside a reserve") {
  for (uint32_t place = 0; place < 4096; place += 8) {
    RingMemory ring(4096);
    std::string text;
    while ((ring.state->tail.bytes.load() & 4095) != place) {
      CHECK_EQ(push(ring.producer, ""), Status::kOk);
      CHECK_EQ(pop(ring.consumer, text), Status::kOk);
    }
    const std::string longest(ring.producer.max_record_bytes(), 'l');
    REQUIRE_EQ(push(ring.producer, longest, 4096 / 8), Status::kOk);
    REQUIRE_EQ(pop(ring.consumer, text), Status::kOk);
    REQUIRE_EQ(text.size(), longest.size());
  }
}

TEST("a record longer than the longest is too large, however empty the ring") {
  RingMemory ring(4096);
  CHECK_EQ(ring.producer.claim(ring.producer.max_record_bytes() + 1, 0), Status::kTooLarge);
  CHECK_EQ(ring.producer.claim(UINT32_MAX, 0), Status::kTooLarge);
  CHECK_EQ(ring.state->tail.bytes.load(), 0u);
}

TEST("a claim that is not committed leaves no trace") {
  RingMemory ring(4096);
  CHECK_EQ(ring.producer.claim(100, 0), Status::kOk);
  CHECK_EQ(ring.producer.claim(50, 0), Status::kOk);
  CHECK(ring.consumer.empty());
  CHECK_EQ(push(ring.producer, "kept"), Status::kOk);
  std::string text;
  CHECK_EQ(pop(ring.consumer, text), Status::kOk);
  CHECK_EQ(text, "kept");
}

TEST("random records through a small ring come out as from a queue") {
  std::mt19937 random(7);
  RingMemory ring(4096);
  std::deque<std::string> model;
  for (int step = 0; step < 200'000; ++step) {
    if (random() % 2 == 0) {
      const uint32_t reserve = random() % 2 == 0 ? 512 : 0;
      const std::string text(random() % (ring.producer.max_record_bytes() + 1), static_cast<char>(step));
      const Status status = push(ring.producer, text, reserve);
      if (status == Status::kOk)
        model.push_back(text);
      else
        REQUIRE_EQ(status, Status::kFull);
    } else {
      std::string text;
      const Status status = pop(ring.consumer, text);
      REQUIRE_EQ(status, model.empty() ? Status::kEmpty : Status::kOk);
      if (model.empty()) continue;
      REQUIRE(text == model.front());
      model.pop_front();
    }
    const uint64_t tail = ring.state->tail.bytes.load();
    const uint64_t head = ring.state->head.bytes.load();
    REQUIRE(head <= tail && tail <= head + 4096);  // I1
  }
}
