#include "core/arena.h"

#include <algorithm>
#include <bit>

#include "os/os.h"

namespace isthmus {

namespace {

constexpr uint64_t kChunk = 64 * 1024;
// A hot range may be this much longer than the request (1/8) before it counts as waste.
constexpr uint64_t kWasteShift = 3;

constexpr uint64_t round_up(uint64_t bytes, uint64_t to) noexcept { return (bytes + to - 1) / to * to; }

}  // namespace

// Classes: 64, 128, 192, 256, then four per doubling (320, 384, 448, 512, 640, ...) up to 32 KiB.
uint32_t Arena::size_class(uint64_t bytes) noexcept {
  const uint64_t units = bytes == 0 ? 1 : (bytes + kAlign - 1) / kAlign;
  if (units <= 4) return static_cast<uint32_t>(units - 1);
  const auto log = static_cast<uint32_t>(std::bit_width(units - 1) - 1);  // 2^log < units <= 2^(log+1)
  const uint64_t quarter = uint64_t{1} << (log - 2);
  const uint64_t step = (units - (uint64_t{1} << log) + quarter - 1) / quarter;  // 1..4
  return static_cast<uint32_t>(4 + (log - 2) * 4 + step - 1);
}

uint64_t Arena::class_bytes(uint32_t size_class) noexcept {
  if (size_class < 4) return (size_class + 1) * kAlign;
  const uint32_t log = (size_class - 4) / 4 + 2;
  const uint32_t step = (size_class - 4) % 4 + 1;
  return ((uint64_t{1} << log) + step * (uint64_t{1} << (log - 2))) * kAlign;
}

uint64_t Arena::placed_length(uint64_t bytes) noexcept {
  return bytes <= kMaxSmall ? class_bytes(size_class(bytes)) : round_up(bytes, kPage);
}

Arena::Arena(Segment& segment, uint64_t retain_bytes) noexcept : segment_(&segment), retain_bytes_(retain_bytes) {
  add_cold(0, segment.bytes() / kPage * kPage);
}

Status Arena::allocate(uint64_t bytes, uint64_t headroom, Block& out) noexcept {
  if (bytes > capacity()) return Status::kTooLarge;
  if (bytes <= kMaxSmall) return allocate_small(size_class(bytes), headroom, out);
  return allocate_large(round_up(bytes, kPage), headroom, out);
}

Status Arena::allocate_small(uint32_t size_class, uint64_t headroom, Block& out) noexcept {
  const uint64_t length = class_bytes(size_class);
  auto& free_blocks = small_[size_class];
  if (free_blocks.empty()) {
    Block chunk;
    if (const Status status = allocate_large(kChunk, headroom, chunk); status != Status::kOk) return status;
    large_bytes_ -= chunk.length;
    chunk_bytes_ += chunk.length;
    for (uint64_t at = chunk.length / length; at-- > 0;) free_blocks.push_back(chunk.offset + at * length);
  }
  out = Block{free_blocks.back(), length, false};
  free_blocks.pop_back();
  return Status::kOk;
}

Status Arena::allocate_large(uint64_t length, uint64_t headroom, Block& out) noexcept {
  return take_hot(length, out) || take_fresh(length, out) ? Status::kOk : allocate_cold(length, headroom, out);
}

Status Arena::allocate_cold(uint64_t length, uint64_t headroom, Block& out) noexcept {
  if (length > headroom) {  // hot ranges that do not fit give their pages up for one that does
    const uint64_t missing = length - headroom;
    if (missing > hot_bytes_) return Status::kArenaFull;
    const uint64_t keep = hot_bytes_ - missing;
    trim(keep);
    if (hot_bytes_ > keep) return Status::kArenaFull;  // the system did not take the pages back
  }
  uint64_t offset = 0;
  if (!take_cold(length, offset)) {
    trim(0);
    if (!take_cold(length, offset)) return Status::kArenaFull;
  }
  large_bytes_ += length;
  out = Block{offset, length, true};
  return Status::kOk;
}

bool Arena::take_hot(uint64_t length, Block& out) noexcept {
  for (size_t at = hot_.size(); at-- > 0;) {
    const Range range = hot_[at];
    if (range.length < length || range.length - length > length >> kWasteShift) continue;
    hot_.erase(hot_.begin() + static_cast<std::ptrdiff_t>(at));
    hot_bytes_ -= range.length;
    large_bytes_ += range.length;
    out = Block{range.offset, range.length, range.fresh};
    return true;
  }
  return false;
}

bool Arena::take_fresh(uint64_t length, Block& out) noexcept {
  const auto range =
      std::find_if(hot_.begin(), hot_.end(), [&](const Range& each) { return each.fresh && each.length >= length; });
  if (range == hot_.end()) return false;
  out = Block{range->offset, length, true};
  range->offset += length;
  range->length -= length;
  if (range->length == 0) hot_.erase(range);
  hot_bytes_ -= length;
  large_bytes_ += length;
  return true;
}

bool Arena::take_cold(uint64_t length, uint64_t& offset) noexcept {
  const auto best = by_size_.lower_bound({length, 0});
  if (best == by_size_.end()) return false;
  const auto [found, at] = *best;
  drop_cold(cold_.find(at));
  if (found > length) add_cold(at + length, found - length);
  offset = at;
  return true;
}

void Arena::add_cold(uint64_t offset, uint64_t length) noexcept {
  if (length == 0) return;
  auto after = cold_.lower_bound(offset);
  if (after != cold_.end() && offset + length == after->first) {
    length += after->second;
    auto merged = after++;
    drop_cold(merged);
  }
  if (after != cold_.begin()) {
    auto before = std::prev(after);
    if (before->first + before->second == offset) {
      offset = before->first;
      length += before->second;
      drop_cold(before);
    }
  }
  cold_.emplace(offset, length);
  by_size_.emplace(length, offset);
}

void Arena::drop_cold(std::map<uint64_t, uint64_t>::iterator range) noexcept {
  by_size_.erase({range->second, range->first});
  cold_.erase(range);
}

void Arena::free(uint64_t offset, uint64_t length) noexcept {
  if (length <= kMaxSmall) {
    small_[size_class(length)].push_back(offset);
    return;
  }
  large_bytes_ -= length;
  // What alone exceeds the budget would only push out ranges that are worth keeping.
  if (length > retain_bytes_ && os::punch_hole(segment_->descriptor(), offset, length)) {
    add_cold(offset, length);
    return;
  }
  hot_bytes_ += length;
  hot_.push_back(Range{offset, length, false});
  if (hot_bytes_ > retain_bytes_) trim(retain_bytes_);
}

void Arena::trim(uint64_t keep) noexcept {
  size_t punched = 0;
  while (hot_bytes_ > keep && punched < hot_.size()) {
    const Range range = hot_[punched];
    if (!os::punch_hole(segment_->descriptor(), range.offset, range.length)) break;  // stays hot
    hot_bytes_ -= range.length;
    add_cold(range.offset, range.length);
    ++punched;
  }
  hot_.erase(hot_.begin(), hot_.begin() + static_cast<std::ptrdiff_t>(punched));
}

bool Arena::prefault(uint64_t bytes) noexcept {
  const uint64_t length = round_up(bytes, kPage);
  uint64_t offset = 0;
  if (length == 0 || !take_cold(length, offset)) return length == 0;
  if (!os::populate(segment_->data() + offset, length)) {
    add_cold(offset, length);
    return false;
  }
  hot_.push_back(Range{offset, length, true});
  hot_bytes_ += length;
  retain_bytes_ = std::max(retain_bytes_, hot_bytes_);
  return true;
}

bool Arena::is_valid() const noexcept {
  uint64_t hot = 0;
  std::vector<Range> ranges(hot_);
  for (const Range& range : hot_) hot += range.length;
  for (const auto& [offset, length] : cold_) {
    if (!by_size_.contains({length, offset})) return false;
    ranges.push_back(Range{offset, length, false});
  }
  if (hot != hot_bytes_ || by_size_.size() != cold_.size()) return false;
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.offset < b.offset; });
  uint64_t end = 0;
  uint64_t free = 0;
  for (const Range& range : ranges) {
    if (range.offset < end || range.offset + range.length > capacity()) return false;
    end = range.offset + range.length;
    free += range.length;
  }
  return free + large_bytes_ + chunk_bytes_ == capacity() / kPage * kPage;
}

}  // namespace isthmus
