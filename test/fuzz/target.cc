#include "target.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace isthmus::fuzz {

namespace {

std::vector<Target>& registered() noexcept {
  static std::vector<Target> all;  // a function's static: registrations run before main, in no known order
  return all;
}

}  // namespace

Registration::Registration(const Target& target) { registered().push_back(target); }

const std::vector<Target>& targets() noexcept { return registered(); }

void broken(const char* file, int line, const char* claim) noexcept {
  std::fprintf(stderr, "%s:%d: this must hold: %s\n", file, line, claim);
  std::abort();
}

uint64_t boundary(Random& random) noexcept {
  switch (random.below(5)) {
    case 0:
      return random.below(4);
    case 1:
      return ~uint64_t{0} - random.below(16);
    case 2:
      return (uint64_t{1} << random.below(64)) + random.below(3) - 1;
    case 3:
      return random.below(4096);
    default:
      return random.next();
  }
}

size_t mutate_plainly(uint8_t* data, size_t size, size_t most, Random& random) noexcept {
  if (size == 0 || (size < most && random.below(8) == 0)) {
    if (most == 0) return 0;
    const size_t at = random.below(size + 1);
    std::memmove(data + at + 1, data + at, size - at);
    data[at] = static_cast<uint8_t>(random.next());
    return size + 1;
  }
  const size_t at = random.below(size);
  if (random.below(8) == 0) {
    const size_t gone = 1 + random.below(std::min<size_t>(size - at, 16));
    std::memmove(data + at, data + at + gone, size - at - gone);
    return size - gone;
  }
  const uint64_t number = boundary(random);
  std::memcpy(data + at, &number, std::min(size - at, size_t{1} << random.below(4)));
  return size;
}

}  // namespace isthmus::fuzz
