// Changes the payload of an input value by value, so that most of what comes of it is MessagePack.
#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

#include "decoder_input.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t room);

namespace isthmus::decoder {

namespace {

using namespace std::string_view_literals;

// Values at the edges of what is allowed, and beyond them.
constexpr std::string_view kValues[] = {
    "\xc0"sv,
    "\xc3"sv,
    "\x00"sv,
    "\xff"sv,
    "\xa0"sv,
    "\x90"sv,
    "\x80"sv,
    "\xc1"sv,
    "\xcb\x7f\xf8\0\0\0\0\0\0"sv,
    "\xcb\x80\0\0\0\0\0\0\0"sv,
    "\xca\xff\x80\0\0"sv,
    "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"sv,
    "\xd3\x80\0\0\0\0\0\0\0"sv,
    "\xa4"
    "echo"sv,
    "\xa5"
    "count"sv,
    "\xa3"
    "Box"sv,
    "\xa5"
    "total"sv,
    "\x92\x01\xa3"
    "get"sv,
    "\xa4"
    "each"sv,
    "\xa4"
    "into"sv,
    "\xa6"
    "window"sv,
    "\xa9"
    "__proto__"sv,
    "\x81\xa4"
    "each\xc3"sv,
    "\x81\xa4"
    "into\xd6\x01\0\0\0\0"sv,
    "\x81\xa6"
    "window\xcb\x7f\xf0\0\0\0\0\0\0"sv,
    "\xa1\x80"sv,
    "\xa3\xed\xa0\x80"sv,
    "\xa4\xf4\x90\x80\x80"sv,
    "\xdb\xff\xff\xff\xff"sv,
    "\xc6\xff\xff\xff\xff"sv,
    "\xdd\xff\xff\xff\xff"sv,
    "\xdf\xff\xff\xff\xff"sv,
    "\xc9\xff\xff\xff\xff\x01"sv,
    "\xdd\x7f\xff\xff\xff\xc0"sv,
    "\xd6\x01\0\0\0\0"sv,
    "\xd6\x01\0\0\0\1"sv,
    "\xd6\x01\xff\xff\xff\xff"sv,
    "\xd4\x01\0"sv,
    "\xc7\0\x01"sv,
    "\xc7\0\x02"sv,
    "\xc7\x09\x02\x01\0\0\0\0\0\0\0\0"sv,
    "\xc7\x09\x02\xfe\0\0\0\0\0\0\0\0"sv,
    "\xd6\x03\0\0\0\1"sv,
    "\xd4\x03\1"sv,
    "\xd6\x04\0\0\0\1"sv,
    "\xd8\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"sv,
    "\xd6\x05\0\0\0\1"sv,
    "\xc7\0\x05"sv,
    "\xd6\x06\0\0\0\1"sv,
    "\xd6\xff\x5f\0\0\0"sv,
    "\xd7\xff\xff\xff\xff\xff\0\0\0\0"sv,
    "\xc7\x0c\xff\0\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"sv,
    "\xc7\x0c\xff\x3b\x9a\xc9\xff\xff\xff\xff\xf1\x88\x6e\x09\0"sv,
    "\xd5\xff\0\0"sv,
    "\x81\x90\xc0"sv,
    "\x81\x80\xc0"sv,
    "\x81\xc4\1x\xc0"sv,
    "\x81\xd6\x01\0\0\0\0\xc0"sv,
    "\x82\xa1"
    "a\1\xa1"
    "a\2"sv,
};

// The end of the value at `at`, and of all that it holds; npos if it does not end. Notes where each of them starts.
class Walk {
 public:
  struct Value {
    size_t start;
    size_t end;
  };
  explicit Walk(std::string_view bytes) : bytes_(bytes) {
    while (at_ < bytes_.size() && value(0)) {
    }
  }
  std::vector<Value> values;

 private:
  uint64_t number(size_t width) {
    uint64_t read = 0;
    for (; width != 0; --width) read = read << 8 | (at_ < bytes_.size() ? static_cast<uint8_t>(bytes_[at_++]) : 0xff);
    return read;
  }
  bool skip(uint64_t length) {
    if (length > bytes_.size() - at_) return false;
    at_ += length;
    return true;
  }
  bool all(uint64_t count, int depth) {
    for (; count != 0; --count)
      if (!value(depth + 1)) return false;
    return true;
  }
  bool value(int depth) {
    if (at_ >= bytes_.size() || depth > 200) return false;
    const size_t start = at_;
    if (!body(static_cast<uint8_t>(bytes_[at_++]), depth)) return false;
    values.push_back({start, at_});
    return true;
  }
  bool body(uint8_t token, int depth) {
    if (token < 0x80 || token >= 0xe0) return true;
    if (token < 0x90) return all((token & 15u) * 2u, depth);
    if (token < 0xa0) return all(token & 15u, depth);
    if (token < 0xc0) return skip(token & 31u);
    switch (token) {
      case 0xc4:
      case 0xd9:
        return skip(number(1));
      case 0xc5:
      case 0xda:
        return skip(number(2));
      case 0xc6:
      case 0xdb:
        return skip(number(4));
      case 0xc7:
        return skip(number(1) + 1);
      case 0xc8:
        return skip(number(2) + 1);
      case 0xc9:
        return skip(number(4) + 1);
      case 0xcc:
      case 0xd0:
        return skip(1);
      case 0xcd:
      case 0xd1:
        return skip(2);
      case 0xca:
      case 0xce:
      case 0xd2:
        return skip(4);
      case 0xcb:
      case 0xcf:
      case 0xd3:
        return skip(8);
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return skip((1u << (token - 0xd4)) + 1);
      case 0xdc:
        return all(number(2), depth);
      case 0xdd:
        return all(number(4), depth);
      case 0xde:
        return all(number(2) * 2, depth);
      case 0xdf:
        return all(number(4) * 2, depth);
      default:
        return token != 0xc1;
    }
  }
  std::string_view bytes_;
  size_t at_ = 0;
};

std::string nested(std::string_view value, unsigned int levels) {
  std::string list(levels, '\x91');
  return list.append(value);
}

}  // namespace

size_t mutate(uint8_t* input, size_t size, size_t room, unsigned int seed) {
  std::minstd_rand random(seed);
  const auto below = [&random](size_t end) { return static_cast<size_t>(random() % end); };
  const size_t start = payload_at(input, size);
  const std::string_view payload(reinterpret_cast<const char*>(input) + start, size - start);
  const Walk walk(payload);
  if (size < 4 || walk.values.empty() || below(4) == 0) return LLVMFuzzerMutate(input, size, room);
  const Walk::Value there = walk.values[below(walk.values.size())];
  const Walk::Value other = walk.values[below(walk.values.size())];
  const std::string_view own = payload.substr(there.start, there.end - there.start);
  std::string instead;
  switch (below(6)) {
    case 0:
      instead = payload.substr(other.start, other.end - other.start);
      break;
    case 1:
      instead = nested(own, 1u << below(12));
      break;
    case 2:  // twice in a list of two
      instead = std::string("\x92").append(own).append(own);
      break;
    case 3:
      instead = std::string("\x81\xa1k").append(own);
      break;
    default:
      instead = kValues[below(std::size(kValues))];
  }
  const std::string rest(payload.substr(there.end));
  if (start + there.start + instead.size() + rest.size() > room) return LLVMFuzzerMutate(input, size, room);
  uint8_t* to = std::copy(instead.begin(), instead.end(), input + start + there.start);
  to = std::copy(rest.begin(), rest.end(), to);
  return static_cast<size_t>(to - input);
}

}  // namespace isthmus::decoder
