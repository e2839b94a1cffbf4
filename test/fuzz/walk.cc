#include "walk.h"

#include "simulation.h"
#include "target.h"

namespace isthmus::fuzz {

namespace {

using Wide = __int128;

volatile uint64_t sink;  // what is read has to be read

void use(uint64_t value) noexcept { sink = sink + value; }

void use(const wire::Place& place) noexcept {
  use(place.slot() + place.reserved() + value(place.offset()) + value(place.arena()) + value(place.block()) +
      value(place.length()));
}

int64_t at(const flatbuffers::Vector<const wire::Int64*>& numbers, uint32_t index) noexcept {
  return static_cast<int64_t>(value(*numbers.Get(index)));
}

struct Extent {
  bool empty = false;
  bool negative = false;  // a length is
  Wide low = 0;           // of the first byte, from the start of the block
  Wide high = 0;          // behind the last one
};

Extent extent_of(const wire::Tensor& tensor) noexcept {
  Extent extent;
  const Wide itemsize = tensor.dtype()->bits() / 8;
  extent.low = extent.high = static_cast<Wide>(value(tensor.place()->offset()));
  const uint32_t axes = tensor.shape() == nullptr ? 0 : tensor.shape()->size();
  Wide packed = itemsize;
  for (uint32_t axis = axes; axis-- > 0;) {
    const Wide length = at(*tensor.shape(), axis);
    const Wide stride = tensor.strides() != nullptr ? at(*tensor.strides(), axis) : packed;
    extent.empty |= length == 0;
    extent.negative |= length < 0;
    if (length > 1) (stride < 0 ? extent.low : extent.high) += (length - 1) * stride;
    packed *= length;
  }
  extent.high += itemsize;
  return extent;
}

}  // namespace

// Called only where fits_block has said yes, so that no product is longer than 128 bits.
bool surely_fits(const wire::Tensor& tensor, uint64_t block_bytes) noexcept {
  const Extent extent = extent_of(tensor);
  if (extent.negative) return false;
  return extent.empty || (extent.low >= 0 && extent.high <= static_cast<Wide>(block_bytes));
}

void walk_fields(const wire::Message& message) noexcept {
  use(static_cast<uint64_t>(message.kind()) + message.id());
  if (const auto* payload = message.payload(); payload != nullptr && payload->size() != 0)
    use(payload->size() + uint64_t{payload->Get(0)} + payload->Get(payload->size() - 1));
  if (message.tensors() != nullptr) {
    for (const wire::Tensor* tensor : *message.tensors()) {
      use(*tensor->place());
      const wire::DType& dtype = *tensor->dtype();
      use(uint64_t{dtype.code()} + dtype.bits() + dtype.lanes() + dtype.unit());
      use(tensor_bytes(*tensor));
      for (const auto* numbers : {tensor->shape(), tensor->strides()})
        for (uint32_t index = 0; numbers != nullptr && index < numbers->size(); ++index)
          use(static_cast<uint64_t>(at(*numbers, index)));
    }
  }
  if (message.returns() != nullptr)
    for (const wire::Return* lease : *message.returns())
      use(value(lease->arena()) + value(lease->block()) + lease->count() + lease->reserved());
  if (message.spill() != nullptr) use(*message.spill());
  for (const wire::Int64* number : {message.spilled_bytes(), message.arena(), message.elapsed()})
    if (number != nullptr) use(value(*number));
}

void walk(const wire::Message& message, Ledger& ledger) noexcept {
  walk_fields(message);
  if (message.tensors() == nullptr) return;
  for (const wire::Tensor* tensor : *message.tensors()) {
    const Slot slot = tensor->place()->slot();
    const uint8_t* block = ledger.data(slot);
    const uint64_t length = ledger.length(slot);
    uint32_t itemsize = 0;
    MUST(length == value(tensor->place()->length()));
    MUST(known_dtype(*tensor->dtype(), itemsize) && itemsize != 0);
    MUST(surely_fits(*tensor, length));
    if (block == nullptr) {  // there was no address space for its arena
      MUST(simulation.has_failed);
      continue;
    }
    use(uint64_t{block[0]} + block[length - 1]);
    const Extent extent = extent_of(*tensor);
    if (extent.empty) continue;
    use(uint64_t{block[static_cast<int64_t>(extent.low)]} + block[static_cast<int64_t>(extent.high - 1)]);
  }
}

}  // namespace isthmus::fuzz
