// Memory of one bridge or pool: a ledger, the views of its blocks, and the channels whose messages name them. Shared by the
// object that JavaScript holds and those channels; whichever is collected last lets go of it.
#pragma once

#include <node_api.h>

#include <memory>
#include <vector>

#include "core/channel.h"
#include "node/loop.h"
#include "node/views.h"

namespace isthmus::node {

class Memory {
 public:
  explicit Memory(std::shared_ptr<Ledger> ledger) noexcept;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory();

  // Null: the memory is closed, and no block of it is in use.
  [[nodiscard]] const std::shared_ptr<Ledger>& ledger() const noexcept { return ledger_; }
  [[nodiscard]] ViewTable* views() const noexcept { return views_.get(); }
  [[nodiscard]] bool closed() const noexcept { return closed_; }
  [[nodiscard]] uint64_t limit_bytes() const noexcept { return limit_bytes_; }
  [[nodiscard]] uint64_t copied_bytes() const noexcept { return copied_bytes_; }
  void count_copied(uint64_t bytes) noexcept { copied_bytes_ += bytes; }

  // From when a channel is watched by a loop until it is not.
  void join(Channel& channel, const Loop& loop) noexcept { members_.push_back(Member{&channel, &loop}); }
  void leave(const Channel& channel) noexcept;

  // A block of the own arena. Before it grows, it takes in what the workers have returned; when the budget is used up, all
  // of them are asked to give up what they no longer need.
  [[nodiscard]] Status allocate(uint64_t bytes, bool zeroed, Slot& out) noexcept;
  // Something was released: what is owed to workers goes now where the loop sleeps, and closed memory may go altogether.
  void given_up() noexcept;
  // Messages of a member were delivered: looks at some views, and collects if much of other processes' memory is in use.
  void after_delivery(napi_env env) noexcept;
  // Collects garbage now, and returns the leases of views that nobody reaches.
  void collect(napi_env env) noexcept;
  // Makes no more blocks. Goes when no block is in use and no channel is open.
  void close() noexcept;

 private:
  struct Member {
    Channel* channel;
    const Loop* loop;
  };
  void drain() noexcept;
  void flush_where_parked() noexcept;
  void let_go() noexcept;

  std::shared_ptr<Ledger> ledger_;
  std::unique_ptr<ViewTable> views_;  // null when the ledger is
  std::vector<Member> members_;
  const uint64_t limit_bytes_;
  uint64_t copied_bytes_ = 0;
  uint64_t collect_at_bytes_;
  bool closed_ = false;
};

}  // namespace isthmus::node
