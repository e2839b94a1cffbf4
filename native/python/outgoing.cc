#include "python/outgoing.h"

#include <memory>
#include <new>

#include "python/raise.h"
#include "python/waiting.h"

namespace isthmus::python {

namespace {

constexpr size_t kMaxPayloadBytes = 1u << 30;
constexpr size_t kMaxTensors = 1u << 16;
constexpr size_t kLargePayload = 64u << 10;
constexpr size_t kTensorBytes = 2 * kMaxAxes * sizeof(wire::Int64) + 128;  // at most, with its table and offset

}  // namespace

flatbuffers::Offset<wire::Tensor> Outgoing::add_tensor(const Placed& placed) noexcept {
  wire::Int64 words_of[kMaxAxes];
  const auto vector_of = [&](const npy_intp* numbers) {
    for (int axis = 0; axis < placed.axes; ++axis) words_of[axis] = words(static_cast<uint64_t>(numbers[axis]));
    return builder_.CreateVectorOfStructs(words_of, static_cast<size_t>(placed.axes));
  };
  flatbuffers::Offset<flatbuffers::Vector<const wire::Int64*>> shape;
  flatbuffers::Offset<flatbuffers::Vector<const wire::Int64*>> strides;
  if (placed.axes != 0) shape = vector_of(placed.shape);
  if (placed.strides != nullptr) strides = vector_of(placed.strides);
  const wire::Place place(placed.slot, 0, words(placed.offset), words(0), words(0), words(0));  // the core fills it in
  return wire::CreateTensor(builder_, &place, &placed.dtype, shape, strides);
}

// FlatBuffers does not survive an allocation that fails, so a large one is tried before; and it would make a second one,
// half as large again, for the few bytes that follow the payload.
bool Outgoing::make_room(size_t payload_bytes) noexcept {
  if (payload_bytes < kLargePayload) return true;
  const size_t bytes = payload_bytes + placed_.size() * kTensorBytes + kLargePayload;
  if (bytes <= room_) return true;
  builder_ = flatbuffers::FlatBufferBuilder(bytes);
  room_ = bytes;
  if (const std::unique_ptr<uint8_t[]> memory(new (std::nothrow) uint8_t[bytes]); memory != nullptr) return true;
  room_ = 0;
  PyErr_NoMemory();
  return false;
}

bool Outgoing::build(const Parts& parts) noexcept {
  PyObject* arrays = parts.arrays;
  const Py_ssize_t count = arrays == nullptr ? 0 : PyList_Size(arrays);
  if (count < 0) return false;
  if (parts.payload_bytes > kMaxPayloadBytes || static_cast<size_t>(count) > kMaxTensors) {
    raise(Status::kTooLarge);
    return false;
  }
  for (Py_ssize_t at = 0; at < count; ++at) {
    PyObject* array = PyList_GetItem(arrays, at);
    if (array == nullptr) return false;
    if (!PyArray_Check(array)) {
      raise_unsupported("%R is not a numpy array", array);
      return false;
    }
    Placed placed;
    if (!place_array(*channel_, reinterpret_cast<PyArrayObject*>(array), placed)) return false;
    placed_.push_back(placed);
  }
  if (!make_room(parts.payload_bytes)) return false;
  for (const Placed& placed : placed_) tensors_.push_back(add_tensor(placed));
  flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<wire::Tensor>>> tensors;
  if (count != 0) tensors = builder_.CreateVector(tensors_.data(), tensors_.size());
  flatbuffers::Offset<flatbuffers::Vector<uint8_t>> bytes_of;
  if (parts.payload != nullptr)
    bytes_of = builder_.CreateVector(static_cast<const uint8_t*>(parts.payload), parts.payload_bytes);
  const wire::Int64 elapsed = words(parts.elapsed_ns);
  wire::MessageBuilder message(builder_);
  message.add_kind(static_cast<wire::Kind>(parts.kind));
  message.add_id(parts.id);
  message.add_payload(bytes_of);
  message.add_tensors(tensors);
  if (parts.elapsed_ns != 0) message.add_elapsed(&elapsed);
  wire::FinishMessageBuffer(builder_, message.Finish());
  return true;
}

// Never blocks on a full ring without emptying its own: the other side may be waiting for room, too.
Status Outgoing::send(bool wait) noexcept {
  for (;;) {
    Status status = channel_->send(builder_.GetBufferPointer(), builder_.GetSize());
    if (status != Status::kFull || !wait) return status;
    Waiter waiter = channel_->waiter(Waiter::For::kRoom);  // waiting drains
    status = wait_without_gil(*channel_, waiter, -1);
    if (status == Status::kEmpty && PyErr_CheckSignals() != 0) return status;
    if (status != Status::kOk && status != Status::kEmpty) return status;
  }
}

void Outgoing::clear() noexcept {
  for (const Placed& placed : placed_) channel_->ledger().release(placed.slot);
  placed_.clear();
  tensors_.clear();
  builder_.Clear();
}

}  // namespace isthmus::python
