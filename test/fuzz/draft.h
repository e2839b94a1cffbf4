// A message that is about to be written: any kind with any fields, right or wrong.
#pragma once

#include <vector>

#include "core/ledger.h"
#include "core/verify.h"
#include "target.h"

namespace isthmus::fuzz {

struct DraftTensor {
  wire::Place place;
  wire::DType dtype;
  std::vector<uint64_t> shape;
  std::vector<uint64_t> strides;
  bool strided = false;
};

struct Draft {
  wire::Kind kind = wire::Kind::Call;
  uint32_t id = 0;
  bool has_payload = true;
  uint32_t payload_bytes = 0;
  std::vector<DraftTensor> tensors;
  bool has_returns = false;
  std::vector<wire::Return> returns;
  bool has_spill = false;
  wire::Place spill;
  wire::Int64 spilled_bytes;
  bool has_arena = false;
  wire::Int64 arena;
  bool has_elapsed = false;
};

constexpr uint8_t kKinds = 22;  // 0 .. 20, and one that does not exist

// With the fields that the kind needs, and no others.
[[nodiscard]] Draft draft_of(wire::Kind kind, uint32_t id, uint32_t payload_bytes);
[[nodiscard]] wire::Place place_of(const BlockName& name, uint64_t offset);
// One of the dtypes that are known, or for a large number one that may not be.
[[nodiscard]] wire::DType dtype_of(uint16_t choice);
// Mostly short; now and then the kind of number on which code breaks.
[[nodiscard]] uint64_t length_of(uint8_t choice);

// Finished in the builder, which is cleared before.
void write(const Draft& draft, flatbuffers::FlatBufferBuilder& builder);

[[nodiscard]] Draft random_draft(Random& random);

// Puts a boundary value into one field of a message that was verified.
void change_field(uint8_t* message, Random& random);

}  // namespace isthmus::fuzz
