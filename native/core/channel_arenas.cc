// Arenas of other workers: announced by Node with a descriptor over the socket, taken by the worker, and gone again.
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/channel.h"
#include "core/sync.h"

namespace isthmus {

namespace {

// The datagram that carries the descriptor of an arena.
struct Announcement {
  uint64_t magic;
  uint64_t arena;
};

}  // namespace

// --- Node, with the producer lock held -------------------------------------------------------------------

// The caller holds a reference to each block that the message names, so their arenas stay.
Status Channel::announce_arenas(const wire::Message& message) noexcept {
  for (const wire::Tensor* tensor : *message.tensors()) {
    const uint64_t arena = value(tensor->place()->arena());
    int descriptor = -1;
    Status status = ledger_->announcement(id_, arena, descriptor);
    if (status == Status::kOk && descriptor >= 0) {
      // The one that makes place for it must be gone before.
      status = publish_gone() ? publish_arena(wire::Kind::Arena, arena, descriptor, reserve()) : Status::kFull;
      if (status == Status::kOk) ledger_->announced(id_, arena);
    }
    if (status != Status::kOk) return status;
  }
  return Status::kOk;
}

bool Channel::publish_gone() noexcept {
  uint64_t arena = 0;
  while (ledger_->take_gone(id_, arena)) {
    if (publish_arena(wire::Kind::ArenaGone, arena, -1, 0) == Status::kOk) continue;
    ledger_->untake_gone(id_, arena);
    return false;
  }
  return true;
}

// The descriptor is sent between claim and commit: it is there before the record can be seen, and where there is no room
// for one of the two, neither is sent.
Status Channel::publish_arena(wire::Kind kind, uint64_t arena, int descriptor, uint32_t reserve) noexcept {
  const wire::Int64 id = words(arena);
  builder_.Clear();
  wire::MessageBuilder message(builder_);
  message.add_kind(kind);
  message.add_arena(&id);
  wire::FinishMessageBuffer(builder_, message.Finish());
  if (const Status status = producer_.claim(builder_.GetSize(), reserve); status != Status::kOk) return status;
  if (descriptor >= 0) {
    const Announcement announcement{kMagic, arena};
    const int64_t sent = os::send_with_descriptors(socket_, &announcement, sizeof announcement, &descriptor, 1);
    if (sent == -EAGAIN) return Status::kFull;  // the worker makes room by taking Arena records
    if (sent == -EPIPE || sent == -ECONNRESET) return Status::kClosed;
    if (sent != static_cast<int64_t>(sizeof announcement)) return Status::kSystem;
    ISTHMUS_SYNC(kArenaSent);
  }
  producer_.commit(builder_.GetBufferPointer());
  return Status::kOk;
}

// --- the worker, with the consumer lock held -------------------------------------------------------------

Status Channel::take_arena(const wire::Message& message) noexcept {
  if (side_ == Side::kNode) return Status::kProtocol;
  const uint64_t arena = value(*message.arena());
  if (message.kind() == wire::Kind::ArenaGone) return ledger_->remove_arena(id_, arena);
  Segment segment;
  os::close_descriptor(std::exchange(free_descriptor_, -1));
  const Status status = receive_arena(arena, segment);
  free_descriptor_ = os::duplicate(control_.descriptor());
  if (free_descriptor_ < 0 && segment.data() != nullptr) {
    segment.close_descriptor();
    free_descriptor_ = os::duplicate(control_.descriptor());
  }
  return status == Status::kOk ? ledger_->add_arena(id_, arena, std::move(segment)) : status;
}

Status Channel::receive_arena(uint64_t arena, Segment& out) noexcept {
  Announcement announcement[2] = {};  // a longer one would be cut off, and look right
  int descriptor = -1;
  size_t count = 1;
  const int64_t received =
      os::receive_with_descriptors(socket_, announcement, sizeof announcement, &descriptor, &count, 0);
  if (received == -EMFILE) {
    errno = EMFILE;  // for whoever says so
    return Status::kSystem;
  }
  const bool announced = received == static_cast<int64_t>(sizeof announcement[0]) && count == 1 &&
                         announcement[0].magic == kMagic && announcement[0].arena == arena;
  if (!announced) {
    os::close_descriptor(descriptor);
    return Status::kProtocol;
  }
  if (Segment::adopt_unmapped(descriptor, out) != Status::kOk) return Status::kProtocol;
  out.map();  // without address space for it, calls that name its blocks fail
  return Status::kOk;
}

}  // namespace isthmus
