#include "python/channel.h"

#include <cmath>

#include "python/incoming.h"
#include "python/numpy.h"
#include "python/outgoing.h"
#include "python/process.h"
#include "python/raise.h"

namespace isthmus::python {

namespace {

constexpr int kExitWhenNodeDies = 0;

struct ChannelObject {
  PyObject_HEAD Channel* channel;
  // Reused from message to message. Empty while in use: a second thread that sends or receives meanwhile makes its own.
  Outgoing* outgoing;
  Message* incoming;
};

PyTypeObject* channel_type = nullptr;

Channel& channel_of(PyObject* self) noexcept { return *reinterpret_cast<ChannelObject*>(self)->channel; }

PyObject* channel_new(PyTypeObject*, PyObject* arguments, PyObject* keywords) noexcept {
  static const char* names[] = {"fd", "timeout", nullptr};
  int socket = -1;
  double timeout = 30;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "i|d:Channel", const_cast<char**>(names), &socket, &timeout))
    return nullptr;
  if (process_channel() != nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "this process has joined a channel already");
    return nullptr;
  }
  if (!load_numpy()) return nullptr;
  std::unique_ptr<Channel> joined;
  Status status;
  {
    const WithoutGil released;
    status = Channel::join(socket, static_cast<int64_t>(timeout * 1e9), joined);
  }
  if (status != Status::kOk) return raise(status);
  if (!os::exit_when_closed(joined->socket(), kExitWhenNodeDies)) return raise(Status::kSystem);
  return make_channel(*keep_process_channel(std::move(joined)));
}

void channel_dealloc(PyObject* self) noexcept {
  auto* object = reinterpret_cast<ChannelObject*>(self);
  delete object->outgoing;
  delete object->incoming;
  PyTypeObject* type = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(reinterpret_cast<PyObject*>(type));
}

// --- receive ---------------------------------------------------------------------------------------------

PyObject* channel_receive(PyObject* self, PyObject* const* arguments, Py_ssize_t count) noexcept {
  int64_t deadline_ns = -1;
  if (count > 1) {
    PyErr_SetString(PyExc_TypeError, "receive() takes at most 1 argument");
    return nullptr;
  }
  if (count == 1 && arguments[0] != Py_None) {
    const double timeout = PyFloat_AsDouble(arguments[0]);
    if (timeout == -1 && PyErr_Occurred() != nullptr) return nullptr;
    if (std::isfinite(timeout)) deadline_ns = os::now_ns() + static_cast<int64_t>(std::fmax(timeout, 0) * 1e9);
  }
  if (is_forked()) return raise(Status::kForked);
  auto* object = reinterpret_cast<ChannelObject*>(self);
  std::unique_ptr<Message> message(std::exchange(object->incoming, nullptr));
  if (message == nullptr) message = std::make_unique<Message>();
  const Status status = next_message(*object->channel, deadline_ns, *message);
  if (status != Status::kOk) {
    if (PyErr_Occurred() != nullptr) return nullptr;
    return status == Status::kTimeout ? Py_NewRef(Py_None) : raise(status);
  }
  PyObject* result = to_python(*object->channel, *message);
  if (object->incoming == nullptr) object->incoming = message.release();
  return result;
}

// --- send ------------------------------------------------------------------------------------------------

PyObject* send_built(ChannelObject& object, Outgoing& outgoing, bool wait) noexcept {
  Status status = outgoing.send(wait);
  if (status == Status::kArenaFull) {
    PyGC_Collect();  // a long message goes through the arena, which may be full of garbage
    status = outgoing.send(wait);
  }
  if (PyErr_Occurred() != nullptr) return nullptr;
  if (status == Status::kArenaFull) return raise_arena_full(*object.channel, outgoing.bytes());
  if (status == Status::kFull) return Py_NewRef(Py_False);
  return status == Status::kOk ? Py_NewRef(Py_True) : raise(status);
}

PyObject* channel_send(PyObject* self, PyObject* const* arguments, Py_ssize_t count) noexcept {
  if (count < 3 || count > 5) {
    PyErr_SetString(PyExc_TypeError, "send() takes kind, id, payload, arrays=None, wait=True");
    return nullptr;
  }
  const unsigned long kind = PyLong_AsUnsignedLong(arguments[0]);
  const unsigned long id = PyLong_AsUnsignedLong(arguments[1]);
  if (PyErr_Occurred() != nullptr) return nullptr;
  PyObject* arrays = count > 3 && arguments[3] != Py_None ? arguments[3] : nullptr;
  const int wait = count > 4 ? PyObject_IsTrue(arguments[4]) : 1;
  if (wait < 0) return nullptr;
  if (kind == 0 || kind > static_cast<unsigned long>(wire::Kind::MAX) || id > UINT32_MAX) {
    PyErr_SetString(PyExc_ValueError, "kind or id is out of range");
    return nullptr;
  }
  if (is_forked()) return raise(Status::kForked);
  Py_buffer payload;
  if (PyObject_GetBuffer(arguments[2], &payload, PyBUF_SIMPLE) != 0) return nullptr;

  auto* object = reinterpret_cast<ChannelObject*>(self);
  std::unique_ptr<Outgoing> outgoing(std::exchange(object->outgoing, nullptr));
  if (outgoing == nullptr) outgoing = std::make_unique<Outgoing>(*object->channel);
  PyObject* result = nullptr;
  if (outgoing->build(static_cast<uint32_t>(kind), static_cast<uint32_t>(id), payload.buf,
                      static_cast<size_t>(payload.len), arrays))
    result = send_built(*object, *outgoing, wait != 0);
  PyBuffer_Release(&payload);
  outgoing->clear();
  if (object->outgoing == nullptr) object->outgoing = outgoing.release();
  return result;
}

// --- the rest --------------------------------------------------------------------------------------------

PyObject* channel_close(PyObject* self, PyObject*) noexcept {
  channel_of(self).close();
  return Py_NewRef(Py_None);
}

PyObject* channel_trim(PyObject* self, PyObject*) noexcept {
  channel_of(self).ledger().trim();
  channel_of(self).flush_returns();
  return Py_NewRef(Py_None);
}

PyObject* channel_closed(PyObject* self, void*) noexcept { return PyBool_FromLong(channel_of(self).closed()); }

PyMethodDef channel_methods[] = {
    {"receive", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(channel_receive)), METH_FASTCALL,
     "receive(timeout=None, /)\n--\n\nThe next message, or None when the time is up."},
    {"send", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(channel_send)), METH_FASTCALL,
     "send(kind, id, payload, arrays=None, wait=True, /)\n--\n\nSends a message; False when it had to wait and may "
     "not."},
    {"trim", channel_trim, METH_NOARGS, "trim()\n--\n\nGives free memory back, and what is owed to the other side."},
    {"close", channel_close, METH_NOARGS, "close()\n--\n\nSends nothing more."},
    {nullptr, nullptr, 0, nullptr},
};
PyGetSetDef channel_properties[] = {
    {"closed", channel_closed, nullptr, "Whether the conversation has ended.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyType_Slot channel_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(channel_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(channel_dealloc)},
    {Py_tp_methods, channel_methods},
    {Py_tp_getset, channel_properties},
    {Py_tp_doc,
     const_cast<char*>("Channel(fd, timeout=30)\n--\n\nThe conversation with Node over an inherited socket.")},
    {0, nullptr},
};
PyType_Spec channel_spec = {"isthmus._native.Channel", sizeof(ChannelObject), 0, Py_TPFLAGS_DEFAULT, channel_slots};

}  // namespace

bool define_channel(PyObject* module) noexcept {
  channel_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&channel_spec));
  return channel_type != nullptr &&
         PyModule_AddObjectRef(module, "Channel", reinterpret_cast<PyObject*>(channel_type)) == 0;
}

PyObject* make_channel(Channel& channel) noexcept {
  auto* object = PyObject_New(ChannelObject, channel_type);
  if (object == nullptr) return nullptr;
  object->channel = &channel;
  object->outgoing = nullptr;
  object->incoming = nullptr;
  return reinterpret_cast<PyObject*>(object);
}

}  // namespace isthmus::python
