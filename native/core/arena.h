// The arena's allocator. All of it is private memory of the owner: only the offsets it hands out are shared.
// Not thread-safe: the ledger that owns it holds the lock.
//
//   small   a block up to kMaxSmall: one of the size classes, cut from 64 KiB chunks; freed blocks are reused last-in first-out
//   large   whole pages
//   hot     free large ranges whose pages exist; reused last-in first-out, because their bytes are in the caches
//           and touching a page for the first time costs ten times a memcpy
//   cold    free ranges without pages (never touched, or punched): they read as zeros; coalesced, best fit
//
//   A1  every byte of the arena is in exactly one of: a live block, a small free list, a hot range, a cold range
//   A2  physical = live large + chunks + hot;  cold ranges are not counted
//   A3  hot <= retain, after every free
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "core/segment.h"
#include "core/status.h"

namespace isthmus {

class Arena {
 public:
  static constexpr uint64_t kAlign = 64;
  static constexpr uint64_t kPage = 4096;
  static constexpr uint64_t kMaxSmall = 32 * 1024;
  static constexpr uint64_t kLeastBytes = 1 << 20;  // an arena is not made shorter than this

  struct Block {
    uint64_t offset;
    uint64_t length;  // what was placed: at least what was asked for
    bool zeroed;      // known to read as zeros
  };

  // `segment` must outlive the arena's last use of it. retain_bytes: hot bytes kept before ranges are punched.
  Arena(Segment& segment, uint64_t retain_bytes) noexcept;

  // Places a block. `headroom` is how many more physical bytes may come to exist. kArenaFull changes nothing but
  // that hot ranges may have been punched; kTooLarge: no range that long can exist.
  [[nodiscard]] Status allocate(uint64_t bytes, uint64_t headroom, Block& out) noexcept;
  // Takes back exactly what allocate placed.
  void free(uint64_t offset, uint64_t length) noexcept;
  // Makes pages exist ahead of use, as a hot range from which blocks of any size are cut, and retains as many from now on.
  bool prefault(uint64_t bytes) noexcept;
  // Punches hot ranges, the coldest first, until at most `keep` hot bytes are left.
  void trim(uint64_t keep) noexcept;

  [[nodiscard]] uint64_t physical_bytes() const noexcept { return large_bytes_ + chunk_bytes_ + hot_bytes_; }
  [[nodiscard]] uint64_t hot_bytes() const noexcept { return hot_bytes_; }
  [[nodiscard]] uint64_t capacity() const noexcept { return segment_->bytes(); }
  // What a request of `bytes` is rounded up to.
  [[nodiscard]] static uint64_t placed_length(uint64_t bytes) noexcept;
  // Executable invariants, for tests: A1 for free ranges, A2, A3.
  [[nodiscard]] bool is_valid() const noexcept;

 private:
  struct Range {
    uint64_t offset;
    uint64_t length;
    bool fresh;  // prefaulted and not used yet: reads as zeros, and may be cut
  };
  static constexpr uint32_t kClasses = 40;
  static uint32_t size_class(uint64_t bytes) noexcept;
  static uint64_t class_bytes(uint32_t size_class) noexcept;

  Status allocate_small(uint32_t size_class, uint64_t headroom, Block& out) noexcept;
  Status allocate_large(uint64_t length, uint64_t headroom, Block& out) noexcept;
  Status allocate_cold(uint64_t length, uint64_t headroom, Block& out) noexcept;
  bool take_hot(uint64_t length, Block& out) noexcept;
  bool take_fresh(uint64_t length, Block& out) noexcept;
  bool take_cold(uint64_t length, uint64_t& offset) noexcept;
  void add_cold(uint64_t offset, uint64_t length) noexcept;
  void drop_cold(std::map<uint64_t, uint64_t>::iterator range) noexcept;

  Segment* segment_;
  uint64_t retain_bytes_;
  std::vector<uint64_t> small_[kClasses];            // free small blocks, last in first out
  std::vector<Range> hot_;                           // oldest first
  std::map<uint64_t, uint64_t> cold_;                // offset -> length, never adjacent
  std::set<std::pair<uint64_t, uint64_t>> by_size_;  // (length, offset) of every cold range
  uint64_t large_bytes_ = 0;
  uint64_t chunk_bytes_ = 0;
  uint64_t hot_bytes_ = 0;
};

}  // namespace isthmus
