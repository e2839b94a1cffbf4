// Node's side of a channel, for tests of the worker: everything in isthmus._native, and open().
#include "python/channel.h"
#include "python/incoming.h"
#include "python/numpy.h"
#include "python/process.h"
#include "python/raise.h"

PyMODINIT_FUNC PyInit__native();

namespace {

using namespace isthmus;
using namespace isthmus::python;

PyObject* open_channel(PyObject*, PyObject* arguments, PyObject* keywords) noexcept {
  static const char* names[] = {"arena_bytes", "limit_bytes", "retain_bytes", "spin_ns", "ring_bytes", nullptr};
  unsigned long long arena = 1ull << 34;
  unsigned long long limit = 1ull << 30;
  unsigned long long retain = 256ull << 20;
  unsigned long long spin = 0;
  unsigned int ring = 1u << 20;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|$KKKKI:open", const_cast<char**>(names), &arena, &limit,
                                   &retain, &spin, &ring))
    return nullptr;
  if (!load_numpy()) return nullptr;
  std::unique_ptr<Channel> opened;
  int socket = -1;
  std::shared_ptr<Ledger> ledger;
  Status status = Ledger::create({arena, limit, retain}, ledger);
  if (status == Status::kOk) status = Channel::open(ledger, {spin, ring}, opened, socket);
  if (status != Status::kOk) return raise(status);
  return Py_BuildValue("Ni", make_channel(*keep_process_channel(std::move(opened))), socket);
}

PyObject* hang_up(PyObject*, PyObject*) noexcept {
  process_channel()->hang_up();
  return Py_NewRef(Py_None);
}

PyObject* reap(PyObject*, PyObject*) noexcept {
  process_channel()->reap();
  return Py_NewRef(Py_None);
}

PyObject* is_valid(PyObject*, PyObject*) noexcept { return PyBool_FromLong(process_channel()->ledger().is_valid()); }

// The time that the next message says its call took, or None.
PyObject* next_elapsed(PyObject*, PyObject*) noexcept {
  Message message;
  const Status status = next_message(*process_channel(), -1, message);
  if (status != Status::kOk) return raise(status);
  const wire::Int64* elapsed = message->elapsed();
  return elapsed == nullptr ? Py_NewRef(Py_None) : PyLong_FromUnsignedLongLong(value(*elapsed));
}

PyMethodDef functions[] = {
    {"open", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(open_channel)), METH_VARARGS | METH_KEYWORDS, ""},
    {"hang_up", hang_up, METH_NOARGS, ""},
    {"reap", reap, METH_NOARGS, ""},
    {"is_valid", is_valid, METH_NOARGS, ""},
    {"next_elapsed", next_elapsed, METH_NOARGS, ""},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

PyMODINIT_FUNC PyInit_peer() {
  PyObject* module = PyInit__native();
  return module != nullptr && PyModule_AddFunctions(module, functions) == 0 ? module : nullptr;
}
