#include "hostile.h"

#include <algorithm>
#include <cstring>

#include "os/os.h"

namespace isthmus::fuzz {

namespace {

constexpr size_t kMostParts = 24;        // of a message: tensors, returns, tweaks
constexpr size_t kMostKnown = 64;        // names of blocks
constexpr uint32_t kMostPayload = 4096;  // bytes

}  // namespace

Hostile::Hostile(Side side, const Segment& control, const Segment& own_arena, int socket)
    : side_(side),
      control_(control),
      own_arena_(own_arena),
      own_id_(side == Side::kNode ? this->control().identity.node_arena : this->control().identity.worker_arena),
      socket_(socket),
      ring_bytes_(this->control().identity.ring_bytes) {
  uint8_t* records = control_.data() + kRecordsOffset;
  producer_ = Producer(this->control().rings[index(side)], records + uint64_t{index(side)} * ring_bytes_, ring_bytes_);
  const Side peer = other(side);
  consumer_ = Consumer(this->control().rings[index(peer)], records + uint64_t{index(peer)} * ring_bytes_, ring_bytes_);
}

bool Hostile::run(const Op& op) {
  switch (op.code) {
    case kBegin:  // a: kind; c: id; b: bytes of payload
      draft_ = draft_of(static_cast<wire::Kind>(op.a % kKinds), op.c, op.b % kMostPayload);
      tweaks_.clear();
      return true;
    case kTensor:
      add_tensor(op);
      return true;
    case kReturn: {  // a, x: block; c: leases
      const BlockName returned = name(op.a, op.x);
      if (draft_.returns.size() < kMostParts)
        draft_.returns.emplace_back(words(returned.arena), words(returned.block), op.c, 0);
      return true;
    }
    case kName: {  // a, x: the block that is spilled to, or whose arena is meant; c: bytes that are spilled
      const BlockName named = name(op.a, op.x);
      draft_.spill = place_of(named, 0);
      draft_.spilled_bytes = words(op.c);
      draft_.arena = words(arenas_.empty() || (op.b & 1) != 0 ? named.arena : arenas_[op.b / 2 % arenas_.size()]);
      return true;
    }
    case kExtra:  // a: fields that the kind does not need
      draft_.has_payload ^= (op.a & 1) != 0;
      draft_.has_returns ^= (op.a & 2) != 0;
      draft_.has_spill ^= (op.a & 4) != 0;
      draft_.has_arena ^= (op.a & 8) != 0;
      draft_.has_elapsed ^= (op.a & 16) != 0;
      return true;
    case kTweak:  // of the finished message: at b, 2^a bytes of x
      if (tweaks_.size() < kMostParts) tweaks_.push_back(op);
      return true;
    case kWrite:  // c: cut to so many bytes, unless 0
      finish();
      if (op.c != 0) finished_.resize(std::min<size_t>(finished_.size(), op.c));
      write(finished_.data(), static_cast<uint32_t>(finished_.size()));
      return true;
    case kWriteSpilled:
      write_spilled(op);
      return true;
    case kWriteCorrupt: {  // a bit of the record is changed after it was committed, its header included
      finish();
      const uint64_t start = control().rings[index(side_)].tail.bytes.load();
      write(finished_.data(), static_cast<uint32_t>(finished_.size()));
      uint8_t* records = control_.data() + kRecordsOffset + uint64_t{index(side_)} * ring_bytes_;
      const uint64_t place = (start + op.b % (sizeof(RecordHeader) + finished_.size())) % ring_bytes_;
      records[place] ^= static_cast<uint8_t>(1u << (op.a & 7));
      return true;
    }
    case kRead:
      for (int left = 1 + op.b % 8; left > 0; --left) read();
      return true;
    case kPoke:
      poke(op);
      return true;
    case kPokePosition:
      poke_position(op);
      return true;
    case kPokeArena:  // 8 bytes of x at b * 8 of its own arena
      std::memcpy(own_arena_.data() + uint64_t{op.b} * 8, &op.x, 8);
      return true;
    case kSendArena:
      send_arena(op);
      return true;
    case kSendJunk: {  // b bytes of x, with a descriptors
      uint64_t junk[8];
      std::fill_n(junk, 8, op.x);
      const int descriptors[] = {own_arena_.descriptor(), control_.descriptor(), socket_};
      (void)os::send_with_descriptors(socket_, junk, op.b % sizeof junk, descriptors, op.a % 4);
      return true;
    }
    case kHangUp:
      os::hang_up(socket_);
      return true;
    default:
      return false;
  }
}

// The numbers of a block: one that the other side has named, one of its own, or any.
BlockName Hostile::name(uint8_t choice, uint64_t number) const noexcept {
  if (choice >= 0xf0) return BlockName{number, number, number};
  if ((choice & 1) != 0 && !known_.empty()) {
    BlockName named = known_[choice / 2 % known_.size()];
    if ((choice & 0x40) != 0) (number % 2 == 0 ? named.block : named.length) += number;
    return named;
  }
  static constexpr uint64_t kLengths[] = {64, 128, 4096, 8192, 65536, 1 << 20, 24, 0};
  return BlockName{own_id_, (number & 0xff) * ((number & 0x100) != 0 ? 4096 : 64), kLengths[number >> 9 & 7]};
}

// a: block; b: dtype, and whether there are strides; c: axes, offset; x: lengths, strides.
void Hostile::add_tensor(const Op& op) {
  if (draft_.tensors.size() >= kMostParts) return;
  static constexpr uint64_t kStrides[] = {4, 0, 8, UINT64_MAX - 3, 64, 1, UINT64_MAX - 7, 1ull << 62};
  DraftTensor tensor;
  const uint64_t offset = op.c >> 8 & 0xff;
  tensor.place = place_of(name(op.a, op.x), offset < 0xf0 ? offset : op.x);
  tensor.dtype = dtype_of(op.b & 0xff ? op.b : uint16_t{7});
  const uint32_t axes = (op.c & 0xff) == 0xff ? kMaxAxes + (op.c >> 31) : op.c % 5;
  tensor.strided = (op.c & 0x10000) != 0;
  for (uint32_t axis = 0; axis < axes; ++axis) {
    tensor.shape.push_back(length_of(static_cast<uint8_t>(op.x >> (axis % 4 * 16 + 8))));
    tensor.strides.push_back(kStrides[op.x >> (axis % 4 * 16) & 7]);
  }
  if ((op.c & 0xe0000) == 0xe0000) tensor.strides.push_back(1);
  draft_.tensors.push_back(std::move(tensor));
}

void Hostile::finish() {
  fuzz::write(draft_, builder_);
  const uint8_t* start = builder_.GetBufferPointer();
  finished_.assign(start, start + builder_.GetSize());
  for (const Op& tweak : tweaks_) {
    const size_t at = tweak.b % finished_.size();
    std::memcpy(finished_.data() + at, &tweak.x, std::min(finished_.size() - at, size_t{1} << (tweak.a & 3)));
  }
}

void Hostile::write(const uint8_t* bytes, uint32_t count) {
  if (producer_.claim(count, 0) == Status::kOk) producer_.commit(bytes);
}

// The message goes into its own arena, at a place of b, and an announcement of c bytes more or less names it.
void Hostile::write_spilled(const Op& op) {
  finish();
  const uint64_t block = uint64_t{op.b} % 64 * 64;
  std::memcpy(own_arena_.data() + block, finished_.data(), finished_.size());
  const uint64_t length = (finished_.size() + 63) / 64 * 64;
  Draft announcement = draft_of(wire::Kind::Spill, 0, 0);
  announcement.spill = place_of({own_id_, block, length}, 0);
  announcement.spilled_bytes = words(op.a == 0 ? finished_.size() : finished_.size() + op.c);
  fuzz::write(announcement, builder_);
  write(builder_.GetBufferPointer(), builder_.GetSize());
}

// What the honest side sends is right, as long as nobody has changed it; the blocks that it names are remembered.
void Hostile::read() {
  Consumer::Record record;
  const Status status = consumer_.peek(record);
  if (!broke_input_) MUST(status != Status::kProtocol);
  if (status != Status::kOk) return;
  const std::vector<uint8_t> copy(record.data, record.data + record.bytes);
  consumer_.release();
  const bool right = record.matches(copy.data()) && verify_message(copy.data(), record.bytes);
  if (!broke_input_) MUST(right);
  if (!right) return;
  const auto remember = [this](const wire::Place& place) {
    if (known_.size() < kMostKnown)
      known_.push_back({value(place.arena()), value(place.block()), value(place.length())});
  };
  const wire::Message& message = *wire::GetMessage(copy.data());
  if (message.tensors() != nullptr)
    for (const wire::Tensor* tensor : *message.tensors()) remember(*tensor->place());
  if (message.spill() != nullptr) remember(*message.spill());
  if (message.returns() != nullptr)
    for (const wire::Return* lease : *message.returns()) MUST(broke_input_ || lease->count() != 0);
}

// 2^a bytes of x at c of the control segment: in its head, or in a ring.
void Hostile::poke(const Op& op) {
  const uint64_t range = (op.a & 4) != 0 ? control_.bytes() : sizeof(Control);
  const uint64_t at = op.c % (range - 8);
  std::memcpy(control_.data() + at, &op.x, size_t{1} << (op.a & 3));
  broke_input_ = true;
}

// One of the four positions is set to x, or moved by it.
void Hostile::poke_position(const Op& op) {
  RingState& ring = control().rings[op.a & 1];
  std::atomic<uint64_t>& position = (op.a & 2) != 0 ? ring.head.bytes : ring.tail.bytes;
  const uint64_t number = (op.a & 4) != 0 ? op.x / 8 * 8 : op.x;
  position.store((op.a & 8) != 0 ? position.load() + number : number);
  broke_input_ = true;
}

// A datagram that announces an arena, right or wrong, and the message that says so. a: what is wrong; x: its id.
void Hostile::send_arena(const Op& op) {
  const uint64_t id = (op.a & 1) != 0 ? op.x : 0x1000 + op.x % 16;
  const uint64_t datagram[3] = {(op.a & 2) != 0 ? op.x : kMagic, id, 0};
  Segment segment;
  const bool made = Segment::create("arena", uint64_t{4096} * (1 + op.b % 4), segment) == Status::kOk;
  const int descriptors[] = {(op.a & 4) != 0 || !made ? socket_ : segment.descriptor(), control_.descriptor()};
  const size_t bytes = (op.a & 8) != 0 ? op.c % sizeof datagram : 2 * sizeof *datagram;
  (void)os::send_with_descriptors(socket_, datagram, bytes, descriptors, (op.a & 16) != 0 ? op.c % 3 : 1);
  Draft announcement = draft_of((op.a & 32) != 0 ? wire::Kind::ArenaGone : wire::Kind::Arena, 0, 0);
  announcement.arena = words(id);
  fuzz::write(announcement, builder_);
  if ((op.a & 64) == 0) write(builder_.GetBufferPointer(), builder_.GetSize());
  if (arenas_.size() < kMostKnown) arenas_.push_back(id);
  if (known_.size() < kMostKnown) known_.push_back({id, 0, 4096});
}

}  // namespace isthmus::fuzz
