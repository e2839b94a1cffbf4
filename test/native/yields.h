// Delays at the sync points (core/sync.h), so that interleavings come about which are rare or impossible otherwise.
//
// At each visit a thread goes on, yields, spins, or sleeps for up to 200 us; at one point, another one in each round,
// it mostly sleeps, now and then for 2 ms. Which, follows from the seed, the round and the thread. So a seed repeats the
// choices, not the run: what the threads do in between is the system's affair.
//
// The hook itself orders nothing: it uses no lock, and no atomic but relaxed ones, or it would hide what is to be found.
#pragma once

#include <cstdint>

#include "core/sync.h"

namespace isthmus::test::yields {

constexpr uint32_t kPoints = 0
#define ISTHMUS_SYNC_COUNT(point, name, between) +1
    ISTHMUS_SYNC_POINTS(ISTHMUS_SYNC_COUNT)
#undef ISTHMUS_SYNC_COUNT
    ;

// From ISTHMUS_SEED, or of the moment. Called before the first test: what is counted is counted for all processes.
void begin() noexcept;
[[nodiscard]] uint64_t seed() noexcept;
// All tests, not only those that ask for it.
void set_on(bool on) noexcept;
// Another round of this process: other choices, and the time that may be slept anew.
void next_round() noexcept;

[[nodiscard]] const char* name(uint32_t point) noexcept;
[[nodiscard]] const char* between(uint32_t point) noexcept;
// Was it on anywhere?
[[nodiscard]] bool visited() noexcept;
// Over all processes and threads, but for the last few of those that were killed.
[[nodiscard]] uint64_t visits(uint32_t point) noexcept;

}  // namespace isthmus::test::yields
