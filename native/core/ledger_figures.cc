// What the ledger tells people and tests: figures, the largest holders, and whether its invariants hold.
#include <algorithm>

#include "core/ledger.h"

namespace isthmus {

using Lock = std::lock_guard<std::mutex>;

LedgerStats Ledger::stats() noexcept {
  const Lock lock(mutex_);
  LedgerStats stats{};
  for (const Entry& entry : entries_) {
    if (entry.arena == nullptr) continue;
    for (const Lent& lent : entry.lent) stats.lent_leases += lent.count;
    (entry.arena == &own_ ? stats.own_blocks : stats.borrowed_blocks) += 1;
    (entry.arena == &own_ ? stats.own_bytes : stats.borrowed_bytes) += entry.length;
  }
  stats.physical_bytes = arena_.physical_bytes();
  stats.hot_bytes = arena_.hot_bytes();
  stats.limit_bytes = limit_bytes_;
  stats.peer_bytes = peer_bytes();
  return stats;
}

std::vector<Holder> Ledger::largest(size_t count) noexcept {
  const Lock lock(mutex_);
  std::vector<Holder> holders;
  for (const auto& [block, slot] : own_.blocks) {
    Holder holder{entries_[slot].length, entries_[slot].refs, 0};
    for (const Lent& lent : entries_[slot].lent) holder.lent += lent.count;
    holders.push_back(holder);
  }
  const size_t kept = std::min(count, holders.size());
  std::partial_sort(holders.begin(), holders.begin() + static_cast<std::ptrdiff_t>(kept), holders.end(),
                    [](const Holder& a, const Holder& b) { return a.length > b.length; });
  holders.resize(kept);
  return holders;
}

bool Ledger::is_valid() noexcept {
  const Lock lock(mutex_);
  if (!arena_.is_valid()) return false;
  const auto in_order = [&](const MappedArena& arena) {
    uint64_t end = 0;
    for (const auto& [block, slot] : arena.blocks) {
      const Entry& entry = entries_[slot];
      if (entry.arena != &arena || entry.block != block) return false;
      if (&arena == &own_ && block < end) return false;
      end = block + entry.length;
      const bool used = entry.refs != 0 || std::any_of(entry.lent.begin(), entry.lent.end(),
                                                       [](const Lent& lent) { return lent.count != 0; });
      if (!used) return false;
    }
    return true;
  };
  return in_order(own_) &&
         std::all_of(foreign_.begin(), foreign_.end(), [&](const auto& arena) { return in_order(*arena); });
}

}  // namespace isthmus
