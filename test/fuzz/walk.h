// Reads what the languages read of a received message: every field, and the elements that its tensors promise.
#pragma once

#include "core/ledger.h"
#include "core/verify.h"

namespace isthmus::fuzz {

// Each field of a message that verify_message has accepted.
void walk_fields(const wire::Message& message) noexcept;

// Also the first and the last byte of each tensor, where the ledger says that its block is.
void walk(const wire::Message& message, Ledger& ledger) noexcept;

// The same claim as fits_block, computed with wider integers and one element at a time.
[[nodiscard]] bool surely_fits(const wire::Tensor& tensor, uint64_t block_bytes) noexcept;

}  // namespace isthmus::fuzz
