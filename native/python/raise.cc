#include "python/raise.h"

#include <errno.h>
#include <string.h>

namespace isthmus::python {

namespace {

constexpr size_t kHoldersShown = 5;

Ref<> error_class(const char* code) noexcept {
  const Ref<> module(PyImport_ImportModule("isthmus.errors"));
  if (!module) return Ref<>();
  const Ref<> by_code(PyObject_GetAttrString(module.get(), "by_code"));
  if (!by_code) return Ref<>();
  return Ref<>(PyMapping_GetItemString(by_code.get(), code));
}

}  // namespace

PyObject* raise(Status status) noexcept {
  const int reason = errno;  // before Python looks for files
  const Ref<> type = error_class(status_code(status));
  if (!type) return nullptr;
  if (status == Status::kSystem && reason != 0)
    PyErr_Format(type.get(), "%s (%s)", status_sentence(status), strerror(reason));
  else
    PyErr_SetString(type.get(), status_sentence(status));
  return nullptr;
}

PyObject* raise_unmapped() noexcept {
  const Ref<> type = error_class(status_code(Status::kSystem));
  if (type)
    PyErr_SetString(type.get(),
                    "there is no address space for the memory in which another worker's tensor lies; raise `ulimit -v` "
                    "(RLIMIT_AS) of this worker, or lower the pool's option `arena`");
  return nullptr;
}

PyObject* raise_arena_full(Channel& channel, uint64_t bytes) noexcept {
  const Ref<> type = error_class(status_code(Status::kArenaFull));
  if (!type) return nullptr;
  const LedgerStats stats = channel.ledger().stats();
  const Ref<> holders(PyList_New(0));
  if (!holders) return nullptr;
  for (const Holder& holder : channel.ledger().largest(kHoldersShown)) {
    const Ref<> entry(Py_BuildValue("{s:K,s:I,s:I}", "bytes", static_cast<unsigned long long>(holder.length), "refs",
                                    holder.refs, "lent", holder.lent));
    if (!entry || PyList_Append(holders.get(), entry.get()) != 0) return nullptr;
  }
  const Ref<> error(PyObject_CallFunction(type.get(), "KKKO", static_cast<unsigned long long>(bytes),
                                          static_cast<unsigned long long>(stats.physical_bytes + stats.peer_bytes),
                                          static_cast<unsigned long long>(stats.limit_bytes), holders.get()));
  if (error) PyErr_SetObject(type.get(), error.get());
  return nullptr;
}

PyObject* raise_unsupported(const char* format, PyObject* argument) noexcept {
  const Ref<> type = error_class("ERR_VALUE");
  if (type) PyErr_Format(type.get(), format, argument);
  return nullptr;
}

}  // namespace isthmus::python
