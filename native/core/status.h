// Outcomes. Full, empty, timed out and closed are results, not failures; nothing in core throws.
// This list is the only one: the glue layers take code and sentence from it.
#pragma once

#include <cstdint>

namespace isthmus {

// name, stable code seen by users, sentence for a tired human
#define ISTHMUS_STATUSES(X)                                                                               \
  X(kOk, "OK", "done")                                                                                    \
  X(kEmpty, "EMPTY", "there is no message")                                                               \
  X(kFull, "ERR_RING_FULL", "the ring has no room for the message now")                                   \
  X(kTimeout, "ERR_TIMEOUT", "the deadline passed")                                                       \
  X(kClosed, "ERR_CLOSED", "the channel is closed")                                                       \
  X(kArenaFull, "ERR_ARENA_FULL", "the shared memory budget is used up")                                  \
  X(kTooLarge, "ERR_TOO_LARGE", "the size is larger than an arena")                                       \
  X(kProtocol, "ERR_PROTOCOL", "the other process sent a malformed message")                              \
  X(kUnknownBlock, "ERR_UNKNOWN_BLOCK", "the tensor does not belong to this bridge or was given up")      \
  X(kTooManyArenas, "ERR_TOO_MANY_ARENAS", "one worker uses tensors of too many other workers at a time") \
  X(kForked, "ERR_FORKED", "a forked child cannot use its parent's channel")                              \
  X(kSystem, "ERR_SYSTEM", "the operating system refused")

enum class Status : uint8_t {
#define ISTHMUS_STATUS_NAME(name, code, sentence) name,
  ISTHMUS_STATUSES(ISTHMUS_STATUS_NAME)
#undef ISTHMUS_STATUS_NAME
};

const char* status_code(Status status) noexcept;
const char* status_sentence(Status status) noexcept;

}  // namespace isthmus
