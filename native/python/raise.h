// Every outcome of the core as a Python exception. Classes and codes are in isthmus/errors.py.
#pragma once

#include "core/channel.h"
#include "python/python.h"

namespace isthmus::python {

// All of them return nullptr, with the exception set.
PyObject* raise(Status status) noexcept;
// Says how much was asked for, what the budget is, and who holds it.
PyObject* raise_arena_full(Channel& channel, uint64_t bytes) noexcept;
// ERR_SYSTEM: a block lies in an arena that could not be mapped.
PyObject* raise_unmapped() noexcept;
PyObject* raise_unsupported(const char* format, PyObject* argument) noexcept;

}  // namespace isthmus::python
