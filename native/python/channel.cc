#include "python/channel.h"

#include "python/incoming.h"
#include "python/numpy.h"
#include "python/outgoing.h"
#include "python/process.h"
#include "python/raise.h"

namespace isthmus::python {

namespace {

constexpr int kExitWhenNodeDies = 0;
constexpr double kLongestTimeout = 1e9;        // seconds; more is for ever
constexpr uint32_t kQueuedAnswers = 1u << 31;  // ids from here on are not of threads

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

// A number of seconds or None. deadline_ns: monotonic, -1 for none, 0 when there is nothing to wait for. False with an
// exception set.
bool parse_timeout(PyObject* argument, int64_t& deadline_ns) noexcept {
  deadline_ns = -1;
  if (argument == Py_None) return true;
  const double timeout = PyFloat_AsDouble(argument);
  if (timeout == -1 && PyErr_Occurred() != nullptr) return false;
  if (timeout <= 0)
    deadline_ns = 0;
  else if (timeout < kLongestTimeout)  // not for NaN
    deadline_ns = os::now_ns() + static_cast<int64_t>(timeout * 1e9);
  return true;
}

bool parse_id(PyObject* argument, uint32_t& id) noexcept {
  const unsigned long value = PyLong_AsUnsignedLong(argument);
  if (PyErr_Occurred() != nullptr) return false;
  if (value > UINT32_MAX) PyErr_SetString(PyExc_ValueError, "id is out of range");
  id = static_cast<uint32_t>(value);
  return value <= UINT32_MAX;
}

// `next` fills the message it is given.
template <typename Next>
PyObject* received(ChannelObject& object, Next next) noexcept {
  std::unique_ptr<Message> message(std::exchange(object.incoming, nullptr));
  if (message == nullptr) message = std::make_unique<Message>();
  const Status status = next(*message);
  PyObject* result = nullptr;
  if (status == Status::kOk)
    result = to_python(*object.channel, *message);
  else if (PyErr_Occurred() == nullptr)
    result = status == Status::kTimeout || status == Status::kEmpty ? Py_NewRef(Py_None) : raise(status);
  if (object.incoming == nullptr) object.incoming = message.release();
  return result;
}

PyObject* channel_receive(PyObject* self, PyObject* const* arguments, Py_ssize_t count) noexcept {
  if (count > 1) {
    PyErr_SetString(PyExc_TypeError, "receive() takes at most 1 argument");
    return nullptr;
  }
  int64_t deadline_ns = -1;
  if (count == 1 && !parse_timeout(arguments[0], deadline_ns)) return nullptr;
  if (is_forked()) return raise(Status::kForked);
  auto& object = *reinterpret_cast<ChannelObject*>(self);
  Channel& channel = *object.channel;
  if (deadline_ns != 0)
    return received(object, [&](Message& message) { return next_message(channel, deadline_ns, message); });
  if (!channel.has_input() && !channel.closed()) return Py_NewRef(Py_None);
  return received(object, [&](Message& message) { return channel.receive(message); });
}

// --- answers ---------------------------------------------------------------------------------------------

PyObject* channel_expect(PyObject* self, PyObject* argument) noexcept {
  uint32_t id = 0;
  if (!parse_id(argument, id)) return nullptr;
  if (is_forked()) return raise(Status::kForked);
  if (id >= kQueuedAnswers) {
    PyErr_SetString(PyExc_ValueError, "the answer to a call with this id is for receive()");
    return nullptr;
  }
  channel_of(self).expect(id);
  return Py_NewRef(Py_None);
}

PyObject* channel_receive_answer(PyObject* self, PyObject* const* arguments, Py_ssize_t count) noexcept {
  uint32_t id = 0;
  int64_t deadline_ns = -1;
  if (count < 1 || count > 2) {
    PyErr_SetString(PyExc_TypeError, "receive_answer() takes id, timeout=None");
    return nullptr;
  }
  if (!parse_id(arguments[0], id) || (count == 2 && !parse_timeout(arguments[1], deadline_ns))) return nullptr;
  if (is_forked()) return raise(Status::kForked);
  auto& object = *reinterpret_cast<ChannelObject*>(self);
  return received(object, [&](Message& message) { return next_answer(*object.channel, id, deadline_ns, message); });
}

PyObject* channel_forget(PyObject* self, PyObject* argument) noexcept {
  uint32_t id = 0;
  if (!parse_id(argument, id)) return nullptr;
  if (!is_forked()) channel_of(self).forget(id);
  return Py_NewRef(Py_None);
}

PyObject* channel_cancelled(PyObject* self, PyObject* argument) noexcept {
  uint32_t id = 0;
  if (!parse_id(argument, id)) return nullptr;
  const wire::Kind found = is_forked() ? wire::Kind::None : channel_of(self).cancelled(id);
  return PyLong_FromLong(found == wire::Kind::Interrupt ? 2 : found == wire::Kind::Cancel ? 1 : 0);
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
  if (count < 3 || count > 6) {
    PyErr_SetString(PyExc_TypeError, "send() takes kind, id, payload, arrays=None, wait=True, elapsed=0");
    return nullptr;
  }
  Parts parts{};
  const unsigned long kind = PyLong_AsUnsignedLong(arguments[0]);
  const unsigned long id = PyLong_AsUnsignedLong(arguments[1]);
  if (PyErr_Occurred() != nullptr) return nullptr;
  if (count > 3 && arguments[3] != Py_None) parts.arrays = arguments[3];
  const int wait = count > 4 ? PyObject_IsTrue(arguments[4]) : 1;
  if (wait < 0) return nullptr;
  if (count > 5) parts.elapsed_ns = PyLong_AsUnsignedLongLong(arguments[5]);
  if (PyErr_Occurred() != nullptr) return nullptr;
  if (kind == 0 || kind > static_cast<unsigned long>(wire::Kind::MAX) || id > UINT32_MAX) {
    PyErr_SetString(PyExc_ValueError, "kind or id is out of range");
    return nullptr;
  }
  if (is_forked()) return raise(Status::kForked);
  Py_buffer payload;
  if (PyObject_GetBuffer(arguments[2], &payload, PyBUF_SIMPLE) != 0) return nullptr;
  parts.kind = static_cast<uint32_t>(kind);
  parts.id = static_cast<uint32_t>(id);
  parts.payload = payload.buf;
  parts.payload_bytes = static_cast<size_t>(payload.len);

  auto* object = reinterpret_cast<ChannelObject*>(self);
  std::unique_ptr<Outgoing> outgoing(std::exchange(object->outgoing, nullptr));
  if (outgoing == nullptr) outgoing = std::make_unique<Outgoing>(*object->channel);
  PyObject* result = nullptr;
  if (outgoing->build(parts)) result = send_built(*object, *outgoing, wait != 0);
  PyBuffer_Release(&payload);
  outgoing->clear();
  if (object->outgoing == nullptr) object->outgoing = outgoing.release();
  return result;
}

// --- an event loop's own waiting -------------------------------------------------------------------------

PyObject* channel_poll(PyObject* self, PyObject* const* arguments, Py_ssize_t count) noexcept {
  int64_t deadline_ns = -1;
  if (count > 1) {
    PyErr_SetString(PyExc_TypeError, "poll() takes at most 1 argument");
    return nullptr;
  }
  if (count == 1 && !parse_timeout(arguments[0], deadline_ns)) return nullptr;
  if (is_forked()) return raise(Status::kForked);
  Channel& channel = channel_of(self);
  bool found = channel.poll(0);
  if (!found && deadline_ns != 0 && channel.spin_ns() != 0) {
    const WithoutGil released;
    found = channel.poll(deadline_ns);
  }
  return PyBool_FromLong(found);
}

PyObject* channel_park(PyObject* self, PyObject*) noexcept {
  if (is_forked()) return raise(Status::kForked);
  Channel& channel = channel_of(self);
  bool parked = false;
  {
    const WithoutGil released;  // the second look waits for a thread that is draining
    parked = channel.park(false);
  }
  return PyBool_FromLong(parked);
}

PyObject* channel_unpark(PyObject* self, PyObject*) noexcept {
  if (!is_forked()) channel_of(self).unpark();
  return Py_NewRef(Py_None);
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

PyObject* channel_event(PyObject* self, void*) noexcept { return PyLong_FromLong(channel_of(self).event()); }

PyObject* channel_closed(PyObject* self, void*) noexcept { return PyBool_FromLong(channel_of(self).closed()); }

PyCFunction with_arguments(PyObject* (*function)(PyObject*, PyObject* const*, Py_ssize_t)) noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(function));
}

PyMethodDef channel_methods[] = {
    {"receive", with_arguments(channel_receive), METH_FASTCALL,
     "receive(timeout=None, /)\n--\n\nThe next message, or None when the time is up."},
    {"expect", channel_expect, METH_O, "expect(id, /)\n--\n\nKeeps the answer to a call, which is sent afterwards."},
    {"receive_answer", with_arguments(channel_receive_answer), METH_FASTCALL,
     "receive_answer(id, timeout=None, /)\n--\n\nThe answer to a call, or None when the time is up or the wait was "
     "interrupted."},
    {"forget", channel_forget, METH_O, "forget(id, /)\n--\n\nDrops the answer to a call, also when it comes later."},
    {"cancelled", channel_cancelled, METH_O,
     "cancelled(id, /)\n--\n\nWhat is queued for a call: 0 nothing, 1 a Cancel, 2 an Interrupt. It stays there."},
    {"send", with_arguments(channel_send), METH_FASTCALL,
     "send(kind, id, payload, arrays=None, wait=True, elapsed=0, /)\n--\n\nSends a message; False when it had to wait "
     "and may not."},
    {"poll", with_arguments(channel_poll), METH_FASTCALL,
     "poll(timeout=None, /)\n--\n\nPolls for input where that pays; False when the budget or the time is over."},
    {"park", channel_park, METH_NOARGS,
     "park()\n--\n\nHas `event` notified of input; False when there is some already."},
    {"unpark", channel_unpark, METH_NOARGS, "unpark()\n--\n\nAfter park(), when the selector has woken up."},
    {"trim", channel_trim, METH_NOARGS, "trim()\n--\n\nGives free memory back, and what is owed to the other side."},
    {"close", channel_close, METH_NOARGS, "close()\n--\n\nSends nothing more."},
    {nullptr, nullptr, 0, nullptr},
};
PyGetSetDef channel_properties[] = {
    {"closed", channel_closed, nullptr, "Whether the conversation has ended.", nullptr},
    {"event", channel_event, nullptr, "The descriptor on which this side sleeps, for a selector.", nullptr},
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
