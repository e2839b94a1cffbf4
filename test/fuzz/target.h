// A fuzz target: a function that takes any bytes at all, and a mutator that knows how they are built.
//
// clang's libFuzzer drives one target per program (libfuzzer.cc). The ordinary native tests link all of them and feed them
// the committed inputs (test/native/fuzz_replay_test.cc), so no machine needs clang to see that a found fault stays mended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "random.h"

namespace isthmus::fuzz {

using test::Random;

// A number of the kind on which code breaks: 0, ±1, a power of two and its neighbours; or a small one, or any.
uint64_t boundary(Random& random) noexcept;

// Changes bytes without knowing what they are; gives the new size.
using MutateBytes = size_t (*)(uint8_t* data, size_t size, size_t most, Random& random);
size_t mutate_plainly(uint8_t* data, size_t size, size_t most, Random& random) noexcept;

struct Target {
  const char* name;
  void (*run)(const uint8_t* data, size_t size);
  size_t (*mutate)(uint8_t* data, size_t size, size_t most, Random& random, MutateBytes bytes);
};

// Registers a target before main.
struct Registration {
  explicit Registration(const Target& target);
};
const std::vector<Target>& targets() noexcept;

[[noreturn]] void broken(const char* file, int line, const char* claim) noexcept;

}  // namespace isthmus::fuzz

// A claim about what was run. When it does not hold, the process ends, which is how a fuzzer learns of it.
#define MUST(claim) ((claim) ? void() : ::isthmus::fuzz::broken(__FILE__, __LINE__, #claim))
