// One side of a channel that writes what it likes: right messages, wrong ones, and any word of the control segment.
#pragma once

#include <vector>

#include "core/channel.h"
#include "draft.h"
#include "ops.h"

namespace isthmus::fuzz {

// What an operation does, for both sides of a channel; what its numbers mean is told where it is done.
enum Code : uint8_t {
  // the hostile side
  kBegin,
  kTensor,
  kReturn,
  kName,
  kExtra,
  kTweak,
  kWrite,
  kWriteSpilled,
  kWriteCorrupt,
  kRead,
  kPoke,
  kPokePosition,
  kPokeArena,
  kSendArena,
  kSendJunk,
  kHangUp,
  // the honest side
  kAllocate,
  kRelease,
  kRetain,
  kSend,
  kReceive,
  kDropMessage,
  kDrain,
  kFlush,
  kAnswers,
  kWait,
  kLoop,
  kLook,
  kShutEvents,
  kMemory,
  kFail,
  kClose,
  kReap,
  kHandshake,
  kCodes
};

// The segments outlive it.
class Hostile {
 public:
  Hostile(Side side, const Segment& control, const Segment& own_arena, int socket);

  // An operation of the hostile side. False: it is none.
  bool run(const Op& op);
  // Has it broken what the honest side sends, so that nothing can be said of that any more?
  [[nodiscard]] bool broke_input() const noexcept { return broke_input_; }

 private:
  [[nodiscard]] Control& control() const noexcept { return *reinterpret_cast<Control*>(control_.data()); }
  [[nodiscard]] BlockName name(uint8_t choice, uint64_t number) const noexcept;
  void add_tensor(const Op& op);
  void finish();
  void write(const uint8_t* bytes, uint32_t count);
  void write_spilled(const Op& op);
  void read();
  void poke(const Op& op);
  void poke_position(const Op& op);
  void send_arena(const Op& op);

  const Side side_;
  const Segment& control_;
  const Segment& own_arena_;
  const uint64_t own_id_;
  const int socket_;
  const uint32_t ring_bytes_;
  Producer producer_;
  Consumer consumer_;
  bool broke_input_ = false;

  Draft draft_;
  std::vector<Op> tweaks_;
  flatbuffers::FlatBufferBuilder builder_;
  std::vector<uint8_t> finished_;
  std::vector<BlockName> known_;  // what the other side has named
  std::vector<uint64_t> arenas_;  // announced to the worker
};

}  // namespace isthmus::fuzz
