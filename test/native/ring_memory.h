// A ring in memory of exactly its size, so that a sanitizer sees a byte too many.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "core/ring.h"

namespace isthmus::test {

struct RingMemory {
  explicit RingMemory(uint32_t capacity)
      : state(std::make_unique<RingState>()),
        records(static_cast<uint8_t*>(std::calloc(1, capacity))),
        producer(*state, records, capacity),
        consumer(*state, records, capacity) {}
  RingMemory(const RingMemory&) = delete;
  RingMemory& operator=(const RingMemory&) = delete;
  ~RingMemory() { std::free(records); }

  std::unique_ptr<RingState> state;
  uint8_t* records;
  Producer producer;
  Consumer consumer;
};

inline Status push(Producer& producer, std::string_view text, uint32_t reserve = 0) {
  const Status status = producer.claim(static_cast<uint32_t>(text.size()), reserve);
  if (status == Status::kOk) producer.commit(reinterpret_cast<const uint8_t*>(text.data()));
  return status;
}

inline Status pop(Consumer& consumer, std::string& text) {
  Consumer::Record record;
  const Status status = consumer.peek(record);
  if (status != Status::kOk) return status;
  text.assign(reinterpret_cast<const char*>(record.data), record.bytes);
  if (!record.matches(reinterpret_cast<const uint8_t*>(text.data()))) return Status::kProtocol;
  consumer.release();
  return status;
}

}  // namespace isthmus::test
