#include "core/ledger.h"

#include <algorithm>
#include <cstring>

#include "core/sync.h"
#include "os/os.h"

namespace isthmus {

using Lock = std::lock_guard<std::mutex>;

Ledger::Ledger(uint64_t arena_id, Segment arena, uint64_t limit_bytes, uint64_t retain_bytes) noexcept
    : own_{arena_id, std::move(arena), kNoChannel, false, false, {}, {}},
      arena_(own_.segment, retain_bytes),
      limit_bytes_(limit_bytes),
      retain_bytes_(retain_bytes) {}

Status Ledger::create(const LedgerOptions& options, std::shared_ptr<Ledger>& out) noexcept {
  Segment arena;
  const Status status = Segment::create_at_most("isthmus-arena", options.arena_bytes, Arena::kLeastBytes, arena);
  if (status == Status::kOk)
    out = std::make_shared<Ledger>(os::random_id(), std::move(arena), options.limit_bytes, options.retain_bytes);
  return status;
}

// --- own blocks ------------------------------------------------------------------------------------------

Status Ledger::allocate(uint64_t bytes, bool zeroed, Slot& out) noexcept {
  Arena::Block block;
  {
    const Lock lock(mutex_);
    if (forked_) return Status::kForked;
    if (const Status status = arena_.allocate(bytes, headroom(), block); status != Status::kOk) return status;
    out = add_entry(own_, block.offset, block.length);
    publish();
  }
  ISTHMUS_SYNC(kPlaced);
  if (zeroed && !block.zeroed) std::memset(own_.segment.data() + block.offset, 0, bytes);
  return Status::kOk;
}

bool Ledger::prefault(uint64_t bytes) noexcept {
  const Lock lock(mutex_);
  const bool done = !forked_ && arena_.prefault(std::min(bytes, headroom()));
  publish();
  return done;
}

void Ledger::trim() noexcept {
  const Lock lock(mutex_);
  if (forked_) return;  // the pages are the parent's
  arena_.trim(0);
  publish();
}

// --- references ------------------------------------------------------------------------------------------

void Ledger::retain(Slot slot) noexcept {
  const Lock lock(mutex_);
  if (is_live(slot)) ++entries_[slot].refs;
}

void Ledger::release(Slot slot) noexcept {
  ISTHMUS_SYNC(kReleasing);
  const Lock lock(mutex_);
  if (forked_ || !is_live(slot) || entries_[slot].refs == 0) return;
  --entries_[slot].refs;
  settle(slot);
}

Slot Ledger::slot_at(MappedArena& arena, const void* address) noexcept {
  if (!arena.segment.contains(address)) return kNoSlot;
  const auto offset = static_cast<uint64_t>(static_cast<const uint8_t*>(address) - arena.segment.data());
  auto after = arena.blocks.upper_bound(offset);
  if (after == arena.blocks.begin()) return kNoSlot;
  const Slot slot = std::prev(after)->second;
  return offset - entries_[slot].block < entries_[slot].length ? slot : kNoSlot;
}

bool Ledger::find(const void* address, Slot& out) noexcept {
  const Lock lock(mutex_);
  out = slot_at(own_, address);
  for (size_t at = 0; out == kNoSlot && at < foreign_.size(); ++at) out = slot_at(*foreign_[at], address);
  if (out == kNoSlot) return false;
  ++entries_[out].refs;
  return true;
}

void Ledger::release_address(const void* address) noexcept {
  ISTHMUS_SYNC(kReleasing);
  const Lock lock(mutex_);
  if (forked_) return;
  const Slot slot = slot_at(own_, address);
  if (slot == kNoSlot || entries_[slot].refs == 0) return;
  --entries_[slot].refs;
  settle(slot);
}

uint8_t* Ledger::data(Slot slot, uint64_t& length) noexcept {
  const Lock lock(mutex_);
  length = 0;
  if (!is_live(slot)) return nullptr;
  const Entry& entry = entries_[slot];
  length = entry.length;
  uint8_t* arena = entry.arena->segment.data();
  return arena == nullptr ? nullptr : arena + entry.block;
}

uint64_t Ledger::length(Slot slot) noexcept {
  const Lock lock(mutex_);
  return is_live(slot) ? entries_[slot].length : 0;
}

// --- leases ----------------------------------------------------------------------------------------------

Ledger::Lent* Ledger::find_lent(Entry& entry, ChannelId channel) noexcept {
  for (Lent& lent : entry.lent)
    if (lent.channel == channel) return &lent;
  return nullptr;
}

Status Ledger::lend(Slot slot, ChannelId to, BlockName& name) noexcept {
  const Lock lock(mutex_);
  if (!is_live(slot)) return Status::kUnknownBlock;
  if (channels_[to].reaped) return Status::kClosed;
  Entry& entry = entries_[slot];
  name = BlockName{entry.arena->id, entry.block, entry.length};
  if (entry.arena->lender == to) return Status::kOk;
  if (Lent* lent = find_lent(entry, to))
    ++lent->count;
  else
    entry.lent.push_back(Lent{to, 1});
  return Status::kOk;
}

void Ledger::unlend(Slot slot, ChannelId to) noexcept {
  const Lock lock(mutex_);
  if (!is_live(slot) || entries_[slot].arena->lender == to) return;
  Lent* lent = find_lent(entries_[slot], to);
  // Nothing left: the channel was reaped meanwhile, or the peer returned a lease it had not been told of.
  if (lent == nullptr || lent->count == 0) return;
  --lent->count;
  settle(slot);
}

Status Ledger::accept(ChannelId from, const BlockName& name, Slot& out) noexcept {
  const Lock lock(mutex_);
  MappedArena* arena = find_arena(name.arena);
  if (arena == nullptr) return Status::kProtocol;
  arena->segment.map();
  const auto found = arena->blocks.find(name.block);
  if (arena->lender != from) {  // L4: only a block that the sender holds a lease on
    if (found == arena->blocks.end()) return Status::kProtocol;
    Entry& entry = entries_[found->second];
    const Lent* lent = find_lent(entry, from);
    if (lent == nullptr || lent->count == 0 || entry.length != name.length) return Status::kProtocol;
    ++entry.refs;
    out = found->second;
    return Status::kOk;
  }
  if (found != arena->blocks.end()) {
    Entry& entry = entries_[found->second];
    if (entry.length != name.length) return Status::kProtocol;
    ++entry.refs;
    ++entry.held;
    out = found->second;
    return Status::kOk;
  }
  const uint64_t bytes = arena->segment.bytes();
  if (name.length == 0 || name.length > bytes || name.block > bytes - name.length) return Status::kProtocol;
  if (name.block % Arena::kAlign != 0) return Status::kProtocol;
  out = add_entry(*arena, name.block, name.length);
  entries_[out].held = 1;
  borrowed_bytes_.fetch_add(name.length, std::memory_order_relaxed);
  if (live_channels_ > 1) publish();  // who lends has placed it; the others learn that
  return Status::kOk;
}

Status Ledger::give_back(ChannelId from, const LeaseReturn& lease) noexcept {
  const Lock lock(mutex_);
  MappedArena* arena = find_arena(lease.arena);
  if (arena == nullptr) return Status::kProtocol;
  const auto found = arena->blocks.find(lease.block);
  if (found == arena->blocks.end()) return Status::kProtocol;
  Lent* lent = find_lent(entries_[found->second], from);
  if (lent == nullptr || lent->count < lease.count || lease.count == 0) return Status::kProtocol;
  lent->count -= lease.count;
  settle(found->second);
  return Status::kOk;
}

uint32_t Ledger::take_returns(ChannelId to, LeaseReturn* out, uint32_t max, uint64_t* bytes) noexcept {
  const Lock lock(mutex_);
  ChannelState& channel = channels_[to];
  const auto count = static_cast<uint32_t>(std::min<size_t>(max, channel.returns.size()));
  std::copy(channel.returns.end() - count, channel.returns.end(), out);
  channel.returns.resize(channel.returns.size() - count);
  *bytes = channel.returned_bytes;
  channel.returned_bytes = 0;
  return count;
}

void Ledger::untake_returns(ChannelId to, const LeaseReturn* returns, uint32_t count) noexcept {
  const Lock lock(mutex_);
  channels_[to].returns.insert(channels_[to].returns.end(), returns, returns + count);
}

bool Ledger::owes(ChannelId to) noexcept {
  const Lock lock(mutex_);
  return !channels_[to].returns.empty() || !channels_[to].gone.empty();
}

// --- entries ---------------------------------------------------------------------------------------------

Slot Ledger::add_entry(MappedArena& arena, uint64_t block, uint64_t length) noexcept {
  Slot slot;
  if (free_slots_.empty()) {
    slot = static_cast<Slot>(entries_.size());
    entries_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  Entry& entry = entries_[slot];
  entry.arena = &arena;
  entry.block = block;
  entry.length = length;
  entry.refs = 1;
  entry.held = 0;
  entry.lent.clear();
  arena.blocks.emplace(block, slot);
  return slot;
}

void Ledger::settle(Slot slot) noexcept {
  Entry& entry = entries_[slot];
  if (entry.refs != 0) return;
  if (std::any_of(entry.lent.begin(), entry.lent.end(), [](const Lent& lent) { return lent.count != 0; })) return;
  MappedArena& arena = *entry.arena;
  arena.blocks.erase(entry.block);
  entry.arena = nullptr;
  free_slots_.push_back(slot);
  if (&arena == &own_) {  // L1
    arena_.free(entry.block, entry.length);
    publish();
    return;
  }
  borrowed_bytes_.fetch_sub(entry.length, std::memory_order_relaxed);
  if (arena.orphaned) {
    orphaned_bytes_ -= entry.length;
    punch_around(arena, entry.block, entry.block + entry.length);
    if (arena.blocks.empty()) unmap_orphans();
    publish();
    return;
  }
  ChannelState& lender = channels_[arena.lender];  // L2
  for (uint64_t left = entry.held; left != 0;) {
    const auto count = static_cast<uint32_t>(std::min<uint64_t>(left, UINT32_MAX));
    lender.returns.push_back(LeaseReturn{arena.id, entry.block, count});
    left -= count;
  }
  lender.returned_bytes += entry.length;
}

Ledger::MappedArena* Ledger::find_arena(uint64_t id) noexcept {
  if (own_.id == id) return &own_;
  for (auto& arena : foreign_)
    if (arena->id == id) return arena.get();
  return nullptr;
}

// --- fork ------------------------------------------------------------------------------------------------

// The child has the book-keeping too, but the pages are shared: it must neither free nor write anything the parent
// sees. Its mappings become copy-on-write. Pages it has not written would still show the parent's later writes, so
// live blocks are copied at once, smallest first, up to `copy_bytes`.
void Ledger::after_fork_in_child(uint64_t copy_bytes) noexcept {
  forked_ = true;
  for (ChannelState& channel : channels_) channel.own = channel.peer = nullptr;
  live_channels_ = 0;
  own_.segment.isolate();
  for (auto& arena : foreign_) arena->segment.isolate();
  std::vector<const Entry*> live;
  for (const Entry& entry : entries_)
    if (entry.arena != nullptr && entry.arena->segment.data() != nullptr && entry.arena->segment.bytes() != 0)
      live.push_back(&entry);
  std::sort(live.begin(), live.end(), [](const Entry* a, const Entry* b) { return a->length < b->length; });
  for (const Entry* entry : live) {
    if (entry->length > copy_bytes) break;
    copy_bytes -= entry->length;
    volatile uint8_t* data = entry->arena->segment.data() + entry->block;
    for (uint64_t at = 0; at < entry->length; at += Arena::kPage) data[at] = data[at];
    data[entry->length - 1] = data[entry->length - 1];
  }
  mutex_.unlock();
}

}  // namespace isthmus
