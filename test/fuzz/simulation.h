// What a target may ask of the simulated system (simulated_os.cc). The real one, which the native tests link, does not look.
#pragma once

#include <cstdint>

namespace isthmus::fuzz {

struct Simulation {
  uint32_t fails_in = 0;  // the system call, counted from now, that fails; 0: none
  bool has_failed = false;
  uint64_t ids = 0;  // random ids given
  int64_t now_ns = 0;
};
inline Simulation simulation;

}  // namespace isthmus::fuzz
