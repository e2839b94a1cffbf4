// What must hold of a message before anything in it is used. Runs on a copy in private memory, never on the ring.
#pragma once

#include <cstdint>

#include "generated/message_generated.h"

namespace isthmus {

constexpr uint32_t kMaxAxes = 64;

inline uint64_t value(const wire::Int64& words) noexcept {
  return static_cast<uint64_t>(words.low()) | static_cast<uint64_t>(static_cast<uint32_t>(words.high())) << 32;
}
inline wire::Int64 words(uint64_t value) noexcept {
  return wire::Int64(static_cast<uint32_t>(value), static_cast<int32_t>(static_cast<uint32_t>(value >> 32)));
}

// Writes the place of a tensor in a message that is in this process's private memory.
inline void set_place(const wire::Tensor& tensor, const wire::Place& place) noexcept {
  const_cast<wire::Place&>(*tensor.place()) = place;
}

// Writes the slot of a place in a received message's private copy.
inline void set_slot(const wire::Place& place, uint32_t slot) noexcept {
  const_cast<wire::Place&>(place) = wire::Place(slot, 0, place.offset(), place.arena(), place.block(), place.length());
}

// The bytes are a well-formed message of a known kind with the fields that its kind needs.
[[nodiscard]] bool verify_message(const uint8_t* bytes, uint32_t length) noexcept;

// The dtype is known. itemsize in bytes.
[[nodiscard]] bool known_dtype(const wire::DType& dtype, uint32_t& itemsize) noexcept;

// Bytes of the elements of a tensor that was verified.
[[nodiscard]] uint64_t tensor_bytes(const wire::Tensor& tensor) noexcept;

// Every element lies inside a block of `block_bytes`; nothing overflows.
[[nodiscard]] bool fits_block(const wire::Tensor& tensor, uint64_t block_bytes) noexcept;

}  // namespace isthmus
