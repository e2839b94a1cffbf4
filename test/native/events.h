// The two events of a doorbell, with both sides in one place.
#pragma once

#include "core/doorbell.h"
#include "run.h"

namespace isthmus::test {

struct Events {
  Events() {
    for (auto& pair : ends) CHECK_EQ(os::event_pair(pair), 0);
  }
  ~Events() {
    for (const auto& pair : ends)
      for (const int end : pair) os::close_descriptor(end);
  }
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;
  [[nodiscard]] EventEnds of(int side) const { return {ends[side][0], ends[side][1], ends[1 - side][1]}; }

  int ends[2][2];  // by side; the first one is waited on
};

}  // namespace isthmus::test
