// The ledger: which blocks this process uses, and who else does. Private memory of one process.
//
// A block is in the ledger while anyone it concerns uses it:
//   refs   references held in this process: a tensor object, a view, a message in the queue, a numpy allocation
//   lent   leases granted to the process behind a channel, counted per channel
//   held   leases this process owes to the block's lender (0 for own blocks): one for every time it was mentioned
//
//   L1  own block:       free  <=>  refs = 0 and every lent = 0; then its range goes back to the arena
//   L2  borrowed block:  done  <=>  refs = 0 and every lent = 0; then `held` leases are returned to the lender
//   L3  whoever may use a block has a lease on it: lent(c) counts mentions sent to c minus returns received from c
//   L4  a message may name a block of an arena that its sender did not lend us only if lent(sender) > 0
//   L5  leases of a channel are dropped only when its process has been reaped: before that it may still be writing
//   L6  the arena of a reaped process is an orphan: kept while a block of it is used, here or by who it was lent on to
//   L7  a process knows an arena of a third one from its announcement until it is told that the arena is gone; both go
//       through the ring, in the order of the messages that name its blocks. Told only when it has no lease on one.
//
// A borrower may lend on: its own entry stays (lent > 0) until the next borrower has returned. Node is the only one that
// does, and the only one that announces.
// Thread-safe. Nothing here touches a ring: returns are kept until a sender takes them.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/arena.h"
#include "core/layout.h"
#include "core/segment.h"
#include "core/status.h"

namespace isthmus {

using Slot = uint32_t;
constexpr Slot kNoSlot = UINT32_MAX;
using ChannelId = uint32_t;
constexpr ChannelId kNoChannel = UINT32_MAX;

// Arenas of third processes that one process knows at most: each takes a descriptor and an arena's address space.
constexpr size_t kMaxAnnounced = 128;

struct LedgerOptions {
  uint64_t arena_bytes;   // address space of the own arena
  uint64_t limit_bytes;   // physical bytes of all arenas together
  uint64_t retain_bytes;  // free large blocks that are kept touched
};

// A block as the wire names it.
struct BlockName {
  uint64_t arena;
  uint64_t block;   // offset in the arena
  uint64_t length;  // bytes
};

struct LeaseReturn {
  uint64_t arena;
  uint64_t block;
  uint32_t count;
};

struct LedgerStats {
  uint64_t own_blocks;       // live blocks of the own arena
  uint64_t own_bytes;        // their bytes
  uint64_t lent_leases;      // leases other processes hold through us
  uint64_t borrowed_blocks;  // blocks of other arenas in use here
  uint64_t borrowed_bytes;
  uint64_t physical_bytes;  // own arena: touched and not punched
  uint64_t hot_bytes;       // of these: free, kept for reuse
  uint64_t limit_bytes;     // all arenas together
  uint64_t peer_bytes;      // of the other processes' arenas, as they published it, and of orphans
};

struct Holder {
  uint64_t length;
  uint32_t refs;
  uint64_t lent;
};

class Ledger {
 public:
  // Takes over the segment of the own arena.
  Ledger(uint64_t arena_id, Segment arena, uint64_t limit_bytes, uint64_t retain_bytes) noexcept;
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // With an arena of its own, under a new id.
  [[nodiscard]] static Status create(const LedgerOptions& options, std::shared_ptr<Ledger>& out) noexcept;

  // --- the own arena, for who tells another process of it ---
  [[nodiscard]] uint64_t arena_id() const noexcept { return own_.id; }
  [[nodiscard]] const Segment& arena_segment() const noexcept { return own_.segment; }
  [[nodiscard]] uint64_t limit_bytes() const noexcept { return limit_bytes_; }
  [[nodiscard]] uint64_t retain_bytes() const noexcept { return retain_bytes_; }

  // --- own blocks ---
  // A block of at least `bytes`, with one reference. zeroed: its first `bytes` read as zeros.
  [[nodiscard]] Status allocate(uint64_t bytes, bool zeroed, Slot& out) noexcept;
  bool prefault(uint64_t bytes) noexcept;
  // Gives the pages of every free block back.
  void trim() noexcept;

  // --- references ---
  void retain(Slot slot) noexcept;
  void release(Slot slot) noexcept;
  // The block that holds `address`, with one reference more; false when it is in no live block.
  [[nodiscard]] bool find(const void* address, Slot& out) noexcept;
  // Releases one reference on the own block that holds `address`; for an allocator's free().
  void release_address(const void* address) noexcept;
  // nullptr and 0 for a slot that names no block; nullptr also for a block of an arena that could not be mapped.
  [[nodiscard]] uint8_t* data(Slot slot) noexcept {
    uint64_t length = 0;
    return data(slot, length);
  }
  [[nodiscard]] uint8_t* data(Slot slot, uint64_t& length) noexcept;
  [[nodiscard]] uint64_t length(Slot slot) noexcept;
  // Is the address in any arena? Lock-free; for an allocator's free().
  [[nodiscard]] bool owns_address(const void* address) const noexcept { return own_.segment.contains(address); }

  // --- leases ---
  // Counts one lease more for the channel's process, and names the block for the wire. A block that came through
  // this very channel goes back to its lender: no lease.
  [[nodiscard]] Status lend(Slot slot, ChannelId to, BlockName& name) noexcept;
  // A lease that was counted but whose message was never published.
  void unlend(Slot slot, ChannelId to) noexcept;
  // A verified message from `from` names a block: one reference (and, if it is lent to us, one lease held) more.
  // kProtocol if the sender has no right to name it (L4).
  [[nodiscard]] Status accept(ChannelId from, const BlockName& name, Slot& out) noexcept;
  // The process behind `from` returns leases. kProtocol if it does not hold that many.
  [[nodiscard]] Status give_back(ChannelId from, const LeaseReturn& lease) noexcept;
  // Takes up to `max` returns owed to the channel's process; `bytes` adds up the lengths of their blocks.
  [[nodiscard]] uint32_t take_returns(ChannelId to, LeaseReturn* out, uint32_t max, uint64_t* bytes) noexcept;
  // Puts returns back that could not be published.
  void untake_returns(ChannelId to, const LeaseReturn* returns, uint32_t count) noexcept;
  // Anything: returns, or arenas that are gone.
  [[nodiscard]] bool owes(ChannelId to) noexcept;

  // --- channels ---
  // A new channel and the arena lent through it. The counters are where physical bytes are published and read.
  [[nodiscard]] ChannelId add_channel(uint64_t arena_id, Segment arena, Counters* own, Counters* peer) noexcept;
  // The channel's process has been reaped (L5, L6).
  void drop_channel(ChannelId channel) noexcept;
  // The channel is no more, and its control segment about to be unmapped. If it was dropped, its id is free again.
  void forget_channel(ChannelId channel) noexcept;

  // --- arenas of third processes: Node (L7) ---
  // Must the channel's process be told of the arena, of which a block is used here? `descriptor` is the arena's, or -1 if it
  // knows already. If it knows too many, one of which it uses no block is given up for this; kTooManyArenas: there is none.
  [[nodiscard]] Status announcement(ChannelId to, uint64_t arena, int& descriptor) noexcept;
  // It has been told.
  void announced(ChannelId to, uint64_t arena) noexcept;
  // Takes one arena that the channel's process must be told is gone.
  [[nodiscard]] bool take_gone(ChannelId to, uint64_t& arena) noexcept;
  void untake_gone(ChannelId to, uint64_t arena) noexcept;

  // --- arenas of third processes: worker ---
  // kProtocol if it is known already, or one too many. One that could not be mapped is tried again whenever a message
  // names a block of it.
  [[nodiscard]] Status add_arena(ChannelId lender, uint64_t id, Segment arena) noexcept;
  // kProtocol if it did not come by add_arena, or a block of it is used.
  [[nodiscard]] Status remove_arena(ChannelId lender, uint64_t id) noexcept;

  // Tells every process anew what the others use.
  void refresh() noexcept;

  [[nodiscard]] LedgerStats stats() noexcept;
  [[nodiscard]] uint64_t borrowed_bytes() const noexcept { return borrowed_bytes_.load(std::memory_order_relaxed); }
  // The largest own blocks, for the message of an error.
  [[nodiscard]] std::vector<Holder> largest(size_t count) noexcept;
  [[nodiscard]] bool is_valid() noexcept;

  // --- fork: the child keeps its memory, and nothing it does reaches the other processes any more ---
  void before_fork() noexcept { mutex_.lock(); }
  void after_fork_in_parent() noexcept { mutex_.unlock(); }
  void after_fork_in_child(uint64_t copy_bytes) noexcept;

 private:
  struct Lent {
    ChannelId channel;
    uint64_t count;  // 64 bits: a tensor kept by the borrower and sent again with every call is never given back
  };
  struct MappedArena {
    uint64_t id = 0;
    Segment segment;
    ChannelId lender = kNoChannel;        // kNoChannel: the own arena, or an orphan
    bool orphaned = false;                // the lender has been reaped: returns are local
    bool third = false;                   // of a process that is not the lender: announced to this one
    std::map<uint64_t, Slot> blocks;      // offset -> entry
    std::vector<ChannelId> announced_to;  // in Node
  };
  struct Entry {
    MappedArena* arena = nullptr;  // null: the slot is free
    uint64_t block = 0;
    uint64_t length = 0;
    uint32_t refs = 0;
    uint64_t held = 0;
    std::vector<Lent> lent;
  };
  struct ChannelState {
    Counters* own = nullptr;
    Counters* peer = nullptr;
    std::vector<LeaseReturn> returns;
    uint64_t returned_bytes = 0;
    std::vector<uint64_t> gone;  // arenas that its process must be told are gone
    bool reaped = false;
  };

  // All of these: with the lock held.
  [[nodiscard]] bool is_live(Slot slot) const noexcept {
    return slot < entries_.size() && entries_[slot].arena != nullptr;
  }
  Slot add_entry(MappedArena& arena, uint64_t block, uint64_t length) noexcept;
  void settle(Slot slot) noexcept;  // L1, L2
  static Lent* find_lent(Entry& entry, ChannelId channel) noexcept;
  MappedArena* find_arena(uint64_t id) noexcept;
  Slot slot_at(MappedArena& arena, const void* address) noexcept;
  void punch_around(MappedArena& arena, uint64_t from, uint64_t to) noexcept;
  void unmap_orphans() noexcept;
  void tell_gone(MappedArena& arena, ChannelId channel) noexcept;
  [[nodiscard]] bool uses_block(const MappedArena& arena, ChannelId channel) noexcept;
  uint64_t headroom() const noexcept;
  uint64_t peer_bytes() const noexcept;
  void publish() noexcept;

  std::mutex mutex_;
  MappedArena own_;
  Arena arena_;  // after own_: allocates in its segment
  std::vector<std::unique_ptr<MappedArena>> foreign_;
  std::vector<Entry> entries_;
  std::vector<Slot> free_slots_;
  std::vector<ChannelState> channels_;
  std::vector<ChannelId> free_channels_;
  uint32_t live_channels_ = 0;  // with counters
  uint64_t orphaned_bytes_ = 0;
  std::atomic<uint64_t> borrowed_bytes_{0};
  const uint64_t limit_bytes_;
  const uint64_t retain_bytes_;
  bool forked_ = false;
};

}  // namespace isthmus
