// Both ends of a ring whose shared words may change between any two operations. While nothing has been changed, what is popped
// is what was pushed.
#include <cstring>
#include <deque>
#include <string>

#include "ops.h"
#include "ring_memory.h"

namespace isthmus::fuzz {

namespace {

enum Code : uint8_t { kPush, kClaim, kPop, kPeek, kPokeTail, kPokeHead, kPokeBytes, kPadding, kCodes };

class Ring {
 public:
  explicit Ring(uint32_t capacity) : memory_(capacity), capacity_(capacity) {}

  void run(const Op& op) {
    switch (op.code) {
      case kPush:
        push(op);
        break;
      case kClaim:
        (void)memory_.producer.claim(op.c % capacity_, op.b % capacity_);
        break;
      case kPop:
      case kPeek:
        pop(op.code == kPop);
        break;
      case kPokeTail:
        poke(memory_.state->tail.bytes, op);
        break;
      case kPokeHead:
        poke(memory_.state->head.bytes, op);
        break;
      case kPokeBytes: {
        const uint32_t width = 1u << (op.a & 3);
        std::memcpy(memory_.records + op.b % capacity_ / width * width, &op.x, width);
        honest_ = false;
        break;
      }
      default:  // with the checksum of padding that is right, where the consumer looks next or anywhere
        put_header((op.a & 1) != 0 ? memory_.consumer.position() : op.b / kRecordAlign * kRecordAlign,
                   kRecordPadding | op.c);
        honest_ = false;
    }
    MUST(memory_.producer.max_record_bytes() < capacity_);
  }

 private:
  void push(const Op& op) {
    const std::string record(op.c % (capacity_ / 3), static_cast<char>(op.a));
    const Status status = test::push(memory_.producer, record, op.b % capacity_);
    if (record.size() > memory_.producer.max_record_bytes()) MUST(status == Status::kTooLarge);
    if (status == Status::kOk) pushed_.push_back(record);
    if (!honest_) return;
    MUST(status != Status::kProtocol);
    if (pushed_.empty() && op.b == 0) MUST(status != Status::kFull);
  }

  void pop(bool release) {
    Consumer::Record record;
    const Status status = memory_.consumer.peek(record);
    if (honest_) MUST(status == (pushed_.empty() ? Status::kEmpty : Status::kOk));
    if (status != Status::kOk) return;
    const auto place = static_cast<uint64_t>(record.data - memory_.records);
    MUST(place <= capacity_ && record.bytes <= capacity_ - place);
    const std::string copy(reinterpret_cast<const char*>(record.data), record.bytes);
    const bool matches = record.matches(reinterpret_cast<const uint8_t*>(copy.data()));
    if (honest_) MUST(matches && copy == pushed_.front());
    if (!release) return;
    memory_.consumer.release();
    if (!pushed_.empty()) pushed_.pop_front();
  }

  void poke(std::atomic<uint64_t>& position, const Op& op) {
    const uint64_t step = (op.a & 2) != 0 ? op.x / kRecordAlign * kRecordAlign : op.x;
    position.store((op.a & 1) != 0 ? position.load() + step : step);
    honest_ = false;
  }

  void put_header(uint64_t position, uint32_t length) {
    const RecordHeader header{length, checksum(position, length, nullptr, 0)};
    std::memcpy(memory_.records + position % capacity_, &header, sizeof header);
  }

  test::RingMemory memory_;
  const uint32_t capacity_;
  bool honest_ = true;
  std::deque<std::string> pushed_;
};

void run(const uint8_t* data, size_t size) {
  Ring ring(kMinRingBytes);
  Program program(data, size);
  for (Op op; program.next(op, kCodes);) ring.run(op);
}

size_t mutate(uint8_t* data, size_t size, size_t most, Random& random, MutateBytes bytes) {
  return mutate_ops(data, size, most, random, kCodes, bytes);
}

const Registration registration({"ring", run, mutate});

}  // namespace

}  // namespace isthmus::fuzz
