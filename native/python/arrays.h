// Between numpy arrays and tensors of the wire.
#pragma once

#include "core/channel.h"
#include "python/numpy.h"

namespace isthmus::python {

// Where an array's elements are in shared memory. Holds one reference on the block: the caller releases it once the
// message is sent. shape and strides point into the array.
struct Placed {
  Slot slot;
  uint64_t offset;
  wire::DType dtype;
  int axes;
  const npy_intp* shape;
  const npy_intp* strides;  // nullptr: C order without gaps
};

// An array in any arena of this process is sent as it lies there, whatever its strides; any other is copied once.
// False with a Python exception set.
[[nodiscard]] bool place_array(Channel& channel, PyArrayObject* array, Placed& out) noexcept;

// An array over the tensor's block. Takes over the reference in the tensor's place, also when it fails.
PyObject* make_array(Ledger& ledger, const wire::Tensor& tensor) noexcept;

// A new array in the arena of this process. Takes over `descr`.
PyObject* new_array(Channel& channel, int axes, const npy_intp* shape, PyArray_Descr* descr, bool zeroed) noexcept;

// Does the first element lie in an arena of this process?
[[nodiscard]] bool is_shared(Channel& channel, PyArrayObject* array) noexcept;

}  // namespace isthmus::python
