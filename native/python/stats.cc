#include "python/stats.h"

namespace isthmus::python {

PyObject* stats_of(Channel& channel) noexcept {
  const LedgerStats ledger = channel.ledger().stats();
  const Counters& counters = channel.counters(Side::kWorker);
  const struct {
    const char* name;
    uint64_t value;
  } figures[] = {
      {"copied_bytes", counters.copied_bytes.load(std::memory_order_relaxed)},
      {"shared_bytes", counters.shared_bytes.load(std::memory_order_relaxed)},
      {"messages", counters.messages.load(std::memory_order_relaxed)},
      {"notifications", counters.notifications.load(std::memory_order_relaxed)},
      {"parks", counters.parks.load(std::memory_order_relaxed)},
      {"physical", ledger.physical_bytes},
      {"hot", ledger.hot_bytes},
      {"peer", ledger.peer_bytes},
      {"limit", ledger.limit_bytes},
      {"own_blocks", ledger.own_blocks},
      {"own_bytes", ledger.own_bytes},
      {"lent_leases", ledger.lent_leases},
      {"borrowed_blocks", ledger.borrowed_blocks},
      {"borrowed_bytes", ledger.borrowed_bytes},
      {"spin_ns", channel.spin_ns()},
  };
  Ref<> result(PyDict_New());
  if (!result) return nullptr;
  for (const auto& figure : figures) {
    const Ref<> value(PyLong_FromUnsignedLongLong(figure.value));
    if (!value || PyDict_SetItemString(result.get(), figure.name, value.get()) != 0) return nullptr;
  }
  return result.take();
}

}  // namespace isthmus::python
