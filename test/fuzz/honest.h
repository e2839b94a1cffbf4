// What a language does with its side of a channel: allocates, sends, receives, gives up. Whatever the other side writes, what is
// received is right to the last byte, and the ledger stays valid.
#pragma once

#include <deque>
#include <vector>

#include "core/channel.h"
#include "hostile.h"

namespace isthmus::fuzz {

class Honest {
 public:
  explicit Honest(Ledger& ledger) : ledger_(ledger) {}

  // An operation of the honest side, on one of its channels.
  void run(Channel& channel, const Op& op);
  // Gives up everything that it holds.
  void release_all() noexcept;

 private:
  void allocate(Channel& channel, const Op& op);
  void send(Channel& channel, const Op& op);
  void receive(Channel& channel, const Op& op);
  void keep(Message&& message, uint8_t how);
  void answers(Channel& channel, const Op& op);
  static void wait(Channel& channel, const Op& op);
  void look(Channel& channel, const Op& op);
  [[nodiscard]] Slot any(uint64_t choice) const noexcept;

  Ledger& ledger_;
  std::vector<Slot> slots_;  // a reference on each
  std::deque<Message> messages_;
  flatbuffers::FlatBufferBuilder builder_;
};

// After everything was given up and each process on the other side was reaped: nothing is left.
void must_be_empty(Ledger& ledger);

}  // namespace isthmus::fuzz
