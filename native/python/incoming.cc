#include "python/incoming.h"

#include "python/arrays.h"
#include "python/waiting.h"

namespace isthmus::python {

namespace {

// The exception that is set, which it is no longer then.
PyObject* raised() noexcept {
  PyObject* type = nullptr;
  PyObject* error = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &error, &traceback);
  PyErr_NormalizeException(&type, &error, &traceback);
  Py_XDECREF(type);
  Py_XDECREF(traceback);
  return error;
}

// A list of the message's tensors as arrays; None if it has none; or the exception that making them raised, so that the
// message is not lost and its call can be answered. Takes over every reference of the message.
PyObject* arrays_of(Channel& channel, Message& message) noexcept {
  const auto* tensors = message->tensors();
  const uint32_t count = tensors == nullptr ? 0 : tensors->size();
  if (count == 0) return Py_NewRef(Py_None);
  message.disown();
  Ref<> list(PyList_New(count));
  uint32_t at = 0;
  for (; list && at < count; ++at) {
    PyObject* array = make_array(channel.ledger(), *tensors->Get(at));
    if (array == nullptr) {
      list = Ref<>();
      continue;
    }
    PyList_SetItem(list.get(), at, array);
  }
  if (list) return list.take();
  for (; at < count; ++at) channel.ledger().release(tensors->Get(at)->place()->slot());
  return raised();
}

}  // namespace

PyObject* to_python(Channel& channel, Message& message) noexcept {
  Ref<> arrays(arrays_of(channel, message));
  const auto* payload = message->payload();
  Ref<> bytes(payload == nullptr ? PyBytes_FromStringAndSize("", 0)
                                 : PyBytes_FromStringAndSize(reinterpret_cast<const char*>(payload->data()),
                                                             static_cast<Py_ssize_t>(payload->size())));
  if (!bytes) {  // no memory: likewise, this call fails, and no other
    arrays = Ref<>(raised());
    bytes = Ref<>(PyBytes_FromStringAndSize("", 0));
  }
  Ref<> kind(PyLong_FromLong(static_cast<long>(message->kind())));
  Ref<> id(PyLong_FromUnsignedLong(message->id()));
  Ref<> result(PyTuple_New(4));
  if (!arrays || !bytes || !kind || !id || !result) return nullptr;
  PyTuple_SetItem(result.get(), 0, kind.take());
  PyTuple_SetItem(result.get(), 1, id.take());
  PyTuple_SetItem(result.get(), 2, bytes.take());
  PyTuple_SetItem(result.get(), 3, arrays.take());
  return result.take();
}

Status next_message(Channel& channel, int64_t deadline_ns, Message& message) noexcept {
  bool waited_out = false;
  for (;;) {
    Waiter waiter = channel.waiter(Waiter::For::kInput);
    Status status = channel.receive(message);
    if (status != Status::kEmpty) return status;
    if (waited_out) return Status::kTimeout;
    status = wait_without_gil(channel, waiter, deadline_ns);
    if (status == Status::kEmpty && PyErr_CheckSignals() != 0) return status;
    if (status == Status::kTimeout || waiter.interrupted()) waited_out = true;
  }
}

Status next_answer(Channel& channel, uint32_t id, int64_t deadline_ns, Message& message) noexcept {
  bool waited_out = deadline_ns == 0;
  for (;;) {
    Waiter waiter = channel.waiter(Waiter::For::kAnswer, id);
    Status status = channel.receive_answer(id, message);
    if (status != Status::kEmpty) return status;
    if (!channel.expects(id)) {
      PyErr_Format(PyExc_LookupError, "the answer to call %u is not expected", static_cast<unsigned int>(id));
      return status;
    }
    if (waited_out) return Status::kTimeout;
    status = wait_without_gil(channel, waiter, deadline_ns);
    if (status == Status::kEmpty && PyErr_CheckSignals() != 0) return status;
    if (status == Status::kTimeout || status == Status::kEmpty) waited_out = true;
  }
}

}  // namespace isthmus::python
