#include "decoder_input.h"

#include <cstring>

#include "written_message.h"

namespace isthmus::decoder {

namespace {

using test::WrittenMessage;
using test::WrittenTensor;

constexpr uint64_t kBlockBytes = 4096;
constexpr uint8_t kMessage = 2;  // in the first byte
constexpr uint8_t kStrided = 64;

constexpr wire::Kind kKinds[] = {wire::Kind::Call,   wire::Kind::Stream,    wire::Kind::Create, wire::Kind::Credit,
                                 wire::Kind::Result, wire::Kind::Error,     wire::Kind::Drop,   wire::Kind::Cancel,
                                 wire::Kind::Hello,  wire::Kind::Interrupt, wire::Kind::Item,   wire::Kind::Goodbye};

// Bytes from the input; 1 behind its end, which is the length of an axis that does no harm.
class Cursor {
 public:
  Cursor(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  uint8_t next() { return at_ < size_ ? data_[at_++] : 1; }
  [[nodiscard]] size_t at() const { return at_; }

 private:
  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
};

int64_t length_of(uint8_t choice) {
  constexpr int64_t kHard[] = {1 << 20, 1ll << 31, (1ll << 32) - 1, 1ll << 40, (1ll << 61) - 1, INT64_MAX, -1};
  constexpr uint8_t kFirstHard = 256 - sizeof kHard / sizeof *kHard;
  return choice < kFirstHard ? choice % 9 : kHard[choice - kFirstHard];
}

wire::DType dtype_of(uint8_t choice) {
  constexpr uint8_t kKnown[][2] = {{0, 8},  {0, 16}, {0, 32}, {0, 64}, {1, 8},  {1, 16},  {1, 32},   {1, 64},
                                   {2, 16}, {2, 32}, {2, 64}, {4, 16}, {5, 64}, {5, 128}, {128, 64}, {129, 64}};
  const auto [code, bits] = kKnown[choice % 16];
  if (choice >= 248) return wire::DType(6, 8, 1, 0);
  return wire::DType(code, bits, 1, code >= 128 ? static_cast<uint8_t>(choice / 16 % 15) : 0);
}

WrittenTensor tensor_of(Cursor& input, uint64_t arena) {
  WrittenTensor tensor;
  tensor.dtype = dtype_of(input.next());
  const uint8_t axes = input.next();
  tensor.offset = uint64_t{input.next()} * 4;
  tensor.name = BlockName{arena, input.next() % 16 * kBlockBytes, kBlockBytes};
  std::vector<int64_t> strides;
  for (int left = axes % kStrided; left != 0; --left) {
    tensor.shape.push_back(length_of(input.next()));
    if ((axes & kStrided) != 0) strides.push_back(static_cast<int8_t>(input.next()));
  }
  if ((axes & kStrided) != 0) tensor.strides = test::Strides(strides);
  return tensor;
}

// Goes past everything in front of the payload.
Cursor read_head(const uint8_t* input, size_t size, uint64_t arena, std::vector<WrittenTensor>& tensors) {
  Cursor cursor(input, size);
  for (int at = 0; at < 3; ++at) (void)cursor.next();
  for (int left = cursor.next() % 4; left != 0; --left) tensors.push_back(tensor_of(cursor, arena));
  return cursor;
}

}  // namespace

std::vector<uint8_t> message_of(const uint8_t* input, size_t size, uint64_t arena) {
  if (size != 0 && (input[0] & kMessage) != 0) return {input + 1, input + size};
  std::vector<WrittenTensor> tensors;
  const size_t start = read_head(input, size, arena, tensors).at();
  const wire::Kind kind = size > 1 ? kKinds[input[1] % std::size(kKinds)] : wire::Kind::Call;
  const std::string_view payload(reinterpret_cast<const char*>(input) + start, size - start);
  const WrittenMessage written(kind, size > 2 ? input[2] : 1, payload, tensors);
  return {written.data(), written.data() + written.size()};
}

size_t payload_at(const uint8_t* input, size_t size) {
  std::vector<WrittenTensor> tensors;
  return read_head(input, size, 0, tensors).at();
}

}  // namespace isthmus::decoder
