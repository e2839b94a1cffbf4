// Lease: a Python object that owns one reference on a block of the ledger. Arrays over the block have it as their base,
// so the reference goes when the last view has gone.
#pragma once

#include "core/ledger.h"
#include "python/python.h"

namespace isthmus::python {

[[nodiscard]] bool define_lease(PyObject* module) noexcept;

// Takes the reference over, also on failure (nullptr, with a Python exception set). The ledger is never destroyed.
PyObject* make_lease(Ledger& ledger, Slot slot) noexcept;
[[nodiscard]] uint8_t* lease_data(PyObject* lease) noexcept;

}  // namespace isthmus::python
