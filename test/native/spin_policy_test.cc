#include "core/spin_policy.h"

#include "run.h"

using isthmus::SpinPolicy;

namespace {

// Waits that park at once before polling is tried again.
uint32_t skips(SpinPolicy& policy) {
  uint32_t count = 0;
  while (!policy.may_poll()) ++count;
  return count;
}

}  // namespace

TEST("polling in vain is tried again later and later, up to a limit") {
  SpinPolicy policy;
  CHECK_EQ(skips(policy), 0u);
  for (const uint32_t expected : {0u, 2u, 6u, 14u, 30u, 62u, 62u, 62u}) {
    policy.polled(false);
    CHECK_EQ(skips(policy), expected);
  }
}

TEST("one success brings polling back") {
  SpinPolicy policy;
  for (int miss = 0; miss < 10; ++miss) policy.polled(false);
  CHECK_EQ(skips(policy), 62u);
  policy.polled(true);
  CHECK_EQ(skips(policy), 0u);
  policy.polled(false);
  CHECK_EQ(skips(policy), 0u);
}
