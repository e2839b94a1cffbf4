#include "core/verify.h"

namespace isthmus {

bool verify_message(const uint8_t* bytes, uint32_t length) noexcept {
  flatbuffers::Verifier::Options options;
  options.max_depth = 8;
  flatbuffers::Verifier verifier(bytes, length, options);
  if (!wire::VerifyMessageBuffer(verifier)) return false;
  const wire::Message* message = wire::GetMessage(bytes);
  switch (message->kind()) {
    case wire::Kind::Hello:
    case wire::Kind::Call:
    case wire::Kind::Result:
    case wire::Kind::Error:
    case wire::Kind::Stream:
    case wire::Kind::Create:
    case wire::Kind::Item:
      return message->payload() != nullptr;
    case wire::Kind::Return:
      return message->returns() != nullptr && message->tensors() == nullptr;
    case wire::Kind::Spill:
      return message->spill() != nullptr && message->spilled_bytes() != nullptr && message->tensors() == nullptr;
    case wire::Kind::Credit:
    case wire::Kind::Progress:
    case wire::Kind::Log:
      return message->payload() != nullptr && message->tensors() == nullptr;
    case wire::Kind::Arena:
    case wire::Kind::ArenaGone:
      return message->arena() != nullptr && message->tensors() == nullptr;
    case wire::Kind::Cancel:
    case wire::Kind::Pressure:
    case wire::Kind::Goodbye:
    case wire::Kind::Interrupt:
    case wire::Kind::Drop:
    case wire::Kind::Dropped:
      return message->tensors() == nullptr;
    case wire::Kind::None:
      break;
  }
  return false;
}

bool known_dtype(const wire::DType& dtype, uint32_t& itemsize) noexcept {
  const uint32_t bits = dtype.bits();
  itemsize = bits / 8;
  if (dtype.lanes() != 1) return false;
  const bool time = dtype.code() == 128 || dtype.code() == 129;
  if (dtype.unit() != 0 && !time) return false;
  switch (dtype.code()) {
    case 0:  // int
    case 1:  // uint
      return bits == 8 || bits == 16 || bits == 32 || bits == 64;
    case 2:  // float
      return bits == 16 || bits == 32 || bits == 64;
    case 4:  // bfloat
      return bits == 16;
    case 5:  // complex
      return bits == 64 || bits == 128;
    case 6:  // bool
      return bits == 8;
    case 128:  // datetime64
    case 129:  // timedelta64
      return bits == 64 && dtype.unit() <= 14 && dtype.unit() != 3;
    default:
      return false;
  }
}

uint64_t tensor_bytes(const wire::Tensor& tensor) noexcept {
  uint64_t bytes = tensor.dtype()->bits() / 8;
  if (tensor.shape() != nullptr)
    for (const wire::Int64* length : *tensor.shape()) bytes *= value(*length);
  return bytes;
}

bool fits_block(const wire::Tensor& tensor, uint64_t block_bytes) noexcept {
  uint32_t itemsize = 0;
  if (!known_dtype(*tensor.dtype(), itemsize)) return false;
  const auto* shape = tensor.shape();
  const auto* strides = tensor.strides();
  const uint32_t axes = shape == nullptr ? 0 : shape->size();
  if (axes > kMaxAxes || (strides != nullptr && strides->size() != axes)) return false;

  const uint64_t offset = value(tensor.place()->offset());
  if (offset > block_bytes) return false;
  bool empty = false;
  for (uint32_t axis = 0; axis < axes; ++axis) {
    const auto length = static_cast<int64_t>(value(*shape->Get(axis)));
    if (length < 0) return false;
    empty = empty || length == 0;
  }
  // Elements reach from the first one down to `low` and up to `high` + itemsize; both relative to the block.
  auto low = static_cast<int64_t>(offset);
  auto high = low;
  int64_t packed = itemsize;  // stride of the current axis when there are no gaps
  for (uint32_t axis = axes; axis-- > 0;) {
    const auto length = static_cast<int64_t>(value(*shape->Get(axis)));
    const int64_t stride = strides != nullptr ? static_cast<int64_t>(value(*strides->Get(axis))) : packed;
    if (__builtin_mul_overflow(packed, length == 0 ? 1 : length, &packed)) return false;
    int64_t reach = 0;
    if (empty || length <= 1) continue;
    if (__builtin_mul_overflow(length - 1, stride, &reach)) return false;
    if (__builtin_add_overflow(reach < 0 ? low : high, reach, reach < 0 ? &low : &high)) return false;
  }
  if (empty) return true;
  int64_t end = 0;
  return low >= 0 && !__builtin_add_overflow(high, static_cast<int64_t>(itemsize), &end) &&
         static_cast<uint64_t>(end) <= block_bytes;
}

}  // namespace isthmus
