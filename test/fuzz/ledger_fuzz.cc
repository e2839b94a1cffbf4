// Node between two workers: three ledgers against a model of each. What a ring would carry waits in queues, in its order.
// While nobody has lied, a block keeps its bytes for as long as anyone may look at them, and in the end everything is free.
#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>

#include "ledger_model.h"
#include "ops.h"
#include "os/os.h"
#include "simulation.h"

namespace isthmus::fuzz {

namespace {

enum Code : uint8_t {
  kAllocate,
  kRelease,
  kRetain,
  kLend,
  kUnlend,
  kDeliver,
  kTakeReturns,
  kUntakeReturns,
  kForgeMention,
  kForgeReturn,
  kReap,
  kMemory,
  kFail,
  kCodes
};

constexpr uint64_t kArenaBytes = 1 << 20;
constexpr size_t kMostSlots = 32;
constexpr size_t kMostQueued = 64;

struct Held {
  Slot slot;
  LedgerModel::Key key;
  uint64_t stamp;  // what stands at the start of the block; 0: nobody knows
};

struct Party {
  explicit Party(uint64_t arena_id) : id(arena_id), model(arena_id) {
    Segment segment;
    MUST(Segment::create("party", kArenaBytes, segment) == Status::kOk);
    descriptor = segment.descriptor();
    ledger = std::make_unique<Ledger>(id, std::move(segment), kArenaBytes * 2, uint64_t{64} << 10);
  }
  [[nodiscard]] Segment shared() const {
    Segment segment;
    MUST(Segment::adopt(os::duplicate(descriptor), segment) == Status::kOk);
    return segment;
  }

  uint64_t id;
  int descriptor = -1;
  std::unique_ptr<Ledger> ledger;
  LedgerModel model;
  Counters counters{};
  std::vector<Held> held;
  bool reaped = false;
};

struct Sent {
  bool is_return;
  BlockName name;
  uint64_t stamp;
  LeaseReturn lease;
};

// From one party to another; with the channel's id in each.
struct Link {
  Party* from;
  Party* to;
  ChannelId there;
  ChannelId here;
  std::deque<Sent> queue;
};

class Bridge {
 public:
  Bridge() {
    for (Party* worker : {&a_, &b_}) {
      const ChannelId there =
          node_.ledger->add_channel(worker->id, worker->shared(), &node_.counters, &worker->counters);
      const ChannelId here = worker->ledger->add_channel(node_.id, node_.shared(), &worker->counters, &node_.counters);
      node_.model.add_arena(worker->id, there, kArenaBytes);
      worker->model.add_arena(node_.id, here, kArenaBytes);
      links_.push_back({&node_, worker, there, here, {}});
      links_.push_back({worker, &node_, here, there, {}});
      Party& third = worker == &a_ ? b_ : a_;
      MUST(worker->ledger->add_arena(here, third.id, third.shared()) == Status::kOk);
      worker->model.add_arena(third.id, here, kArenaBytes);
    }
  }

  void run(const Op& op) {
    Party& party = *parties_[op.a % 3];
    Link& link = links_[op.a % 4];
    const bool usable = !link.from->reaped && !link.to->reaped;
    switch (op.code) {
      case kAllocate:
        allocate(party, op);
        break;
      case kRelease:
        release(party, op.b);
        break;
      case kRetain:
        if (party.held.empty() || party.held.size() >= kMostSlots) break;
        party.held.push_back(party.held[op.b % party.held.size()]);
        party.ledger->retain(party.held.back().slot);
        party.model.retain(party.held.back().key);
        break;
      case kLend:
      case kUnlend:
        if (usable) lend(link, op);
        break;
      case kDeliver:
        for (int left = 1 + op.b % 8; left > 0 && usable; --left) deliver(link);
        break;
      case kTakeReturns:
      case kUntakeReturns:
        if (usable) take_returns(link, op);
        break;
      case kForgeMention:
        if (usable && link.queue.size() < kMostQueued) forge_mention(link, op);
        break;
      case kForgeReturn:
        if (usable && link.queue.size() < kMostQueued) forge_return(link, op);
        break;
      case kReap:
        if (usable) reap(link);
        break;
      case kMemory:
        if ((op.b & 1) != 0) party.ledger->trim();
        if ((op.b & 2) != 0) (void)party.ledger->prefault(op.x % kArenaBytes);
        break;
      default:
        simulation.fails_in = op.b % 8;
    }
    check();
  }

  // Everybody gives everything up, and all of it arrives.
  void end() {
    simulation.fails_in = 0;
    for (int round = 0; round < 4; ++round) {
      for (Party* party : parties_)
        while (!party->held.empty()) release(*party, 0);
      for (Link& link : links_) {
        if (link.from->reaped || link.to->reaped) continue;
        while (!link.queue.empty()) deliver(link);
        while (link.from->ledger->owes(link.there)) {
          take_returns(link, Op{kTakeReturns, 0, 0xffff, 0, 0});
          while (!link.queue.empty()) deliver(link);
        }
      }
    }
    check();
    if (!honest_) return;
    for (const Party* party : parties_) {
      if (party->reaped) continue;
      const LedgerStats stats = party->ledger->stats();
      MUST(stats.own_blocks == 0 && stats.borrowed_blocks == 0 && stats.lent_leases == 0);
    }
  }

 private:
  // b, x: bytes.
  void allocate(Party& party, const Op& op) {
    if (party.held.size() >= kMostSlots) return;
    const uint64_t bytes = (op.b & 1) != 0 ? op.x % (2 * kArenaBytes) : op.x % 5000;
    Slot slot = kNoSlot;
    if (party.ledger->allocate(bytes, (op.b & 2) != 0, slot) != Status::kOk) return;
    uint8_t* data = party.ledger->data(slot);
    MUST(party.ledger->length(slot) >= std::max<uint64_t>(bytes, 1));
    if ((op.b & 2) != 0) MUST(std::all_of(data, data + bytes, [](uint8_t byte) { return byte == 0; }));
    BlockName name{party.id, 0, party.ledger->length(slot)};
    name.block = offset_of(party, slot);
    MUST(party.model.find({name.arena, name.block}) == nullptr);
    const uint64_t stamp = ++stamps_;
    std::memcpy(data, &stamp, sizeof stamp);
    party.model.allocate(name);
    party.held.push_back({slot, {name.arena, name.block}, stamp});
  }

  static uint64_t offset_of(const Party& party, Slot slot) {
    return static_cast<uint64_t>(party.ledger->data(slot) - party.ledger->arena_segment().data());
  }

  static void release(Party& party, uint16_t which) {
    if (party.held.empty()) return;
    std::swap(party.held[which % party.held.size()], party.held.back());
    const Held held = party.held.back();
    party.held.pop_back();
    party.ledger->release(held.slot);
    party.model.release(held.key);
  }

  void lend(Link& link, const Op& op) {
    Party& from = *link.from;
    if (from.held.empty() || link.queue.size() >= kMostQueued) return;
    const Held& held = from.held[op.b % from.held.size()];
    BlockName name{};
    MUST(from.ledger->lend(held.slot, link.there, name) == Status::kOk);
    MUST((LedgerModel::Key{name.arena, name.block} == held.key));
    from.model.lend(held.key, link.there);
    if (op.code == kUnlend) {  // it could not be published
      from.ledger->unlend(held.slot, link.there);
      from.model.unlend(held.key, link.there);
      return;
    }
    link.queue.push_back({false, name, held.stamp, {}});
  }

  void deliver(Link& link) {
    if (link.queue.empty()) return;
    const Sent sent = link.queue.front();
    link.queue.pop_front();
    Party& to = *link.to;
    if (sent.is_return) {
      const Status status = to.ledger->give_back(link.here, sent.lease);
      MUST(status == to.model.give_back(link.here, sent.lease));
      if (honest_) MUST(status == Status::kOk);
      return;
    }
    Slot slot = kNoSlot;
    const Status status = to.ledger->accept(link.here, sent.name, slot);
    MUST(status == to.model.accept(link.here, sent.name));
    if (honest_) MUST(status == Status::kOk);
    if (status == Status::kOk) to.held.push_back({slot, {sent.name.arena, sent.name.block}, sent.stamp});
  }

  void take_returns(Link& link, const Op& op) {
    LeaseReturn leases[8];
    uint64_t bytes = 0;
    const uint32_t count = link.from->ledger->take_returns(link.there, leases, 1 + op.b % 8, &bytes);
    if (op.code == kUntakeReturns) {
      link.from->ledger->untake_returns(link.there, leases, count);
      return;
    }
    for (uint32_t at = 0; at < count; ++at) {
      MUST(leases[at].count != 0);
      link.from->model.returned(link.there, leases[at], false);
      link.queue.push_back({true, {}, 0, leases[at]});
    }
  }

  // A block that is somewhere, or nearly. b: whose; c: which; x: what is wrong with its name.
  BlockName forged(const Op& op) {
    const Party& owner = *parties_[op.b % 3];
    BlockName name{owner.id, op.x % kArenaBytes, 64};
    if (!owner.held.empty()) {
      const Held& held = owner.held[op.c % owner.held.size()];
      name = {held.key.first, held.key.second, owner.ledger->length(held.slot)};
    }
    if ((op.x & 1) != 0) name.block += op.x >> 8;
    if ((op.x & 2) != 0) name.length += op.x >> 16;
    if ((op.x & 4) != 0) name.arena += op.x >> 56;
    honest_ = false;
    return name;
  }

  void forge_mention(Link& link, const Op& op) { link.queue.push_back({false, forged(op), 0, {}}); }

  void forge_return(Link& link, const Op& op) {
    const BlockName name = forged(op);
    link.queue.push_back({true, {}, 0, {name.arena, name.block, op.c >> 8}});
  }

  // The worker of this link dies; what it has sent may still have been taken in, or not.
  void reap(Link& link) {
    Party& worker = link.from == &node_ ? *link.to : *link.from;
    for (Link& each : links_) {
      if (each.from != &worker && each.to != &worker) continue;
      each.queue.clear();
      if (each.from != &node_) continue;
      node_.ledger->drop_channel(each.there);
      node_.model.drop_channel(each.there);
      node_.ledger->forget_channel(each.there);
    }
    worker.reaped = true;
  }

  void check() {
    for (Party* party : parties_) {
      Ledger& ledger = *party->ledger;
      MUST(ledger.is_valid());
      const LedgerStats stats = ledger.stats();
      const LedgerStats expected = party->model.stats();
      MUST(stats.own_blocks == expected.own_blocks && stats.own_bytes == expected.own_bytes);
      MUST(stats.borrowed_blocks == expected.borrowed_blocks && stats.borrowed_bytes == expected.borrowed_bytes);
      MUST(stats.lent_leases == expected.lent_leases && ledger.borrowed_bytes() == expected.borrowed_bytes);
      if (party->reaped) continue;
      for (const Held& held : party->held) {
        MUST(ledger.length(held.slot) == party->model.find(held.key)->length);
        uint64_t found = 0;
        std::memcpy(&found, ledger.data(held.slot), sizeof found);
        if (honest_) MUST(found == held.stamp);
      }
    }
    for (const Link& link : links_)
      if (!link.from->reaped && !link.to->reaped)
        MUST(link.from->ledger->owes(link.there) == link.from->model.owes(link.there));
  }

  Party node_{0x10de};
  Party a_{0xa};
  Party b_{0xb};
  Party* const parties_[3] = {&node_, &a_, &b_};
  std::vector<Link> links_;
  uint64_t stamps_ = 0;
  bool honest_ = true;
};

void run(const uint8_t* data, size_t size) {
  simulation = {};
  Bridge bridge;
  Program program(data, size);
  for (Op op; program.next(op, kCodes);) bridge.run(op);
  bridge.end();
}

size_t mutate(uint8_t* data, size_t size, size_t most, Random& random, MutateBytes bytes) {
  return mutate_ops(data, size, most, random, kCodes, bytes);
}

const Registration registration({"ledger", run, mutate});

}  // namespace

}  // namespace isthmus::fuzz
