// isthmus._native: the export table. Everything else is in the file named after it.
#include "python/arrays.h"
#include "python/cargo.h"
#include "python/channel.h"
#include "python/dtypes.h"
#include "python/lease.h"
#include "python/numpy_allocator.h"
#include "python/process.h"
#include "python/raise.h"
#include "python/stats.h"
#include "python/waiting.h"

namespace isthmus::python {

namespace {

// The channel of this process, or nullptr with an exception set.
Channel* joined() noexcept {
  if (is_forked())
    raise(Status::kForked);
  else if (process_channel() == nullptr)
    PyErr_SetString(PyExc_RuntimeError, "this process was not started by Isthmus: it has no shared memory");
  return is_forked() ? nullptr : process_channel();
}

PyObject* allocator(PyObject*, PyObject* argument) noexcept {
  const int on = PyObject_IsTrue(argument);
  if (on < 0 || (process_channel() == nullptr && joined() == nullptr)) return nullptr;
  const int was_on = switch_allocator(on != 0);
  return was_on < 0 ? nullptr : PyBool_FromLong(was_on);
}

// A tuple of lengths. False with an exception set.
bool parse_shape(PyObject* tuple, npy_intp (&shape)[kMaxAxes], int& axes) noexcept {
  const Py_ssize_t count = PyTuple_Size(tuple);
  if (count < 0) return false;
  if (count > static_cast<Py_ssize_t>(kMaxAxes)) {
    PyErr_Format(PyExc_ValueError, "an array has at most %u axes", kMaxAxes);
    return false;
  }
  axes = static_cast<int>(count);
  for (int axis = 0; axis < axes; ++axis) {
    shape[axis] = PyLong_AsSsize_t(PyTuple_GetItem(tuple, axis));
    if (shape[axis] == -1 && PyErr_Occurred() != nullptr) return false;
  }
  return true;
}

PyObject* empty(PyObject*, PyObject* arguments, PyObject* keywords) noexcept {
  static const char* names[] = {"shape", "dtype", "zeroed", nullptr};
  Channel* channel = joined();
  PyObject* tuple = nullptr;
  PyObject* type = nullptr;
  int zeroed = 0;
  npy_intp shape[kMaxAxes];
  int axes = 0;
  PyArray_Descr* descr = nullptr;
  if (channel == nullptr || !PyArg_ParseTupleAndKeywords(arguments, keywords, "OO|p:empty", const_cast<char**>(names),
                                                         &tuple, &type, &zeroed))
    return nullptr;
  if (!parse_shape(tuple, shape, axes) || PyArray_DescrConverter(type, &descr) == NPY_FAIL) return nullptr;
  Ref<PyArray_Descr> owned(descr);
  wire::DType dtype;
  bool exact = false;
  if (!wire_dtype(descr, dtype, exact) || !exact)
    return raise_unsupported("an array of dtype %S cannot be in shared memory", owned.object());
  return new_array(*channel, axes, shape, owned.take(), zeroed != 0);
}

PyObject* is_shared(PyObject*, PyObject* argument) noexcept {
  Channel* channel = joined();
  if (channel == nullptr) return nullptr;
  if (!PyArray_Check(argument)) return raise_unsupported("%R is not a numpy array", argument);
  return PyBool_FromLong(isthmus::python::is_shared(*channel, reinterpret_cast<PyArrayObject*>(argument)));
}

PyObject* count_copied(PyObject*, PyObject* argument) noexcept {
  Channel* channel = joined();
  const unsigned long long bytes = PyLong_AsUnsignedLongLong(argument);
  if (channel == nullptr || PyErr_Occurred() != nullptr) return nullptr;
  channel->count_copied(bytes);
  return Py_NewRef(Py_None);
}

PyObject* stats(PyObject*, PyObject*) noexcept {
  Channel* channel = joined();
  return channel == nullptr ? nullptr : stats_of(*channel);
}

PyMethodDef functions[] = {
    {"allocator", allocator, METH_O,
     "allocator(on, /)\n--\n\nLarge arrays of this context come from shared memory, or no longer. Returns what held "
     "before."},
    {"empty", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(empty)), METH_VARARGS | METH_KEYWORDS,
     "empty(shape, dtype, zeroed=False)\n--\n\nAn array in shared memory, whatever its size."},
    {"is_shared", is_shared, METH_O, "is_shared(array, /)\n--\n\nWhether it lies in shared memory."},
    {"count_copied", count_copied, METH_O, "count_copied(bytes, /)\n--\n\nAdds to the copied bytes."},
    {"interrupt", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(interrupt_thread)), METH_FASTCALL,
     "interrupt(thread_ident, exception, /)\n--\n\nRaises an exception class in a thread as soon as it runs Python "
     "code, "
     "waking it if it waits; None takes one back that was not raised yet."},
    {"stats", stats, METH_NOARGS, "stats()\n--\n\nFigures of this process's channel and memory."},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                          "_native",
                          "The core of Isthmus for Python.",
                          -1,
                          functions,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr};

}  // namespace

}  // namespace isthmus::python

PyMODINIT_FUNC PyInit__native() {
  using namespace isthmus::python;
  // Nothing else may run there: without the GIL, objects have another layout.
  PyObject* flags = PySys_GetObject("abiflags");  // borrowed
  if (flags != nullptr && PyUnicode_FindChar(flags, 't', 0, PyUnicode_GetLength(flags), 1) >= 0) {
    PyErr_SetString(PyExc_ImportError, "free-threaded CPython is not supported yet: a build with the GIL is needed");
    return nullptr;
  }
  Ref<> module(PyModule_Create(&definition));
  if (!module || !define_lease(module.get()) || !define_channel(module.get()) || !define_cargo(module.get()))
    return nullptr;
  return module.take();
}
