#include "ops.h"

#include <algorithm>
#include <cstring>

namespace isthmus::fuzz {

namespace {

Op random_op(Random& random, uint8_t codes) noexcept {
  Op op{};
  op.code = static_cast<uint8_t>(random.below(codes));
  op.a = static_cast<uint8_t>(random.below(2) == 0 ? random.below(8) : random.next());
  op.b = static_cast<uint16_t>(boundary(random));
  op.c = static_cast<uint32_t>(boundary(random));
  op.x = boundary(random);
  return op;
}

void change_field(Op& op, Random& random, uint8_t codes) noexcept {
  switch (random.below(5)) {
    case 0:
      op.code = static_cast<uint8_t>(random.below(codes));
      break;
    case 1:
      op.a = static_cast<uint8_t>(random.below(2) == 0 ? op.a ^ 1u << random.below(8) : boundary(random));
      break;
    case 2:
      op.b = static_cast<uint16_t>(random.below(2) == 0 ? op.b ^ 1u << random.below(16) : boundary(random));
      break;
    case 3:
      op.c = static_cast<uint32_t>(random.below(2) == 0 ? op.c + random.below(9) - 4 : boundary(random));
      break;
    default:
      op.x = random.below(2) == 0 ? op.x + random.below(17) - 8 : boundary(random);
  }
}

}  // namespace

bool Program::next(Op& out, uint8_t codes) noexcept {
  if (left_ == 0) return false;
  std::memcpy(&out, data_, sizeof out);
  out.code = static_cast<uint8_t>(out.code % codes);
  data_ += sizeof out;
  --left_;
  return true;
}

size_t mutate_ops(uint8_t* data, size_t size, size_t most, Random& random, uint8_t codes, MutateBytes bytes) noexcept {
  const size_t count = size / sizeof(Op);
  const size_t room = most / sizeof(Op);
  if (room == 0 || (count != 0 && random.below(16) == 0)) return bytes(data, size, most, random);
  std::vector<Op> ops(count);
  if (count != 0) std::memcpy(ops.data(), data, count * sizeof(Op));
  const auto any = [&](size_t end) { return ops.begin() + static_cast<std::ptrdiff_t>(random.below(end)); };
  for (size_t left = 1 + random.below(4); left != 0; --left) {
    const size_t choice = ops.empty() ? 0 : random.below(8);
    if (choice <= 1) {  // a few, because most states take several to reach
      for (size_t more = 1 + random.below(4); more != 0; --more)
        ops.insert(any(ops.size() + 1), random_op(random, codes));
    } else if (choice == 2) {
      ops.erase(any(ops.size()));
    } else if (choice == 3) {  // doubles a run of them
      const size_t from = random.below(ops.size());
      const size_t run = 1 + random.below(std::min<size_t>(ops.size() - from, 8));
      const std::vector<Op> copy(ops.begin() + static_cast<std::ptrdiff_t>(from),
                                 ops.begin() + static_cast<std::ptrdiff_t>(from + run));
      ops.insert(any(ops.size() + 1), copy.begin(), copy.end());
    } else if (choice == 4) {
      std::iter_swap(any(ops.size()), any(ops.size()));
    } else {
      change_field(*any(ops.size()), random, codes);
    }
  }
  if (ops.size() > room) ops.resize(room);
  if (!ops.empty()) std::memcpy(data, ops.data(), ops.size() * sizeof(Op));
  return ops.size() * sizeof(Op);
}

}  // namespace isthmus::fuzz
