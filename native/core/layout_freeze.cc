// Compiling this file is the check. If it fails, the layout changed: bump kLayoutVersion and these numbers.
#include "core/layout.h"

namespace isthmus {

static_assert(sizeof(RecordHeader) == 8);
static_assert(offsetof(Identity, magic) == 0);
static_assert(offsetof(Identity, version) == 8);
static_assert(offsetof(Identity, ring_bytes) == 12);
static_assert(offsetof(Identity, node_arena) == 16);
static_assert(offsetof(Identity, worker_arena) == 24);
static_assert(offsetof(Identity, arena_bytes) == 32);
static_assert(offsetof(Identity, limit_bytes) == 40);
static_assert(offsetof(Identity, retain_bytes) == 48);
static_assert(offsetof(Identity, spin_ns) == 56);
static_assert(sizeof(Identity) == 64);
static_assert(sizeof(Counters) == 64);
static_assert(offsetof(SideState, counters) == 64);
static_assert(sizeof(SideState) == 128);
static_assert(sizeof(RingState) == 128);
static_assert(offsetof(Control, sides) == 64);
static_assert(offsetof(Control, rings) == 320);
static_assert(sizeof(Control) == 576);
static_assert(sizeof(Control) <= kRecordsOffset);
static_assert(std::atomic<uint64_t>::is_always_lock_free);
static_assert(std::atomic<uint32_t>::is_always_lock_free);

}  // namespace isthmus
