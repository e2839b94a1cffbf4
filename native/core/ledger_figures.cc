// What the ledger tells other processes, people and tests: how much memory exists, who holds it, and whether the invariants
// hold.
#include <algorithm>

#include "core/ledger.h"

namespace isthmus {

using Lock = std::lock_guard<std::mutex>;

// --- physical bytes --------------------------------------------------------------------------------------

// The limit is of all arenas together, and each owner keeps it for its own allocations. The own bytes are exact, and so are
// those of orphans. Node knows what each worker has published last; a worker knows of the others what Node has told it, when
// Node last placed or freed a block of its own, or was lent one. So owners that grow at the same time may exceed the limit,
// each by what the others have placed since.
uint64_t Ledger::headroom() const noexcept {
  const uint64_t used = arena_.physical_bytes() + peer_bytes();
  return used < limit_bytes_ ? limit_bytes_ - used : 0;
}

uint64_t Ledger::peer_bytes() const noexcept {
  uint64_t bytes = orphaned_bytes_;
  for (const ChannelState& channel : channels_)
    if (channel.peer != nullptr)
      bytes += std::min(channel.peer->physical_bytes.load(std::memory_order_relaxed), limit_bytes_);
  return bytes;
}

// To each process what is used by all but itself. With one channel that needs no look at what the other side published,
// which would cost a miss of the cache.
void Ledger::publish() noexcept {
  const uint64_t own = arena_.physical_bytes() + orphaned_bytes_;
  const uint64_t all = live_channels_ > 1 ? arena_.physical_bytes() + peer_bytes() : own;
  for (const ChannelState& channel : channels_) {
    if (channel.own == nullptr) continue;
    uint64_t bytes = all;
    if (live_channels_ > 1)
      bytes -= std::min({channel.peer->physical_bytes.load(std::memory_order_relaxed), limit_bytes_, all - own});
    if (channel.own->physical_bytes.load(std::memory_order_relaxed) != bytes)
      channel.own->physical_bytes.store(bytes, std::memory_order_relaxed);
  }
}

void Ledger::refresh() noexcept {
  const Lock lock(mutex_);
  publish();
}

// --- for people ------------------------------------------------------------------------------------------

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
  uint64_t orphaned_bytes = 0;
  for (const auto& arena : foreign_) {
    if (!arena->orphaned) continue;
    if (arena->blocks.empty()) return false;  // L6
    for (const auto& [block, slot] : arena->blocks) orphaned_bytes += entries_[slot].length;
  }
  return orphaned_bytes == orphaned_bytes_ && in_order(own_) &&
         std::all_of(foreign_.begin(), foreign_.end(), [&](const auto& arena) { return in_order(*arena); });
}

}  // namespace isthmus
