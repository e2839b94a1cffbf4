#define ISTHMUS_DEFINES_NUMPY_API
#include "python/numpy.h"

namespace isthmus::python {

bool load_numpy() noexcept { return PyArray_ImportNumPyAPI() == 0; }

}  // namespace isthmus::python
