#include "python/cargo.h"

#include "python/dtypes.h"

namespace isthmus::python {

namespace {

constexpr Py_ssize_t kIndexBytes = 4;  // of an extension's data: big-endian

struct Cargo {
  PyObject_HEAD PyObject* extensions;  // a tuple: what stands in the payload for the arrays 0, 1, 2…
  PyObject* lower;                     // for what is no such array
  PyObject* raise_up;
  PyObject* sent;  // lists
  PyObject* received;
  long code;  // of the extension
};

Cargo& cargo_of(PyObject* self) noexcept { return *reinterpret_cast<Cargo*>(self); }

// The functions refer to the codec that has this.
int cargo_clear(PyObject* self) noexcept {
  Cargo& cargo = cargo_of(self);
  Py_CLEAR(cargo.lower);
  Py_CLEAR(cargo.raise_up);
  return 0;
}

int cargo_traverse(PyObject* self, visitproc visit, void* arg) noexcept {
  const Cargo& cargo = cargo_of(self);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(cargo.extensions);
  Py_VISIT(cargo.lower);
  Py_VISIT(cargo.raise_up);
  Py_VISIT(cargo.sent);
  Py_VISIT(cargo.received);
  return 0;
}

void cargo_dealloc(PyObject* self) noexcept {
  PyObject_GC_UnTrack(self);
  cargo_clear(self);
  const Cargo& cargo = cargo_of(self);
  Py_XDECREF(cargo.extensions);
  Py_XDECREF(cargo.sent);
  Py_XDECREF(cargo.received);
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_Del(self);
  Py_DECREF(reinterpret_cast<PyObject*>(type));
}

PyObject* cargo_new(PyTypeObject* type, PyObject* arguments, PyObject*) noexcept {
  long code = 0;
  PyObject* extensions = nullptr;
  PyObject* lower = nullptr;
  PyObject* raise_up = nullptr;
  if (!PyArg_ParseTuple(arguments, "lO!OO:Cargo", &code, &PyTuple_Type, &extensions, &lower, &raise_up)) return nullptr;
  if (!load_numpy()) return nullptr;
  auto* cargo = PyObject_GC_New(Cargo, type);
  if (cargo == nullptr) return nullptr;
  cargo->extensions = Py_NewRef(extensions);
  cargo->lower = Py_NewRef(lower);
  cargo->raise_up = Py_NewRef(raise_up);
  cargo->sent = PyList_New(0);
  cargo->received = PyList_New(0);
  cargo->code = code;
  Ref<> made(reinterpret_cast<PyObject*>(cargo));
  PyObject_GC_Track(made.get());
  return cargo->sent == nullptr || cargo->received == nullptr ? nullptr : made.take();
}

// --- sending ---------------------------------------------------------------------------------------------

PyObject* cargo_add(PyObject* self, PyObject* array) noexcept {
  const Cargo& cargo = cargo_of(self);
  const Py_ssize_t index = PyList_Size(cargo.sent);
  return PyList_Append(cargo.sent, array) == 0 ? PyLong_FromSsize_t(index) : nullptr;
}

PyObject* cargo_lower(PyObject* self, PyObject* value) noexcept {
  const Cargo& cargo = cargo_of(self);
  const Py_ssize_t index = PyList_Size(cargo.sent);
  wire::DType dtype;
  bool exact = false;
  if (!PyArray_CheckExact(value) || index >= PyTuple_Size(cargo.extensions) ||
      !wire_dtype(PyArray_DESCR(reinterpret_cast<PyArrayObject*>(value)), dtype, exact))
    return PyObject_CallFunctionObjArgs(cargo.lower, value, nullptr);
  if (PyList_Append(cargo.sent, value) != 0) return nullptr;
  return Py_XNewRef(PyTuple_GetItem(cargo.extensions, index));
}

PyObject* cargo_take(PyObject* self, PyObject*) noexcept {
  Cargo& cargo = cargo_of(self);
  if (PyList_Size(cargo.sent) == 0) return Py_NewRef(Py_None);
  PyObject* next = PyList_New(0);
  return next == nullptr ? nullptr : std::exchange(cargo.sent, next);
}

// --- receiving -------------------------------------------------------------------------------------------

PyObject* cargo_receive(PyObject* self, PyObject* arrays) noexcept {
  if (!PyList_Check(arrays)) {
    PyErr_SetString(PyExc_TypeError, "receive() takes a list");
    return nullptr;
  }
  Py_DECREF(std::exchange(cargo_of(self).received, Py_NewRef(arrays)));
  return Py_NewRef(Py_None);
}

// Below 0: not the number of an array.
Py_ssize_t index_in(PyObject* data) noexcept {
  Py_buffer view;
  if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) != 0) {
    PyErr_Clear();
    return -1;
  }
  Py_ssize_t index = view.len == kIndexBytes ? 0 : -1;
  for (Py_ssize_t at = 0; index >= 0 && at < kIndexBytes; ++at)
    index = index << 8 | static_cast<const uint8_t*>(view.buf)[at];
  PyBuffer_Release(&view);
  return index;
}

PyObject* cargo_raise_up(PyObject* self, PyObject* const* arguments, Py_ssize_t count) noexcept {
  if (count != 2) {
    PyErr_SetString(PyExc_TypeError, "raise_up() takes a code and data");
    return nullptr;
  }
  const Cargo& cargo = cargo_of(self);
  const long code = PyLong_AsLong(arguments[0]);
  if (PyErr_Occurred() != nullptr) return nullptr;
  const Py_ssize_t index = code == cargo.code ? index_in(arguments[1]) : -1;
  if (index >= 0 && index < PyList_Size(cargo.received)) return Py_NewRef(PyList_GetItem(cargo.received, index));
  return PyObject_CallFunctionObjArgs(cargo.raise_up, arguments[0], arguments[1], nullptr);
}

PyMethodDef cargo_methods[] = {
    {"add", cargo_add, METH_O, "add(array, /)\n--\n\nTakes an array along, and returns its index."},
    {"lower", cargo_lower, METH_O,
     "lower(value, /)\n--\n\nTakes an array along and returns its extension; asks the function `lower` of anything "
     "else."},
    {"take", cargo_take, METH_NOARGS, "take()\n--\n\nThe arrays that were taken along, or None; it has none then."},
    {"receive", cargo_receive, METH_O, "receive(arrays, /)\n--\n\nThe arrays that the next payload names."},
    {"raise_up", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(cargo_raise_up)), METH_FASTCALL,
     "raise_up(code, data, /)\n--\n\nThe array that an extension names; asks the function `raise_up` of anything "
     "else."},
    {nullptr, nullptr, 0, nullptr},
};
PyType_Slot cargo_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(cargo_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(cargo_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(cargo_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(cargo_clear)},
    {Py_tp_methods, cargo_methods},
    {Py_tp_doc,
     const_cast<char*>("Cargo(code, extensions, lower, raise_up)\n--\n\nThe arrays that go with a message.")},
    {0, nullptr},
};
PyType_Spec cargo_spec = {"isthmus._native.Cargo", sizeof(Cargo), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                          cargo_slots};

}  // namespace

bool define_cargo(PyObject* module) noexcept {
  const Ref<> type(PyType_FromSpec(&cargo_spec));
  return type && PyModule_AddObjectRef(module, "Cargo", type.get()) == 0;
}

}  // namespace isthmus::python
