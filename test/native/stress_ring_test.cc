// A ring and two doorbells, with delays: whoever finds nothing to do sleeps at once.
#include <cstring>
#include <thread>

#include "core/doorbell.h"
#include "events.h"
#include "ring_memory.h"
#include "stress.h"

using namespace isthmus;
using namespace isthmus::test;

namespace {

constexpr uint32_t kRecords = 1000;

uint32_t length_of(uint64_t number) { return static_cast<uint32_t>(8 + number * 2654435761u % 600); }

// Awake again, the caller looks at everything anew.
template <typename Look>
void sleep_unless(Doorbell& doorbell, uint32_t what, Look look) {
  doorbell.announce(what);
  if (!look()) os::wait_event(doorbell.event(), -1, -1, -1);
  doorbell.withdraw();
  doorbell.clear();
}

void produce(Producer& ring, Doorbell& doorbell) {
  for (uint64_t number = 0; number < kRecords;) {
    if (const Status status = ring.claim(length_of(number), 0); status != Status::kOk) {
      CHECK_EQ(status, Status::kFull);
      sleep_unless(doorbell, kAwaitsSpace, [&] { return ring.head_now() != ring.head_seen(); });
      continue;
    }
    uint8_t record[1024];
    std::memset(record, static_cast<int>(number & 0xff), length_of(number));
    std::memcpy(record, &number, sizeof number);
    ring.commit(record);
    doorbell.notify(kAwaitsRecords);
    ++number;
  }
}

// How many records came out whole and in order.
uint64_t consume(Consumer& ring, Doorbell& doorbell) {
  for (uint64_t number = 0; number < kRecords;) {
    Consumer::Record record;
    const Status status = ring.peek(record);
    if (status == Status::kEmpty) {
      sleep_unless(doorbell, kAwaitsRecords, [&] { return !ring.empty(); });
      continue;
    }
    uint64_t found = 0;
    if (status != Status::kOk || record.bytes != length_of(number)) return number;
    std::memcpy(&found, record.data, sizeof found);
    if (found != number || !record.matches(record.data)) return number;
    for (uint32_t at = sizeof found; at < record.bytes; ++at)
      if (record.data[at] != (number & 0xff)) return number;
    ring.release();
    doorbell.notify(kAwaitsSpace);
    ++number;
  }
  return kRecords;
}

}  // namespace

TEST("stress: records through a small ring, both sides asleep whenever they can: each comes once, whole and in order") {
  for (Stress stress; stress.next_round();) {
    RingMemory ring(4096);
    const auto states = std::make_unique<SideState[]>(2);
    const Events events;
    std::thread producer([&] {
      Doorbell doorbell(states[0], states[1], events.of(0));
      produce(ring.producer, doorbell);
    });
    Doorbell doorbell(states[1], states[0], events.of(1));
    CHECK_EQ(consume(ring.consumer, doorbell), kRecords);
    producer.join();
    CHECK(ring.consumer.empty());
  }
}
