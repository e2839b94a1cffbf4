// Other processes' arenas in the ledger: mapped with a channel or by an announcement, orphaned when their owner has been
// reaped, announced to third processes, and gone.
#include <algorithm>

#include "core/ledger.h"
#include "os/os.h"

namespace isthmus {

using Lock = std::lock_guard<std::mutex>;

// --- channels --------------------------------------------------------------------------------------------

ChannelId Ledger::add_channel(uint64_t arena_id, Segment arena, Counters* own, Counters* peer) noexcept {
  const Lock lock(mutex_);
  ChannelId id;
  if (free_channels_.empty()) {
    id = static_cast<ChannelId>(channels_.size());
    channels_.emplace_back();
  } else {
    id = free_channels_.back();
    free_channels_.pop_back();
  }
  channels_[id] = ChannelState{own, peer, {}, 0, {}, false};
  if (own != nullptr) ++live_channels_;
  foreign_.push_back(std::make_unique<MappedArena>(MappedArena{arena_id, std::move(arena), id, false, false, {}, {}}));
  publish();
  return id;
}

void Ledger::forget_channel(ChannelId channel) noexcept {
  const Lock lock(mutex_);
  ChannelState& state = channels_[channel];
  if (state.own != nullptr) --live_channels_;
  state.own = state.peer = nullptr;
  if (state.reaped) free_channels_.push_back(channel);
}

void Ledger::drop_channel(ChannelId channel) noexcept {
  const Lock lock(mutex_);
  ChannelState& state = channels_[channel];
  if (state.reaped) return;
  if (state.own != nullptr) --live_channels_;
  state.own = state.peer = nullptr;  // its pages outside live leases are punched below
  state.reaped = true;
  state.returns.clear();
  for (auto& arena : foreign_) std::erase(arena->announced_to, channel);
  state.gone.clear();
  for (Slot slot = 0; slot < entries_.size(); ++slot) {
    if (entries_[slot].arena == nullptr) continue;
    if (Lent* lent = find_lent(entries_[slot], channel)) {
      lent->count = 0;
      settle(slot);
    }
  }
  for (auto& arena : foreign_) {
    if (arena->lender != channel) continue;
    arena->lender = kNoChannel;
    arena->orphaned = true;
    for (const auto& [block, slot] : arena->blocks) orphaned_bytes_ += entries_[slot].length;
    punch_around(*arena, 0, arena->segment.bytes());  // one small tensor must not pin all that the dead process touched
  }
  state.returns.clear();
  unmap_orphans();
  publish();
}

// --- orphans ---------------------------------------------------------------------------------------------

// Gives the pages back that lie between `from` and `to`, or share a page with them, and in no live block.
void Ledger::punch_around(MappedArena& arena, uint64_t from, uint64_t to) noexcept {
  const auto page_at = [](uint64_t offset) { return offset / Arena::kPage * Arena::kPage; };
  const auto punch = [&](uint64_t begin, uint64_t end) {
    if (end > begin) os::punch_hole(arena.segment.descriptor(), begin, end - begin);
  };
  uint64_t begin = page_at(from);
  const uint64_t end = std::min(page_at(to + Arena::kPage - 1), arena.segment.bytes());
  auto next = arena.blocks.lower_bound(begin);
  if (next != arena.blocks.begin()) {
    const auto& [block, slot] = *std::prev(next);
    begin = std::max(begin, page_at(block + entries_[slot].length + Arena::kPage - 1));
  }
  for (; next != arena.blocks.end() && next->first < end; ++next) {
    punch(begin, page_at(next->first));
    begin = std::max(begin, page_at(next->first + entries_[next->second].length + Arena::kPage - 1));
  }
  punch(begin, end);
}

void Ledger::unmap_orphans() noexcept {
  std::erase_if(foreign_, [&](const auto& arena) {
    if (!arena->orphaned || !arena->blocks.empty()) return false;
    while (!arena->announced_to.empty()) tell_gone(*arena, arena->announced_to.back());
    return true;
  });
}

// --- announcements: Node ---------------------------------------------------------------------------------

void Ledger::tell_gone(MappedArena& arena, ChannelId channel) noexcept {
  std::erase(arena.announced_to, channel);
  channels_[channel].gone.push_back(arena.id);
}

bool Ledger::uses_block(const MappedArena& arena, ChannelId channel) noexcept {
  return std::any_of(arena.blocks.begin(), arena.blocks.end(), [&](const auto& block) {
    const Lent* lent = find_lent(entries_[block.second], channel);
    return lent != nullptr && lent->count != 0;
  });
}

Status Ledger::announcement(ChannelId to, uint64_t id, int& descriptor) noexcept {
  const Lock lock(mutex_);
  const auto knows = [to](const MappedArena& arena) {
    return std::find(arena.announced_to.begin(), arena.announced_to.end(), to) != arena.announced_to.end();
  };
  descriptor = -1;
  const MappedArena* wanted = find_arena(id);
  if (wanted == nullptr) return Status::kUnknownBlock;
  if (wanted == &own_ || wanted->lender == to || knows(*wanted)) return Status::kOk;
  std::vector<MappedArena*> known;
  for (const auto& arena : foreign_)
    if (knows(*arena)) known.push_back(arena.get());
  if (known.size() >= kMaxAnnounced) {
    const auto unused = std::find_if(known.begin(), known.end(), [&](auto* arena) { return !uses_block(*arena, to); });
    if (unused == known.end()) return Status::kTooManyArenas;
    tell_gone(**unused, to);
  }
  descriptor = wanted->segment.descriptor();
  return Status::kOk;
}

void Ledger::announced(ChannelId to, uint64_t id) noexcept {
  const Lock lock(mutex_);
  if (MappedArena* arena = find_arena(id); arena != nullptr) arena->announced_to.push_back(to);
}

bool Ledger::take_gone(ChannelId to, uint64_t& arena) noexcept {
  const Lock lock(mutex_);
  auto& gone = channels_[to].gone;
  if (gone.empty()) return false;
  arena = gone.back();
  gone.pop_back();
  return true;
}

void Ledger::untake_gone(ChannelId to, uint64_t arena) noexcept {
  const Lock lock(mutex_);
  channels_[to].gone.push_back(arena);
}

// --- announcements: worker -------------------------------------------------------------------------------

Status Ledger::add_arena(ChannelId lender, uint64_t id, Segment arena) noexcept {
  const Lock lock(mutex_);
  const auto third = std::count_if(foreign_.begin(), foreign_.end(), [](const auto& each) { return each->third; });
  if (find_arena(id) != nullptr || third >= static_cast<std::ptrdiff_t>(kMaxAnnounced)) return Status::kProtocol;
  foreign_.push_back(std::make_unique<MappedArena>(MappedArena{id, std::move(arena), lender, false, true, {}, {}}));
  return Status::kOk;
}

Status Ledger::remove_arena(ChannelId lender, uint64_t id) noexcept {
  const Lock lock(mutex_);
  const auto found = std::find_if(foreign_.begin(), foreign_.end(), [&](const auto& arena) {
    return arena->id == id && arena->third && arena->lender == lender && arena->blocks.empty();
  });
  if (found == foreign_.end()) return Status::kProtocol;
  foreign_.erase(found);
  return Status::kOk;
}

}  // namespace isthmus
