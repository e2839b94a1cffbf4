// numpy's element types and the wire's.
#pragma once

#include "core/verify.h"
#include "python/numpy.h"

namespace isthmus::python {

// How a numpy dtype is sent. exact: its elements are those of the wire already; otherwise (foreign byte order, a multiple
// of a time unit) the array has to be converted, which is a copy. False, with no exception set: it cannot be sent.
[[nodiscard]] bool wire_dtype(PyArray_Descr* descr, wire::DType& out, bool& exact) noexcept;

// A new reference to the numpy dtype, or nullptr with an exception set. bfloat16 is that of ml_dtypes if it is
// installed, and uint16 otherwise.
[[nodiscard]] PyArray_Descr* numpy_dtype(const wire::DType& dtype) noexcept;

}  // namespace isthmus::python
