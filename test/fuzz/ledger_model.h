// What a ledger must do, in the plainest form: L1 to L6 as maps, one process at a time.
#pragma once

#include <map>
#include <vector>

#include "core/ledger.h"

namespace isthmus::fuzz {

class LedgerModel {
 public:
  struct Entry {
    uint64_t length = 0;
    uint64_t refs = 0;
    uint64_t held = 0;
    std::map<ChannelId, uint64_t> lent;
  };
  using Key = std::pair<uint64_t, uint64_t>;  // arena, block

  explicit LedgerModel(uint64_t own_arena) { arenas_[own_arena] = Arena{kNoChannel, 0, true}; }
  void add_arena(uint64_t id, ChannelId lender, uint64_t bytes) { arenas_[id] = Arena{lender, bytes, false}; }

  void allocate(const BlockName& name) { entries_[{name.arena, name.block}] = Entry{name.length, 1, 0, {}}; }
  void retain(const Key& key) { ++entries_.at(key).refs; }
  void release(const Key& key);
  void lend(const Key& key, ChannelId to);
  void unlend(const Key& key, ChannelId to);
  [[nodiscard]] Status accept(ChannelId from, const BlockName& name);
  [[nodiscard]] Status give_back(ChannelId from, const LeaseReturn& lease);
  // Leases that are owed to the channel's process were put on their way, or came back.
  void returned(ChannelId to, const LeaseReturn& lease, bool back);
  void drop_channel(ChannelId channel);

  [[nodiscard]] const Entry* find(const Key& key) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] bool owes(ChannelId to) const;
  // Of the figures, those that follow from the book-keeping alone.
  [[nodiscard]] LedgerStats stats() const;

 private:
  struct Arena {
    ChannelId lender = kNoChannel;
    uint64_t bytes = 0;
    bool own = false;
  };
  void settle(const Key& key);

  std::map<uint64_t, Arena> arenas_;
  std::map<Key, Entry> entries_;
  std::map<std::pair<ChannelId, Key>, uint64_t> owed_;
};

}  // namespace isthmus::fuzz
