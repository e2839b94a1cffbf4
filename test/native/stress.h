// Rounds of a stress test: with delays at the sync points, each with other choices, until the time is up.
//
//   for (Stress stress; stress.next_round();) { … stress.random() … }
//
// ISTHMUS_STRESS_MS: how long each test goes on; ISTHMUS_SEED: the choices.
#pragma once

#include <cstdlib>

#include "os/os.h"
#include "random.h"
#include "run.h"
#include "yields.h"

namespace isthmus::test {

class Stress {
 public:
  Stress() : ends_ns_(os::now_ns() + wanted_ms() * 1'000'000) {
    yields::set_on(true);
    deadline(static_cast<unsigned>(wanted_ms() / 1000) + 60);
  }
  Stress(const Stress&) = delete;
  Stress& operator=(const Stress&) = delete;
  [[nodiscard]] bool next_round() {
    if (has_failed() || (round_ != 0 && os::now_ns() > ends_ns_)) return false;
    yields::next_round();
    ++round_;
    return true;
  }
  [[nodiscard]] uint64_t round() const { return round_; }  // from 1
  // Of this round, and of each `part` of it another.
  [[nodiscard]] Random random(uint64_t part = 0) const {
    return Random(yields::seed() * 1'000'003 + round_ * 31 + part);
  }

 private:
  static int64_t wanted_ms() {
    const char* given = getenv("ISTHMUS_STRESS_MS");
    return given == nullptr ? 300 : atoll(given);
  }
  const int64_t ends_ns_;
  uint64_t round_ = 0;
};

}  // namespace isthmus::test
