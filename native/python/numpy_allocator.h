// numpy's allocator inside a worker (NEP 49): large arrays come from the arena, so that results cross without a copy.
#pragma once

#include "python/python.h"

namespace isthmus::python {

// Sets or unsets the handler in the current context (contextvars). Returns whether it was set, or -1 with an exception.
int switch_allocator(bool on) noexcept;

}  // namespace isthmus::python
