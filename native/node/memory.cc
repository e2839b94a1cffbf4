#include "node/memory.h"

#include <algorithm>

namespace isthmus::node {

Memory::Memory(std::shared_ptr<Ledger> ledger) noexcept
    : ledger_(std::move(ledger)),
      views_(std::make_unique<ViewTable>(ledger_)),
      limit_bytes_(ledger_->limit_bytes()),
      collect_at_bytes_(limit_bytes_ / 4) {}

Memory::~Memory() {
  if (views_ != nullptr) adopt_orphans(std::move(views_));
}

void Memory::leave(const Channel& channel) noexcept {
  std::erase_if(members_, [&](const Member& member) { return member.channel == &channel; });
  let_go();
}

void Memory::drain() noexcept {
  for (const Member& member : members_)
    (void)member.channel->drain();  // a failure is reported when messages are received
}

Status Memory::allocate(uint64_t bytes, bool zeroed, Slot& out) noexcept {
  if (closed_) return Status::kClosed;
  if (bytes > Arena::kMaxSmall) drain();  // reuse what the workers have returned before growing
  Status status = ledger_->allocate(bytes, zeroed, out);
  if (status != Status::kArenaFull) return status;
  drain();
  status = ledger_->allocate(bytes, zeroed, out);
  if (status != Status::kArenaFull) return status;
  for (const Member& member : members_) member.channel->ask_for_memory();
  flush_where_parked();
  return status;
}

// A loop that turns returns leases at the end of its turn; one that sleeps would keep them from a worker that computes.
void Memory::flush_where_parked() noexcept {
  for (const Member& member : members_)
    if (member.loop->parked()) member.channel->flush_returns();
}

void Memory::given_up() noexcept {
  flush_where_parked();
  let_go();
}

// V8 does not see the bytes that views show, so it is told of a large amount for a moment: it collects at once, and
// stores that nobody reaches are gone when this returns.
void Memory::collect(napi_env env) noexcept {
  constexpr int64_t kMuch = int64_t{1} << 40;
  int64_t adjusted = 0;
  napi_adjust_external_memory(env, kMuch, &adjusted);
  napi_adjust_external_memory(env, -kMuch, &adjusted);
  if (views_ != nullptr) views_->poll_all();
  poll_orphans();
  given_up();
}

// Other processes' memory that JavaScript holds without V8 knowing: collect once it is a quarter of the budget, and
// again for every eighth more. What a collection frees may show only a turn later, when finalizers have run: the mark
// comes down then.
void Memory::after_delivery(napi_env env) noexcept {
  if (views_ == nullptr) return;
  views_->poll(32);
  poll_orphans();
  if (members_.size() > 1) flush_where_parked();  // one worker may have returned what another one lent
  Ledger& ledger = *ledger_;
  const uint64_t quarter = limit_bytes_ / 4;
  const auto next_mark = [&] { return std::max(quarter, ledger.borrowed_bytes() + quarter / 2); };
  if (ledger.borrowed_bytes() < collect_at_bytes_) {
    collect_at_bytes_ = std::min(collect_at_bytes_, next_mark());
    return;
  }
  views_->poll_all();
  if (ledger.borrowed_bytes() >= collect_at_bytes_) collect(env);
  collect_at_bytes_ = next_mark();
  for (const Member& member : members_) member.channel->flush_returns();
}

// Free memory goes now, not when this is collected: V8 thinks that it is small. Called again when views may be gone.
void Memory::close() noexcept {
  if (views_ == nullptr) return;
  closed_ = true;
  views_->poll_all();
  ledger_->trim();
  let_go();
}

// Closed memory makes no more blocks: once none is in use, its segments are of no more use either.
void Memory::let_go() noexcept {
  if (!closed_ || !members_.empty() || ledger_ == nullptr || ledger_->borrowed_bytes() != 0) return;
  if (ledger_->stats().own_blocks != 0) return;
  views_.reset();
  ledger_.reset();
}

}  // namespace isthmus::node
