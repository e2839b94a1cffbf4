#include "python/waiting.h"

#include <pthread.h>
#include <signal.h>

#include "python/process.h"

namespace isthmus::python {

namespace {

// Listed before the GIL is released and until it is held again: whoever has the GIL sees either a thread that is listed, or
// one that returns to the interpreter before it waits, and there finds what was set for it.
class Listed {
 public:
  explicit Listed(Waiter& waiter) noexcept : waiter_(&waiter), next_(first_) { first_ = this; }
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;
  ~Listed() {
    Listed** at = &first_;
    while (*at != this) at = &(*at)->next_;
    *at = next_;
  }
  static void interrupt(Channel& channel, unsigned long thread) noexcept {
    for (const Listed* at = first_; at != nullptr; at = at->next_)
      if (at->thread_ == thread) channel.interrupt(*at->waiter_);
  }

 private:
  static inline Listed* first_ = nullptr;  // guarded by the GIL
  Waiter* const waiter_;
  Listed* next_;
  const unsigned long thread_ = PyThread_get_thread_ident();
};

}  // namespace

Status wait_without_gil(Channel& channel, Waiter& waiter, int64_t deadline_ns) noexcept {
  const Listed listed(waiter);
  const WithoutGil released;
  return channel.wait(waiter, deadline_ns);
}

PyObject* interrupt_thread(PyObject*, PyObject* const* arguments, Py_ssize_t count) noexcept {
  if (count != 2) {
    PyErr_SetString(PyExc_TypeError, "interrupt() takes a thread's ident, and an exception class or None");
    return nullptr;
  }
  const unsigned long thread = PyLong_AsUnsignedLong(arguments[0]);
  if (PyErr_Occurred() != nullptr) return nullptr;
  PyObject* type = arguments[1] == Py_None ? nullptr : arguments[1];
  if (type != nullptr && !PyExceptionClass_Check(type)) {
    PyErr_SetString(PyExc_TypeError, "interrupt() raises an exception class");
    return nullptr;
  }
  // A thread that Python knows is there until it has given its state up, with the GIL: it can be signalled.
  if (PyThreadState_SetAsyncExc(thread, type) == 0 || type == nullptr) return Py_NewRef(Py_None);
  if (!is_forked() && process_channel() != nullptr) Listed::interrupt(*process_channel(), thread);
  pthread_kill(static_cast<pthread_t>(thread), SIGURG);
  return Py_NewRef(Py_None);
}

}  // namespace isthmus::python
