#pragma once

#include "core/channel.h"
#include "python/python.h"

namespace isthmus::python {

// A dict of the worker's counters and of its ledger; bytes unless the name says otherwise.
PyObject* stats_of(Channel& channel) noexcept;

}  // namespace isthmus::python
