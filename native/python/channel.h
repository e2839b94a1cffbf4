// The Python type Channel.
#pragma once

#include <memory>

#include "core/channel.h"
#include "python/python.h"

namespace isthmus::python {

[[nodiscard]] bool define_channel(PyObject* module) noexcept;

// A Python object for a channel of this process; the channel lives on after it.
PyObject* make_channel(Channel& channel) noexcept;

}  // namespace isthmus::python
