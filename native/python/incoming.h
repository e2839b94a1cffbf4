// One message on its way in.
#pragma once

#include "core/channel.h"
#include "python/python.h"

namespace isthmus::python {

// Waits for a message with the GIL released. kOk with a message, kTimeout when there is none in time or this thread was
// interrupted, kEmpty when an exception is set (a Python signal handler raised it), or why there will be none.
// deadline_ns: monotonic, negative for none.
[[nodiscard]] Status next_message(Channel& channel, int64_t deadline_ns, Message& message) noexcept;
// The same for the answer to one call; a signal whose handler did not raise ends this wait, too.
[[nodiscard]] Status next_answer(Channel& channel, uint32_t id, int64_t deadline_ns, Message& message) noexcept;

// The tuple (kind, id, payload, arrays). The message's references belong to its arrays afterwards.
PyObject* to_python(Channel& channel, Message& message) noexcept;

}  // namespace isthmus::python
