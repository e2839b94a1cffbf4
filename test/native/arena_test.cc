// The allocator of one arena.
#include "core/arena.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "run.h"

using namespace isthmus;

namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kNoLimit = UINT64_MAX;

struct Place {
  explicit Place(uint64_t retain_bytes, uint64_t bytes = 64 * kMiB) : arena(made(segment, bytes), retain_bytes) {}
  static Segment& made(Segment& segment, uint64_t bytes) {
    CHECK_EQ(Segment::create("arena-test", bytes, segment), Status::kOk);
    return segment;
  }
  [[nodiscard]] uint64_t touched_bytes() const {
    struct stat status{};
    fstat(segment.descriptor(), &status);
    return static_cast<uint64_t>(status.st_blocks) * 512;
  }
  Arena::Block allocate(uint64_t bytes, uint64_t headroom = kNoLimit) {
    Arena::Block block{};
    CHECK_EQ(arena.allocate(bytes, headroom, block), Status::kOk);
    return block;
  }
  void fill(const Arena::Block& block, uint8_t with) { std::memset(segment.data() + block.offset, with, block.length); }
  [[nodiscard]] bool holds(const Arena::Block& block, uint8_t with) const {
    const uint8_t* data = segment.data() + block.offset;  // every byte is the one before it, and the first is right
    return data[0] == with && std::memcmp(data, data + 1, block.length - 1) == 0;
  }

  Segment segment;
  Arena arena;
};

}  // namespace

TEST("a block is at least as long as asked, at most a quarter or a page longer, and aligned") {
  for (uint64_t bytes = 1; bytes < 100'000; ++bytes) {
    const uint64_t placed = Arena::placed_length(bytes);
    REQUIRE(placed >= bytes);
    REQUIRE(placed - bytes <
            std::max<uint64_t>(bytes / 4 + Arena::kAlign, bytes > Arena::kMaxSmall ? Arena::kPage : 0));
    REQUIRE_EQ(placed % Arena::kAlign, 0u);
    REQUIRE_EQ(Arena::placed_length(placed), placed);
  }
  Place place(kMiB);
  for (const uint64_t bytes : {0ull, 1ull, 64ull, 65ull, 32768ull, 32769ull, 1000000ull}) {
    const Arena::Block block = place.allocate(bytes);
    CHECK_EQ(block.length, Arena::placed_length(bytes));
    CHECK_EQ(block.offset % (bytes > Arena::kMaxSmall ? Arena::kPage : Arena::kAlign), 0u);
  }
  CHECK(place.arena.is_valid());
}

TEST("blocks of nothing and of one byte are distinct") {
  Place place(kMiB);
  const Arena::Block none = place.allocate(0);
  const Arena::Block one = place.allocate(1);
  CHECK(none.length > 0);
  CHECK(none.offset != one.offset);
}

TEST("the block freed last is placed first, small and large") {
  Place place(16 * kMiB);
  for (const uint64_t bytes : {100ull, 5000ull, 100'000ull, 1'000'000ull}) {
    const Arena::Block first = place.allocate(bytes);
    const Arena::Block second = place.allocate(bytes);
    place.arena.free(second.offset, second.length);
    place.arena.free(first.offset, first.length);
    CHECK_EQ(place.allocate(bytes).offset, first.offset);
    CHECK_EQ(place.allocate(bytes).offset, second.offset);
  }
  CHECK(place.arena.is_valid());
}

TEST("a hot range serves a request a little shorter, not one much shorter") {
  Place place(16 * kMiB);
  const Arena::Block hot = place.allocate(8 * kMiB);
  place.arena.free(hot.offset, hot.length);
  const Arena::Block shorter = place.allocate(4 * kMiB);
  CHECK(shorter.offset != hot.offset);
  const Arena::Block little = place.allocate(8 * kMiB - 5000);
  CHECK_EQ(little.offset, hot.offset);
  CHECK_EQ(little.length, hot.length);  // the whole range is in the block, and comes back with it
  place.arena.free(little.offset, little.length);
  CHECK(place.arena.is_valid());
}

TEST("cold neighbours are joined: after freeing everything the whole arena is one block again") {
  std::mt19937 random(3);
  Place place(0);
  std::vector<Arena::Block> blocks;
  for (int count = 0; count < 64; ++count) blocks.push_back(place.allocate(kMiB));
  Arena::Block none{};
  CHECK_EQ(place.arena.allocate(kMiB, kNoLimit, none), Status::kArenaFull);
  std::shuffle(blocks.begin(), blocks.end(), random);
  for (const Arena::Block& block : blocks) {
    place.arena.free(block.offset, block.length);
    CHECK(place.arena.is_valid());
  }
  CHECK_EQ(place.allocate(64 * kMiB).offset, 0u);
}

TEST("hot ranges beyond the budget give their pages back, the coldest first") {
  Place place(2 * kMiB);
  std::vector<Arena::Block> blocks;
  for (int count = 0; count < 4; ++count) {
    blocks.push_back(place.allocate(kMiB));
    place.fill(blocks.back(), 1);
  }
  CHECK_EQ(place.touched_bytes(), 4 * kMiB);
  for (const Arena::Block& block : blocks) place.arena.free(block.offset, block.length);
  CHECK_EQ(place.touched_bytes(), 2 * kMiB);
  CHECK_EQ(place.arena.hot_bytes(), 2 * kMiB);
  CHECK_EQ(place.arena.physical_bytes(), 2 * kMiB);
  CHECK_EQ(place.allocate(kMiB).offset, blocks[3].offset);
  place.arena.trim(0);
  CHECK_EQ(place.touched_bytes(), kMiB);
  CHECK(place.arena.is_valid());
}

TEST("one block beyond the budget goes back at once and does not push out the others") {
  Place place(2 * kMiB);
  const Arena::Block kept = place.allocate(kMiB);
  const Arena::Block huge = place.allocate(8 * kMiB);
  place.fill(huge, 1);
  place.arena.free(kept.offset, kept.length);
  place.arena.free(huge.offset, huge.length);
  CHECK_EQ(place.touched_bytes(), 0u);
  CHECK_EQ(place.arena.hot_bytes(), kMiB);
  CHECK_EQ(place.allocate(kMiB).offset, kept.offset);
}

TEST("zeroed means zeroed: never touched, or punched; a reused range does not claim it") {
  Place place(kMiB);
  const Arena::Block fresh = place.allocate(kMiB);
  CHECK(fresh.zeroed);
  CHECK(place.holds(fresh, 0));
  place.fill(fresh, 0xff);
  place.arena.free(fresh.offset, fresh.length);
  const Arena::Block reused = place.allocate(kMiB);
  CHECK_EQ(reused.offset, fresh.offset);
  CHECK(!reused.zeroed);
  place.arena.free(reused.offset, reused.length);
  place.arena.trim(0);
  const Arena::Block punched = place.allocate(kMiB);
  CHECK_EQ(punched.offset, fresh.offset);
  CHECK(punched.zeroed);
  CHECK(place.holds(punched, 0));
  CHECK(!place.allocate(100).zeroed);
}

TEST("beyond the headroom a request is refused, unless hot ranges can give up enough for it") {
  Place place(64 * kMiB);
  Arena::Block block{};
  CHECK_EQ(place.arena.allocate(2 * kMiB, kMiB, block), Status::kArenaFull);
  CHECK_EQ(place.arena.allocate(100, 1000, block), Status::kArenaFull);
  CHECK_EQ(place.arena.physical_bytes(), 0u);
  const Arena::Block hot = place.allocate(4 * kMiB);
  place.fill(hot, 1);
  place.arena.free(hot.offset, hot.length);
  CHECK_EQ(place.arena.allocate(6 * kMiB, kMiB, block), Status::kArenaFull);  // 5 MiB are missing, 4 are hot
  CHECK_EQ(place.arena.allocate(2 * kMiB, 0, block), Status::kOk);            // the hot range makes way
  CHECK_EQ(place.touched_bytes(), 0u);
  CHECK(place.arena.physical_bytes() <= 4 * kMiB);
  CHECK_EQ(place.allocate(2 * kMiB, 2 * kMiB).length, 2 * kMiB);
  CHECK(place.arena.is_valid());
}

TEST("longer than the arena is too large; no range that long is full") {
  Place place(kMiB);
  Arena::Block block{};
  CHECK_EQ(place.arena.allocate(64 * kMiB + 1, kNoLimit, block), Status::kTooLarge);
  CHECK_EQ(place.arena.allocate(UINT64_MAX, kNoLimit, block), Status::kTooLarge);
  (void)place.allocate(40 * kMiB);
  CHECK_EQ(place.arena.allocate(40 * kMiB, kNoLimit, block), Status::kArenaFull);
}

TEST("an arena that is no whole number of pages is used up to its last whole page") {
  Place place(0, 100 * Arena::kPage + 123);
  CHECK(place.arena.is_valid());
  CHECK_EQ(place.allocate(100 * Arena::kPage).offset, 0u);
  Arena::Block block{};
  CHECK_EQ(place.arena.allocate(100 * Arena::kPage + 1, kNoLimit, block), Status::kArenaFull);
}

TEST("prefaulted pages exist, read as zeros, serve blocks of any size, and are kept") {
  Place place(kMiB);
  CHECK(place.arena.prefault(16 * kMiB));
  CHECK_EQ(place.touched_bytes(), 16 * kMiB);
  CHECK_EQ(place.arena.physical_bytes(), 16 * kMiB);
  const Arena::Block first = place.allocate(4 * kMiB, 0);
  const Arena::Block second = place.allocate(6 * kMiB, 0);
  CHECK(first.zeroed && second.zeroed);
  CHECK(place.holds(first, 0));
  CHECK(first.offset + first.length <= second.offset || second.offset + second.length <= first.offset);
  place.fill(first, 1);
  place.arena.free(first.offset, first.length);
  place.arena.free(second.offset, second.length);
  CHECK_EQ(place.touched_bytes(), 16 * kMiB);
  CHECK(!place.allocate(4 * kMiB, 0).zeroed);
  CHECK(place.arena.is_valid());
  CHECK(!place.arena.prefault(1024 * kMiB));
  CHECK(place.arena.is_valid());
}

TEST("random requests: no two live blocks overlap, nobody's bytes change, zeroed is true, the books add up") {
  struct Live {
    Arena::Block block;
    uint8_t mark;
  };
  for (const uint64_t retain : {uint64_t{0}, 2 * kMiB, 64 * kMiB}) {
    std::mt19937 random(static_cast<uint32_t>(retain) + 5);
    Place place(retain);
    std::map<uint64_t, Live> live;  // by offset
    for (int step = 0; step < 8'000; ++step) {
      if (random() % 100 < 52) {
        const uint64_t bytes = random() % 3 == 0 ? random() % (512 * 1024) : random() % (1u << random() % 16);
        const uint64_t headroom = random() % 4 == 0 ? random() % kMiB : kNoLimit;
        Arena::Block block{};
        const uint64_t before = place.arena.physical_bytes();
        const Status status = place.arena.allocate(bytes, headroom, block);
        if (status != Status::kOk) {
          REQUIRE_EQ(status, Status::kArenaFull);
          continue;
        }
        if (headroom != kNoLimit) REQUIRE(place.arena.physical_bytes() <= before + headroom);
        REQUIRE(block.length >= bytes && block.offset + block.length <= place.arena.capacity());
        const auto after = live.lower_bound(block.offset);
        REQUIRE(after == live.end() || block.offset + block.length <= after->first);
        if (after != live.begin())
          REQUIRE(std::prev(after)->first + std::prev(after)->second.block.length <= block.offset);
        if (block.zeroed) REQUIRE(place.holds(block, 0));
        const auto mark = static_cast<uint8_t>(1 + random() % 255);
        place.fill(block, mark);
        live.emplace(block.offset, Live{block, mark});
      } else if (!live.empty()) {
        auto chosen = live.lower_bound(random() % place.arena.capacity());
        if (chosen == live.end()) chosen = live.begin();
        REQUIRE(place.holds(chosen->second.block, chosen->second.mark));
        place.arena.free(chosen->first, chosen->second.block.length);
        REQUIRE(place.arena.hot_bytes() <= retain);  // A3
        live.erase(chosen);
      }
      if (step % 16 == 0) REQUIRE(place.arena.is_valid());
    }
    for (const auto& [offset, each] : live) REQUIRE(place.holds(each.block, each.mark));
  }
}
