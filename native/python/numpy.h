// numpy's C API, reached through its own table. numpy.cc loads the table when a channel is made, not at import, so that
// a missing numpy can be reported instead of failing the import of the extension.
#pragma once

#include "python/python.h"

// One binary for numpy 1.23 and everything later.
#define NPY_TARGET_VERSION NPY_1_23_API_VERSION
#ifndef NPY_NO_DEPRECATED_API
#define NPY_NO_DEPRECATED_API NPY_1_23_API_VERSION
#endif
#define PY_ARRAY_UNIQUE_SYMBOL isthmus_numpy_api
#ifndef ISTHMUS_DEFINES_NUMPY_API
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

namespace isthmus::python {

// False with a Python exception set.
[[nodiscard]] bool load_numpy() noexcept;

}  // namespace isthmus::python
