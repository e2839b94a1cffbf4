// Threads of Python that wait on the channel without the GIL, so that interrupt() finds them.
#pragma once

#include "core/channel.h"
#include "python/python.h"

namespace isthmus::python {

// Waits with the GIL released. kEmpty: interrupted; whoever is told so runs Python's signal handlers.
[[nodiscard]] Status wait_without_gil(Channel& channel, Waiter& waiter, int64_t deadline_ns) noexcept;

// interrupt(thread_ident, exception_class_or_None)
PyObject* interrupt_thread(PyObject*, PyObject* const* arguments, Py_ssize_t count) noexcept;

}  // namespace isthmus::python
