#include "python/arrays.h"

#include "python/dtypes.h"
#include "python/lease.h"
#include "python/raise.h"

namespace isthmus::python {

namespace {

// A block of the own arena. When the budget is used up, Python's garbage may be what holds it.
bool allocate(Channel& channel, uint64_t bytes, bool zeroed, Slot& out) noexcept {
  Status status = channel.allocate(bytes, zeroed, out);
  if (status == Status::kArenaFull) {
    PyGC_Collect();
    status = channel.allocate(bytes, zeroed, out);
  }
  if (status == Status::kOk) return true;
  if (status == Status::kArenaFull)
    raise_arena_full(channel, bytes);
  else
    raise(status);
  return false;
}

// An array over a block: `owner` is its base and keeps the block. Takes over descr, not owner.
PyObject* array_over(uint8_t* data, int axes, const npy_intp* shape, const npy_intp* strides, PyArray_Descr* descr,
                     PyObject* owner) noexcept {
  Ref<PyArrayObject> array(PyArray_NewFromDescr(&PyArray_Type, descr, axes, shape, strides, data,
                                                NPY_ARRAY_WRITEABLE | NPY_ARRAY_ALIGNED, nullptr));
  if (!array) return nullptr;
  PyArray_UpdateFlags(array.get(), NPY_ARRAY_UPDATE_ALL);
  if (owner != nullptr) {
    Py_INCREF(owner);
    if (PyArray_SetBaseObject(array.get(), owner) != 0) return nullptr;
  }
  return reinterpret_cast<PyObject*>(array.take());
}

// Do all elements lie in the block? (A view made by as_strided need not.)
bool lies_within(PyArrayObject* array, const uint8_t* block, uint64_t length) noexcept {
  const auto* low = reinterpret_cast<const uint8_t*>(PyArray_BYTES(array));
  const uint8_t* high = low + PyArray_ITEMSIZE(array);
  for (int axis = 0; axis < PyArray_NDIM(array); ++axis) {
    const npy_intp reach = (PyArray_DIM(array, axis) - 1) * PyArray_STRIDE(array, axis);
    (reach < 0 ? low : high) += reach;
  }
  return low >= block && high <= block + length;
}

bool place_by_reference(Channel& channel, PyArrayObject* array, Placed& out) noexcept {
  if (!PyArray_ISALIGNED(array)) return false;
  Ledger& ledger = channel.ledger();
  const auto* first = reinterpret_cast<const uint8_t*>(PyArray_BYTES(array));
  if (!ledger.find(first, out.slot)) return false;
  uint64_t length = 0;
  const uint8_t* block = ledger.data(out.slot, length);
  if (!lies_within(array, block, length)) {
    ledger.release(out.slot);
    return false;
  }
  out.offset = static_cast<uint64_t>(first - block);
  if (!PyArray_IS_C_CONTIGUOUS(array)) out.strides = PyArray_STRIDES(array);
  return true;
}

// Copies into a new block, in C order and in the byte order and time unit of the wire.
bool place_copy(Channel& channel, PyArrayObject* array, Placed& out) noexcept {
  const auto bytes = static_cast<uint64_t>(PyArray_SIZE(array)) * (out.dtype.bits() / 8u);
  if (!allocate(channel, bytes == 0 ? 1 : bytes, false, out.slot)) return false;
  bool copied = bytes == 0;
  if (!copied) {
    PyArray_Descr* descr = numpy_dtype(out.dtype);
    const Ref<> target(descr == nullptr
                           ? nullptr
                           : array_over(channel.ledger().data(out.slot), out.axes, out.shape, nullptr, descr, nullptr));
    copied = target && PyArray_CopyInto(reinterpret_cast<PyArrayObject*>(target.get()), array) == 0;
  }
  if (!copied) {
    channel.ledger().release(out.slot);
    return false;
  }
  channel.count_copied(bytes);
  return true;
}

}  // namespace

bool place_array(Channel& channel, PyArrayObject* array, Placed& out) noexcept {
  out = Placed{kNoSlot, 0, {}, PyArray_NDIM(array), PyArray_DIMS(array), nullptr};
  bool exact = false;
  if (!wire_dtype(PyArray_DESCR(array), out.dtype, exact)) {
    raise_unsupported("an array of dtype %S cannot be sent", reinterpret_cast<PyObject*>(PyArray_DESCR(array)));
    return false;
  }
  if (exact && PyArray_SIZE(array) != 0 && place_by_reference(channel, array, out)) return true;
  return place_copy(channel, array, out);
}

PyObject* make_array(Ledger& ledger, const wire::Tensor& tensor) noexcept {
  const Ref<> lease(make_lease(ledger, tensor.place()->slot()));
  if (!lease) return nullptr;
  if (lease_data(lease.get()) == nullptr) return raise_unmapped();
  npy_intp shape[kMaxAxes];
  npy_intp strides[kMaxAxes];
  const auto* lengths = tensor.shape();
  const auto* steps = tensor.strides();
  const uint32_t axes = lengths == nullptr ? 0 : lengths->size();
  for (uint32_t axis = 0; axis < axes; ++axis) shape[axis] = static_cast<npy_intp>(value(*lengths->Get(axis)));
  for (uint32_t axis = 0; axis < axes && steps != nullptr; ++axis)
    strides[axis] = static_cast<npy_intp>(value(*steps->Get(axis)));
  PyArray_Descr* descr = numpy_dtype(*tensor.dtype());
  if (descr == nullptr) return nullptr;
  return array_over(lease_data(lease.get()) + value(tensor.place()->offset()), static_cast<int>(axes), shape,
                    steps == nullptr ? nullptr : strides, descr, lease.get());
}

PyObject* new_array(Channel& channel, int axes, const npy_intp* shape, PyArray_Descr* descr, bool zeroed) noexcept {
  Ref<PyArray_Descr> owned(descr);
  npy_intp bytes = PyDataType_ELSIZE(descr);
  for (int axis = 0; axis < axes; ++axis) {
    if (shape[axis] >= 0 && !__builtin_mul_overflow(bytes, shape[axis], &bytes)) continue;
    PyErr_SetString(PyExc_ValueError, "the shape is negative or too large");
    return nullptr;
  }
  Slot slot = kNoSlot;
  if (!allocate(channel, bytes == 0 ? 1 : static_cast<uint64_t>(bytes), zeroed, slot)) return nullptr;
  const Ref<> lease(make_lease(channel.ledger(), slot));
  if (!lease) return nullptr;
  return array_over(lease_data(lease.get()), axes, shape, nullptr, owned.take(), lease.get());
}

bool is_shared(Channel& channel, PyArrayObject* array) noexcept {
  Slot slot = kNoSlot;
  if (!channel.ledger().find(PyArray_DATA(array), slot)) return false;
  channel.ledger().release(slot);
  return true;
}

}  // namespace isthmus::python
