#include "python/lease.h"

namespace isthmus::python {

namespace {

struct Lease {
  PyObject_HEAD Ledger* ledger;
  uint8_t* data;
  uint64_t length;
  Slot slot;
};

PyObject* lease_type = nullptr;

// Touches neither a ring nor Python: safe in a forked child and while the interpreter shuts down.
void lease_dealloc(PyObject* self) noexcept {
  auto* lease = reinterpret_cast<Lease*>(self);
  lease->ledger->release(lease->slot);
  PyTypeObject* type = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(reinterpret_cast<PyObject*>(type));
}

int lease_getbuffer(PyObject* self, Py_buffer* view, int flags) noexcept {
  auto* lease = reinterpret_cast<Lease*>(self);
  return PyBuffer_FillInfo(view, self, lease->data, static_cast<Py_ssize_t>(lease->length), 0, flags);
}

PyObject* lease_repr(PyObject* self) noexcept {
  return PyUnicode_FromFormat("<isthmus lease on %llu bytes>",
                              static_cast<unsigned long long>(reinterpret_cast<Lease*>(self)->length));
}

PyType_Slot lease_slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(lease_dealloc)},
    {Py_bf_getbuffer, reinterpret_cast<void*>(lease_getbuffer)},
    {Py_tp_repr, reinterpret_cast<void*>(lease_repr)},
    {Py_tp_doc, const_cast<char*>("The right to use a block of shared memory; ends when the object does.")},
    {0, nullptr},
};

PyType_Spec lease_spec = {"isthmus._native.Lease", sizeof(Lease), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, lease_slots};

}  // namespace

bool define_lease(PyObject* module) noexcept {
  lease_type = PyType_FromSpec(&lease_spec);
  return lease_type != nullptr && PyModule_AddObjectRef(module, "Lease", lease_type) == 0;
}

PyObject* make_lease(Ledger& ledger, Slot slot) noexcept {
  auto* lease = PyObject_New(Lease, reinterpret_cast<PyTypeObject*>(lease_type));
  if (lease == nullptr) {
    ledger.release(slot);
    return nullptr;
  }
  lease->ledger = &ledger;
  lease->data = ledger.data(slot, lease->length);
  lease->slot = slot;
  return reinterpret_cast<PyObject*>(lease);
}

uint8_t* lease_data(PyObject* lease) noexcept { return reinterpret_cast<Lease*>(lease)->data; }

}  // namespace isthmus::python
