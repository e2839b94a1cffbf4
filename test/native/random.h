// Random numbers that a seed repeats.
#pragma once

#include <cstdint>

namespace isthmus::test {

// SplitMix64: every seed, also 0 and those that are close to each other, gives another sequence.
class Random {
 public:
  explicit Random(uint64_t seed) noexcept : state_(seed) {}
  uint64_t next() noexcept {
    uint64_t mixed = state_ += 0x9e37'79b9'7f4a'7c15;
    mixed = (mixed ^ mixed >> 30) * 0xbf58'476d'1ce4'e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d0'49bb'1331'11eb;
    return mixed ^ mixed >> 31;
  }
  // 0 <= x < limit
  uint64_t below(uint64_t limit) noexcept { return next() % limit; }
  [[nodiscard]] bool one_in(uint64_t times) noexcept { return below(times) == 0; }

 private:
  uint64_t state_;
};

}  // namespace isthmus::test
