// The least that two processes need in order to talk: kSlots requests and as many replies, each on
// a cache line of its own, each published by its sequence number. Call n uses slot n % kSlots and
// has sequence n + 1; a caller keeps at most kSlots calls in flight, so a slot is free when it is
// reused.
#pragma once

#include <atomic>
#include <cstdint>

namespace floor_bench {

inline constexpr uint64_t kSlots = 64;
inline constexpr uint64_t kStop = ~uint64_t{0};

struct alignas(64) Request {
  std::atomic<uint64_t> sequence;
  int32_t a;
  int32_t b;
};

struct alignas(64) Reply {
  std::atomic<uint64_t> sequence;
  int64_t sum;
};

struct Mailbox {
  Request requests[kSlots];
  Reply replies[kSlots];
};

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace floor_bench
