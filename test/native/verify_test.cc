// What is accepted of a message, before anyone trusts it.
#include "core/verify.h"

#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "run.h"
#include "written_message.h"

using namespace isthmus;
using isthmus::test::Strides;
using isthmus::test::WrittenMessage;
using isthmus::test::WrittenTensor;
using wire::Kind;

namespace {

bool fits(uint64_t block_bytes, std::vector<int64_t> shape, Strides strides = {}, uint64_t offset = 0,
          wire::DType dtype = {2, 32, 1, 0}) {
  WrittenTensor tensor;
  tensor.offset = offset;
  tensor.dtype = dtype;
  tensor.shape = std::move(shape);
  tensor.strides = std::move(strides);
  const WrittenMessage message(Kind::Call, 1, "", {tensor});
  return verify_message(message.data(), message.size()) && fits_block(message.tensor(0), block_bytes);
}

bool known(uint8_t code, uint8_t bits, uint8_t lanes = 1, uint8_t unit = 0) {
  uint32_t itemsize = 0;
  return known_dtype(wire::DType(code, bits, lanes, unit), itemsize) && itemsize == bits / 8u;
}

// A private copy of exactly its size, so that a sanitizer sees a byte too many.
struct Copy {
  explicit Copy(std::string_view from) : bytes(static_cast<uint8_t*>(std::malloc(from.size()))), size(from.size()) {
    std::memcpy(bytes, from.data(), size);
  }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  ~Copy() { std::free(bytes); }
  uint8_t* bytes;
  size_t size;
};

// Reads everything there is to read in a message that was found good; true if all its tensors fit `block_bytes`.
bool read_all(const uint8_t* bytes, uint64_t block_bytes, uint64_t& sum) {
  const wire::Message* message = wire::GetMessage(bytes);
  sum += message->id();
  if (message->payload() != nullptr)
    for (const uint8_t byte : *message->payload()) sum += byte;
  if (message->returns() != nullptr)
    for (const wire::Return* each : *message->returns()) sum += value(each->arena()) + each->count();
  if (message->spill() != nullptr) sum += value(message->spill()->block());
  if (message->tensors() == nullptr) return true;
  for (const wire::Tensor* tensor : *message->tensors()) {
    if (!fits_block(*tensor, block_bytes)) return false;
    sum += tensor_bytes(*tensor) + tensor->place()->slot();
  }
  return true;
}

// Independent of fits_block: the lowest and the highest byte that any element touches, in 128 bits.
bool inside(const wire::Tensor& tensor, uint64_t block_bytes) {
  const uint32_t axes = tensor.shape() == nullptr ? 0 : tensor.shape()->size();
  __int128 low = value(tensor.place()->offset());
  __int128 high = low;
  __int128 packed = tensor.dtype()->bits() / 8;
  for (uint32_t axis = axes; axis-- > 0;) {
    const auto length = static_cast<int64_t>(value(*tensor.shape()->Get(axis)));
    if (length == 0) return true;
    const __int128 stride =
        tensor.strides() == nullptr ? packed : static_cast<int64_t>(value(*tensor.strides()->Get(axis)));
    (stride < 0 ? low : high) += stride * (length - 1);
    packed *= length;
  }
  return low >= 0 && high + tensor.dtype()->bits() / 8 <= block_bytes;
}

}  // namespace

TEST("64 bits survive being written as two words") {
  for (const uint64_t number :
       {uint64_t{0}, uint64_t{1}, uint64_t{UINT32_MAX}, uint64_t{1} << 32, uint64_t{1} << 63, UINT64_MAX})
    CHECK_EQ(value(words(number)), number);
}

TEST("the known dtypes are those of the table, and no others") {
  int count = 0;
  for (int code = 0; code < 256; ++code)
    for (int bits = 0; bits < 256; ++bits)
      count += known(static_cast<uint8_t>(code), static_cast<uint8_t>(bits)) ? 1 : 0;
  CHECK_EQ(count, 4 + 4 + 3 + 1 + 2 + 1 + 2);
  CHECK(known(0, 8) && known(1, 64) && known(2, 16) && known(4, 16) && known(5, 128) && known(6, 8));
  CHECK(!known(2, 8) && !known(2, 128) && !known(5, 32) && !known(6, 1) && !known(3, 64) && !known(0, 7));
  CHECK(!known(2, 32, 0) && !known(2, 32, 2));
}

TEST("a unit belongs to datetime64 and timedelta64 only, and is one of numpy's") {
  CHECK(known(128, 64, 1, 0) && known(128, 64, 1, 10) && known(129, 64, 1, 14));
  CHECK(!known(128, 64, 1, 3) && !known(128, 64, 1, 15) && !known(129, 64, 1, 255) && !known(128, 32, 1, 10));
  CHECK(!known(2, 32, 1, 10));
}

TEST("a tensor that fills its block fits; one byte less does not hold it") {
  CHECK(fits(24, {2, 3}));
  CHECK(!fits(23, {2, 3}));
  CHECK(fits(28, {2, 3}, {}, 4));
  CHECK(!fits(27, {2, 3}, {}, 4));
  CHECK(fits(24, {2, 3}, Strides{{12, 4}}));
  CHECK(fits(24, {3, 2}, Strides{{4, 12}}));   // transposed
  CHECK(!fits(24, {2, 3}, Strides{{16, 4}}));  // a gap
}

TEST("a tensor without axes is one element") {
  CHECK(fits(4, {}));
  CHECK(!fits(3, {}));
  CHECK(fits(8, {}, {}, 4));
  CHECK(!fits(8, {}, {}, 5));
}

TEST("an empty tensor needs no bytes, but a place") {
  CHECK(fits(0, {0}));
  CHECK(fits(64, {5, 0, 3}, {}, 64));
  CHECK(!fits(64, {0}, {}, 65));
  CHECK(fits(64, {INT64_MAX, 0}, Strides{{INT64_MAX, INT64_MIN}}, 0, {0, 8, 1, 0}));
  CHECK(!fits(64, {0, -1}));
}

TEST("negative strides fit when the first element is far enough in") {
  CHECK(fits(24, {6}, Strides{{-4}}, 20));
  CHECK(!fits(24, {6}, Strides{{-4}}, 16));
  CHECK(!fits(24, {6}, Strides{{-4}}, 24));
  CHECK(fits(24, {2, 3}, Strides{{12, -4}}, 8));
  CHECK(!fits(24, {2, 3}, Strides{{12, -4}}, 12));
}

TEST("zero strides repeat one element") {
  CHECK(fits(4, {1000}, Strides{{0}}));
  CHECK(!fits(3, {1000}, Strides{{0}}));
}

TEST("an axis of one element may have any stride") {
  CHECK(fits(4, {1}, Strides{{INT64_MAX}}));
  CHECK(fits(4, {1, 1}, Strides{{INT64_MIN, -1}}));
}

TEST("negative lengths, unequal axes and too many axes are refused") {
  CHECK(!fits(64, {-1}));
  CHECK(!fits(64, {INT64_MIN}));
  CHECK(!fits(64, {2, -2}));
  CHECK(!fits(64, {2, 2}, Strides{{4}}));
  CHECK(!fits(64, {2}, Strides{{4, 4}}));
  CHECK(!fits(64, {}, Strides{{4}}));
  CHECK(fits(64, std::vector<int64_t>(64, 1)));
  CHECK(!fits(64, std::vector<int64_t>(65, 1)));
}

TEST("products and sums that overflow are refused") {
  CHECK(!fits(64, {INT64_MAX}));
  CHECK(!fits(64, {int64_t{1} << 62}));  // times four: 2^64, that is 0
  CHECK(!fits(64, {int64_t{1} << 32, int64_t{1} << 32}));
  CHECK(!fits(64, {int64_t{1} << 31, int64_t{1} << 31}, Strides{{1, int64_t{1} << 33}}));
  CHECK(!fits(64, {3}, Strides{{INT64_MAX}}));
  CHECK(!fits(64, {3}, Strides{{INT64_MIN}}));
  CHECK(!fits(64, {2, 2}, Strides{{INT64_MAX, INT64_MAX}}));
  CHECK(!fits(64, {2, 2}, Strides{{INT64_MIN, INT64_MIN}}, 32));
  CHECK(!fits(64, {2, 2}, Strides{{INT64_MIN, INT64_MAX}}, 32));
  CHECK(!fits(UINT64_MAX, {2}, Strides{{INT64_MIN}}, uint64_t{1} << 63));
  CHECK(!fits(UINT64_MAX, {2}, {}, UINT64_MAX));
}

TEST("each kind has the fields it needs and no tensors where they have no business") {
  for (const Kind kind :
       {Kind::Hello, Kind::Call, Kind::Result, Kind::Error, Kind::Cancel, Kind::Pressure, Kind::Goodbye, Kind::Stream,
        Kind::Create, Kind::Item, Kind::Credit, Kind::Progress, Kind::Log, Kind::Interrupt, Kind::Drop}) {
    const WrittenMessage message(kind, 1, "");
    CHECK(verify_message(message.data(), message.size()));
  }
  WrittenTensor tensor;
  for (const Kind kind : {Kind::Cancel, Kind::Pressure, Kind::Goodbye, Kind::Return, Kind::Spill, Kind::Credit,
                          Kind::Progress, Kind::Log, Kind::Interrupt, Kind::Drop, Kind::Arena, Kind::ArenaGone}) {
    const WrittenMessage message(kind, 1, "", {tensor});
    CHECK(!verify_message(message.data(), message.size()));
  }
  for (const Kind kind : {Kind::None, Kind::Return, Kind::Spill, Kind::Arena, Kind::ArenaGone, static_cast<Kind>(21),
                          static_cast<Kind>(255)}) {
    const WrittenMessage message(kind, 1, "");
    CHECK(!verify_message(message.data(), message.size()));
  }
  flatbuffers::FlatBufferBuilder builder;  // a call without payload
  wire::MessageBuilder call(builder);
  call.add_kind(Kind::Call);
  wire::FinishMessageBuffer(builder, call.Finish());
  CHECK(!verify_message(builder.GetBufferPointer(), builder.GetSize()));
}

TEST("no bytes, few bytes, and every shortened message are refused or still whole") {
  CHECK(!verify_message(reinterpret_cast<const uint8_t*>(""), 0));
  WrittenTensor tensor;
  tensor.shape = {2, 3};
  const WrittenMessage message(Kind::Call, 7, "payload", {tensor, tensor});
  uint64_t sum = 0;
  for (uint32_t bytes = 0; bytes < message.size(); ++bytes) {
    const Copy copy(message.text().substr(0, bytes));
    if (verify_message(copy.bytes, bytes)) read_all(copy.bytes, 64, sum);
  }
  CHECK(sum != UINT64_MAX);
}

TEST("every bit of a valid message flipped: refused, or readable with every element inside its block") {
  WrittenTensor plain;
  plain.shape = {2, 3};
  WrittenTensor strided;
  strided.shape = {3, 2, 1};
  strided.strides = Strides{{4, 12, -8}};
  strided.offset = 8;
  const WrittenMessage messages[] = {WrittenMessage(Kind::Call, 7, "payload of some bytes", {plain, strided}),
                                     WrittenMessage(Kind::Result, 9, "", {plain}),
                                     WrittenMessage::returns({{1, 64, 1}, {2, 128, 3}}),
                                     WrittenMessage::spill({1, 64, 4096}, 4000)};
  uint64_t sum = 0;
  int accepted = 0;
  for (const WrittenMessage& message : messages) {
    const Copy copy(message.text());
    for (size_t bit = 0; bit < copy.size * 8; ++bit) {
      const auto flip = static_cast<uint8_t>(1u << bit % 8);
      copy.bytes[bit / 8] ^= flip;
      if (verify_message(copy.bytes, static_cast<uint32_t>(copy.size)) && read_all(copy.bytes, 64, sum)) {
        ++accepted;
        const auto* tensors = wire::GetMessage(copy.bytes)->tensors();
        for (uint32_t at = 0; tensors != nullptr && at < tensors->size(); ++at) REQUIRE(inside(*tensors->Get(at), 64));
      }
      copy.bytes[bit / 8] ^= flip;
    }
  }
  CHECK(accepted > 0);
}

TEST("random words anywhere in a valid message: refused, or readable with every element inside its block") {
  WrittenTensor tensor;
  tensor.shape = {2, 3};
  tensor.strides = Strides{{12, 4}};
  const WrittenMessage message(Kind::Call, 7, "payload", {tensor, tensor});
  uint64_t state = 88172645463325252u;
  const auto random = [&state] {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
  };
  uint64_t sum = 0;
  for (int round = 0; round < 200'000; ++round) {
    const Copy copy(message.text());
    for (uint64_t change = 0, changes = 1 + random() % 3; change < changes; ++change) {
      const uint64_t odd[] = {0, 1, 4, 8, 64, copy.size, 0x7fffffff, 0x80000000, 0xffffffff, random(), random() % 256};
      const auto word = static_cast<uint32_t>(odd[random() % std::size(odd)]);
      std::memcpy(copy.bytes + random() % (copy.size / 4) * 4, &word, sizeof word);
    }
    if (!verify_message(copy.bytes, static_cast<uint32_t>(copy.size)) || !read_all(copy.bytes, 64, sum)) continue;
    const auto* tensors = wire::GetMessage(copy.bytes)->tensors();
    for (uint32_t at = 0; tensors != nullptr && at < tensors->size(); ++at) REQUIRE(inside(*tensors->Get(at), 64));
  }
}
