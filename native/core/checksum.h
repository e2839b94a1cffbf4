// The checksum of a record: finds what was changed by accident, such as a stray write of a C extension into the ring.
// It is no defence: a hostile peer can compute it.
//
// The bytes are taken as 64-bit little-endian words, the last one filled up with zeros, even and odd words into one lane
// each so that the two run in parallel. For a given state a step is a bijection of the word, and for a given word one of
// the state (an odd multiplier, then a right shift by half, as MurmurHash2 mixes): a change within one word, whatever it is,
// always changes the 64-bit state; of all other changes, and after folding to 32 bits, one in 2^32 is missed.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/layout.h"

namespace isthmus {

constexpr uint64_t mix(uint64_t state, uint64_t word) noexcept {
  state = (state ^ word) * 0xc6a4'a793'5bd1'e995;  // MurmurHash2's multiplier
  return state ^ (state >> 32);
}

// Of a record at `position`, with `length` as in its header; `bytes` are its `count` bytes, none for padding.
inline uint32_t checksum(uint64_t position, uint32_t length, const uint8_t* bytes, uint32_t count) noexcept {
  uint64_t even = mix(position, length);
  uint64_t odd = even;
  uint64_t words[2];
  for (; count >= sizeof words; count -= sizeof words, bytes += sizeof words) {
    std::memcpy(words, bytes, sizeof words);
    even = mix(even, words[0]);
    odd = mix(odd, words[1]);
  }
  if (count != 0) {
    words[0] = words[1] = 0;
    std::memcpy(words, bytes, count);
    even = mix(even, words[0]);
    odd = mix(odd, words[1]);
  }
  return static_cast<uint32_t>(mix(mix(even, length), odd));  // not even ^ odd: the same change in both must not cancel
}

}  // namespace isthmus
