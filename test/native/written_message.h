// Messages written for tests: right ones, and wrong ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ledger.h"
#include "core/verify.h"

namespace isthmus::test {

// Absent, or bytes along each axis.
struct Strides {
  Strides() = default;
  Strides(std::vector<int64_t> along_axes) : given(true), bytes(std::move(along_axes)) {}
  bool given = false;
  std::vector<int64_t> bytes;
};

struct WrittenTensor {
  Slot slot = 0;
  BlockName name{};  // only for a peer that writes the wire itself
  uint64_t offset = 0;
  wire::DType dtype{2, 32, 1, 0};  // float32
  std::vector<int64_t> shape;
  Strides strides;
};

class WrittenMessage {
 public:
  WrittenMessage(wire::Kind kind, uint32_t id, std::string_view payload,
                 const std::vector<WrittenTensor>& tensors = {}) {
    // First written, last in memory: behind the tensors.
    const auto bytes =
        has_payload(kind) ? builder_.CreateVector(reinterpret_cast<const uint8_t*>(payload.data()), payload.size()) : 0;
    std::vector<flatbuffers::Offset<wire::Tensor>> written;
    for (const WrittenTensor& tensor : tensors) {
      const auto shape = integers(tensor.shape);
      const auto strides = tensor.strides.given ? integers(tensor.strides.bytes) : 0;
      const wire::Place place(tensor.slot, 0, words(tensor.offset), words(tensor.name.arena), words(tensor.name.block),
                              words(tensor.name.length));
      written.push_back(wire::CreateTensor(builder_, &place, &tensor.dtype, shape, strides));
    }
    const auto list = tensors.empty() ? 0 : builder_.CreateVector(written);
    wire::MessageBuilder message(builder_);
    message.add_kind(kind);
    message.add_id(id);
    if (has_payload(kind)) message.add_payload(bytes);
    if (!tensors.empty()) message.add_tensors(list);
    wire::FinishMessageBuffer(builder_, message.Finish());
  }

  static WrittenMessage returns(const std::vector<LeaseReturn>& leases) {
    WrittenMessage written;
    std::vector<wire::Return> wired;
    for (const LeaseReturn& lease : leases) wired.emplace_back(words(lease.arena), words(lease.block), lease.count, 0);
    const auto list = written.builder_.CreateVectorOfStructs(wired);
    wire::MessageBuilder message(written.builder_);
    message.add_kind(wire::Kind::Return);
    message.add_returns(list);
    wire::FinishMessageBuffer(written.builder_, message.Finish());
    return written;
  }

  static WrittenMessage spill(const BlockName& name, uint64_t bytes) {
    WrittenMessage written;
    const wire::Place place(0, 0, words(0), words(name.arena), words(name.block), words(name.length));
    const wire::Int64 length = words(bytes);
    wire::MessageBuilder message(written.builder_);
    message.add_kind(wire::Kind::Spill);
    message.add_spill(&place);
    message.add_spilled_bytes(&length);
    wire::FinishMessageBuffer(written.builder_, message.Finish());
    return written;
  }

  // Arena or ArenaGone.
  static WrittenMessage arena(wire::Kind kind, uint64_t id) {
    WrittenMessage written;
    const wire::Int64 wired = words(id);
    wire::MessageBuilder message(written.builder_);
    message.add_kind(kind);
    message.add_arena(&wired);
    wire::FinishMessageBuffer(written.builder_, message.Finish());
    return written;
  }

  [[nodiscard]] uint8_t* data() const { return builder_.GetBufferPointer(); }
  [[nodiscard]] uint32_t size() const { return builder_.GetSize(); }
  [[nodiscard]] std::string_view text() const { return {reinterpret_cast<const char*>(data()), size()}; }
  [[nodiscard]] const wire::Tensor& tensor(uint32_t at) const { return *wire::GetMessage(data())->tensors()->Get(at); }

 private:
  WrittenMessage() = default;
  static bool has_payload(wire::Kind kind) {
    switch (kind) {
      case wire::Kind::Hello:
      case wire::Kind::Call:
      case wire::Kind::Stream:
      case wire::Kind::Create:
      case wire::Kind::Result:
      case wire::Kind::Error:
      case wire::Kind::Item:
      case wire::Kind::Credit:
      case wire::Kind::Progress:
      case wire::Kind::Log:
        return true;
      default:
        return false;
    }
  }
  flatbuffers::Offset<flatbuffers::Vector<const wire::Int64*>> integers(const std::vector<int64_t>& numbers) {
    std::vector<wire::Int64> wired;
    for (const int64_t number : numbers) wired.push_back(words(static_cast<uint64_t>(number)));
    return builder_.CreateVectorOfStructs(wired);
  }

  flatbuffers::FlatBufferBuilder builder_;
};

}  // namespace isthmus::test
