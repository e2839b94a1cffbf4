#include "ledger_model.h"

#include <algorithm>

namespace isthmus::fuzz {

void LedgerModel::settle(const Key& key) {
  const auto found = entries_.find(key);
  const Entry& entry = found->second;
  if (entry.refs != 0) return;
  if (std::any_of(entry.lent.begin(), entry.lent.end(), [](const auto& lent) { return lent.second != 0; })) return;
  const Arena& arena = arenas_.at(key.first);
  if (arena.lender != kNoChannel && entry.held != 0) owed_[{arena.lender, key}] += entry.held;
  entries_.erase(found);
}

void LedgerModel::release(const Key& key) {
  --entries_.at(key).refs;
  settle(key);
}

void LedgerModel::lend(const Key& key, ChannelId to) {
  if (arenas_.at(key.first).lender != to) ++entries_.at(key).lent[to];
}

void LedgerModel::unlend(const Key& key, ChannelId to) {
  if (arenas_.at(key.first).lender == to) return;
  --entries_.at(key).lent[to];
  settle(key);
}

Status LedgerModel::accept(ChannelId from, const BlockName& name) {
  const auto arena = arenas_.find(name.arena);
  if (arena == arenas_.end()) return Status::kProtocol;
  const Key key{name.arena, name.block};
  const auto entry = entries_.find(key);
  const bool known = entry != entries_.end();
  if (known && entry->second.length != name.length) return Status::kProtocol;
  if (arena->second.lender != from) {
    if (!known || entry->second.lent[from] == 0) return Status::kProtocol;
    ++entry->second.refs;
    return Status::kOk;
  }
  const uint64_t bytes = arena->second.bytes;
  const bool inside = name.length != 0 && name.length <= bytes && name.block <= bytes - name.length;
  if (!known && (!inside || name.block % isthmus::Arena::kAlign != 0)) return Status::kProtocol;
  Entry& accepted = entries_[key];
  accepted.length = name.length;
  ++accepted.refs;
  ++accepted.held;
  return Status::kOk;
}

Status LedgerModel::give_back(ChannelId from, const LeaseReturn& lease) {
  const Key key{lease.arena, lease.block};
  const auto entry = entries_.find(key);
  if (entry == entries_.end() || lease.count == 0 || entry->second.lent[from] < lease.count) return Status::kProtocol;
  entry->second.lent[from] -= lease.count;
  settle(key);
  return Status::kOk;
}

void LedgerModel::returned(ChannelId to, const LeaseReturn& lease, bool back) {
  const std::pair<ChannelId, Key> owed{to, {lease.arena, lease.block}};
  if (back) {
    owed_[owed] += lease.count;
  } else if ((owed_[owed] -= lease.count) == 0) {
    owed_.erase(owed);
  }
}

void LedgerModel::drop_channel(ChannelId channel) {
  for (auto& [id, arena] : arenas_)
    if (arena.lender == channel) arena.lender = kNoChannel;
  std::erase_if(owed_, [&](const auto& owed) { return owed.first.first == channel; });
  std::vector<Key> lent;
  for (auto& [key, entry] : entries_)
    if (entry.lent.erase(channel) != 0) lent.push_back(key);
  for (const Key& key : lent) settle(key);
}

bool LedgerModel::owes(ChannelId to) const {
  return std::any_of(owed_.begin(), owed_.end(), [&](const auto& owed) { return owed.first.first == to; });
}

LedgerStats LedgerModel::stats() const {
  LedgerStats stats{};
  for (const auto& [key, entry] : entries_) {
    const bool own = arenas_.at(key.first).own;
    (own ? stats.own_blocks : stats.borrowed_blocks) += 1;
    (own ? stats.own_bytes : stats.borrowed_bytes) += entry.length;
    for (const auto& [channel, count] : entry.lent) stats.lent_leases += count;
  }
  return stats;
}

}  // namespace isthmus::fuzz
