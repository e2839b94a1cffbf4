// Any bytes as a message: what verify_message accepts can be read to the last field, and what fits_block accepts lies in its
// block.
#include <cstring>
#include <memory>

#include "draft.h"
#include "target.h"
#include "walk.h"

namespace isthmus::fuzz {

namespace {

using wire::Kind;

// Dereferences what the core does, for each kind without a further look.
void use_as_core_does(const wire::Message& message) {
  switch (message.kind()) {
    case Kind::Return:
      MUST(message.returns() != nullptr && message.tensors() == nullptr);
      break;
    case Kind::Spill:
      MUST(message.spill() != nullptr && message.spilled_bytes() != nullptr);
      break;
    case Kind::Arena:
    case Kind::ArenaGone:
      MUST(message.arena() != nullptr);
      break;
    case Kind::Call:
    case Kind::Result:
    case Kind::Error:
    case Kind::Item:
    case Kind::Hello:
      MUST(message.payload() != nullptr);
      break;
    default:
      MUST(message.kind() > Kind::None && message.kind() <= Kind::Dropped);
  }
  if (message.tensors() == nullptr) return;
  for (const wire::Tensor* tensor : *message.tensors()) {
    const uint64_t named = value(tensor->place()->length());
    for (const uint64_t bytes : {uint64_t{0}, uint64_t{1}, uint64_t{64}, uint64_t{4096}, named})
      if (fits_block(*tensor, bytes)) MUST(surely_fits(*tensor, bytes));
  }
}

void run(const uint8_t* data, size_t size) {
  // A copy of exactly this size, so that a byte too many is seen.
  const std::unique_ptr<uint8_t[]> copy(new uint8_t[size]);
  if (size != 0) std::memcpy(copy.get(), data, size);
  if (!verify_message(copy.get(), static_cast<uint32_t>(size))) return;
  const wire::Message& message = *wire::GetMessage(copy.get());
  walk_fields(message);
  use_as_core_does(message);
  if (message.tensors() == nullptr) return;
  // Slots are written over what may be another part of the message: all of it is verified again before it is used.
  std::vector<const wire::Place*> places;
  for (const wire::Tensor* tensor : *message.tensors()) places.push_back(tensor->place());
  Slot slot = 0xabcd;
  for (const wire::Place* place : places) set_slot(*place, slot++);
  if (!verify_message(copy.get(), static_cast<uint32_t>(size))) return;
  walk_fields(message);
  use_as_core_does(message);
}

size_t mutate(uint8_t* data, size_t size, size_t most, Random& random, MutateBytes bytes) {
  const size_t choice = random.below(8);
  if (choice == 0 || size == 0) {
    flatbuffers::FlatBufferBuilder builder;
    write(random_draft(random), builder);
    if (builder.GetSize() > most) return bytes(data, size, most, random);
    std::memcpy(data, builder.GetBufferPointer(), builder.GetSize());
    return builder.GetSize();
  }
  if (choice <= 4 && verify_message(data, static_cast<uint32_t>(size))) {
    change_field(data, random);
    return size;
  }
  return bytes(data, size, most, random);
}

const Registration registration({"message", run, mutate});

}  // namespace

}  // namespace isthmus::fuzz
