// A programme of operations as bytes: what all targets but the message's take. Every byte string is one.
#pragma once

#include "target.h"

namespace isthmus::fuzz {

// What `code` and the numbers mean is the target's to say.
struct Op {
  uint8_t code;
  uint8_t a;
  uint16_t b;
  uint32_t c;
  uint64_t x;
};
static_assert(sizeof(Op) == 16);

class Program {
 public:
  Program(const uint8_t* data, size_t size) noexcept : data_(data), left_(size / sizeof(Op)) {}
  // False at the end. The code is below `codes`.
  bool next(Op& out, uint8_t codes) noexcept;

 private:
  const uint8_t* data_;
  size_t left_;
};

// Inserts, drops, doubles and swaps operations, and puts boundary values into their fields.
size_t mutate_ops(uint8_t* data, size_t size, size_t most, Random& random, uint8_t codes, MutateBytes bytes) noexcept;

}  // namespace isthmus::fuzz
