#include "draft.h"

#include <cstring>
#include <utility>

namespace isthmus::fuzz {

using wire::Kind;

Draft draft_of(Kind kind, uint32_t id, uint32_t payload_bytes) {
  Draft draft;
  draft.kind = kind;
  draft.id = id;
  draft.payload_bytes = payload_bytes;
  draft.has_payload = false;
  switch (kind) {
    case Kind::Return:
      draft.has_returns = true;
      break;
    case Kind::Spill:
      draft.has_spill = true;
      break;
    case Kind::Arena:
    case Kind::ArenaGone:
      draft.has_arena = true;
      break;
    case Kind::Cancel:
    case Kind::Pressure:
    case Kind::Goodbye:
    case Kind::Interrupt:
    case Kind::Drop:
    case Kind::Dropped:
      break;
    default:
      draft.has_payload = true;
  }
  return draft;
}

wire::Place place_of(const BlockName& name, uint64_t offset) {
  return wire::Place(0, 0, words(offset), words(name.arena), words(name.block), words(name.length));
}

wire::DType dtype_of(uint16_t choice) {
  static constexpr uint8_t kKnown[][2] = {{0, 8},  {0, 16}, {0, 32}, {0, 64}, {1, 8},   {1, 64},   {2, 16},   {2, 32},
                                          {2, 64}, {4, 16}, {5, 64}, {6, 8},  {5, 128}, {128, 64}, {129, 64}, {1, 32}};
  if (choice < 0xf000) {
    const auto [code, bits] = kKnown[choice % 16];
    return wire::DType(code, bits, 1, code >= 128 ? static_cast<uint8_t>(choice >> 4 & 15) : 0);
  }
  return wire::DType(static_cast<uint8_t>(choice), static_cast<uint8_t>(choice >> 4), choice >> 8 & 1, choice >> 9 & 3);
}

uint64_t length_of(uint8_t choice) {
  static constexpr uint64_t kHard[] = {1ull << 31,     (1ull << 32) - 1, 1ull << 32,     (1ull << 61) - 1,
                                       1ull << 62,     INT64_MAX,        1ull << 63,     UINT64_MAX,
                                       UINT64_MAX - 3, 0x100000,         0xffffffff0001, UINT64_MAX - 63};
  return choice < 244 ? choice : kHard[choice - 244];
}

void write(const Draft& draft, flatbuffers::FlatBufferBuilder& builder) {
  builder.Clear();
  flatbuffers::Offset<flatbuffers::Vector<uint8_t>> payload;
  if (draft.has_payload) {
    uint8_t* bytes = nullptr;
    payload = builder.CreateUninitializedVector(draft.payload_bytes, &bytes);
    if (draft.payload_bytes != 0) std::memset(bytes, 0x5a, draft.payload_bytes);
  }
  const auto integers = [&](const std::vector<uint64_t>& numbers) {
    std::vector<wire::Int64> wired;
    for (const uint64_t number : numbers) wired.push_back(words(number));
    return builder.CreateVectorOfStructs(wired);
  };
  std::vector<flatbuffers::Offset<wire::Tensor>> tensors;
  for (const DraftTensor& tensor : draft.tensors) {
    const auto shape = integers(tensor.shape);
    const auto strides = tensor.strided ? integers(tensor.strides) : 0;
    tensors.push_back(wire::CreateTensor(builder, &tensor.place, &tensor.dtype, shape, strides));
  }
  const auto list = tensors.empty() ? 0 : builder.CreateVector(tensors);
  const auto returns = draft.has_returns ? builder.CreateVectorOfStructs(draft.returns) : 0;
  wire::MessageBuilder message(builder);
  message.add_kind(draft.kind);
  message.add_id(draft.id);
  if (draft.has_payload) message.add_payload(payload);
  if (!tensors.empty()) message.add_tensors(list);
  if (draft.has_returns) message.add_returns(returns);
  if (draft.has_spill) {
    message.add_spill(&draft.spill);
    message.add_spilled_bytes(&draft.spilled_bytes);
  }
  if (draft.has_arena) message.add_arena(&draft.arena);
  const wire::Int64 elapsed = words(draft.id);
  if (draft.has_elapsed) message.add_elapsed(&elapsed);
  wire::FinishMessageBuffer(builder, message.Finish());
}

// --- for the mutator of messages -------------------------------------------------------------------------

Draft random_draft(Random& random) {
  Draft draft = draft_of(static_cast<Kind>(random.below(kKinds)), static_cast<uint32_t>(boundary(random)),
                         static_cast<uint32_t>(random.below(40)));
  if (random.below(8) == 0) draft.has_returns = true;
  if (random.below(8) == 0) draft.has_spill = true;
  if (random.below(8) == 0) draft.has_arena = true;
  draft.has_elapsed = random.below(4) == 0;
  for (size_t left = random.below(4); left != 0; --left) {
    DraftTensor tensor;
    const BlockName name{boundary(random), boundary(random), boundary(random)};
    tensor.place = place_of(name, random.below(2) == 0 ? random.below(64) : boundary(random));
    tensor.dtype = dtype_of(static_cast<uint16_t>(random.next()));
    tensor.strided = random.below(2) == 0;
    for (size_t axes = random.below(5); axes != 0; --axes) {
      tensor.shape.push_back(length_of(static_cast<uint8_t>(random.below(3) == 0 ? random.next() : random.below(5))));
      tensor.strides.push_back(boundary(random));
    }
    if (random.below(8) == 0) tensor.strides.resize(random.below(3));
    draft.tensors.push_back(std::move(tensor));
  }
  for (size_t left = draft.has_returns ? random.below(4) : 0; left != 0; --left)
    draft.returns.emplace_back(words(boundary(random)), words(boundary(random)),
                               static_cast<uint32_t>(boundary(random)), 0);
  draft.spill = place_of({boundary(random), boundary(random), boundary(random)}, 0);
  draft.spilled_bytes = words(boundary(random));
  draft.arena = words(boundary(random));
  return draft;
}

void change_field(uint8_t* bytes, Random& random) {
  const wire::Message& message = *wire::GetMessage(bytes);
  // Where fields are, and how long they are.
  std::vector<std::pair<const void*, size_t>> fields{{&message, 4}};
  const auto add = [&](const auto* field) {
    if (field != nullptr) fields.emplace_back(field, sizeof *field);
  };
  const auto add_place = [&](const wire::Place* place) {
    if (place == nullptr) return;
    for (const auto* number : {&place->offset(), &place->arena(), &place->block(), &place->length()}) add(number);
  };
  const auto add_vector = [&](const auto* vector) {
    if (vector == nullptr) return;
    fields.emplace_back(vector, 4);  // how many
    if (vector->size() != 0) fields.emplace_back(vector->Data(), 4);
  };
  add_vector(message.payload());
  add_vector(message.returns());
  add_vector(message.tensors());
  add_place(message.spill());
  for (const auto* number : {message.spilled_bytes(), message.arena(), message.elapsed()}) add(number);
  for (uint32_t at = 0; message.tensors() != nullptr && at < message.tensors()->size(); ++at) {
    const wire::Tensor& tensor = *message.tensors()->Get(at);
    fields.emplace_back(&tensor, 4);
    add_place(tensor.place());
    add(tensor.dtype());
    for (const auto* numbers : {tensor.shape(), tensor.strides()}) {
      add_vector(numbers);
      for (uint32_t axis = 0; numbers != nullptr && axis < numbers->size(); ++axis) add(numbers->Get(axis));
    }
  }
  const auto [field, length] = fields[random.below(fields.size())];
  const uint64_t number = boundary(random);
  std::memcpy(bytes + (static_cast<const uint8_t*>(field) - bytes), &number, length);
}

}  // namespace isthmus::fuzz
