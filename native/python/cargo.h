// Cargo: the arrays that go with a message, and by which number its payload names each. msgspec calls it for every array.
#pragma once

#include "python/python.h"

namespace isthmus::python {

[[nodiscard]] bool define_cargo(PyObject* module) noexcept;

}  // namespace isthmus::python
