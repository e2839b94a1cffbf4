// The floor of anything that copies: one memcpy between two buffers that are both already touched.
// Usage: memcpy <bytes> <seconds>. Prints one copy in ns per line.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr size_t kMinCopies = 3;
constexpr size_t kMaxCopies = 200'000;

int64_t now_ns() { return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds{1}; }

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const size_t bytes = std::strtoull(argv[1], nullptr, 10);
  const double seconds = std::atof(argv[2]);
  const std::vector<unsigned char> from(bytes, 1);
  std::vector<unsigned char> to(bytes, 2);

  std::vector<int64_t> samples;
  std::memcpy(to.data(), from.data(), bytes);
  const int64_t end = now_ns() + static_cast<int64_t>(seconds * 1e9);
  while (samples.size() < kMinCopies || (now_ns() < end && samples.size() < kMaxCopies)) {
    to[bytes / 2] = 2;
    const int64_t start = now_ns();
    std::memcpy(to.data(), from.data(), bytes);
    asm volatile("" : : "r"(to.data()) : "memory");  // the copy is used, as far as the compiler can tell
    samples.push_back(now_ns() - start);
    if (to[bytes / 2] != 1) return 1;
  }
  for (const int64_t sample : samples) std::printf("%lld\n", static_cast<long long>(sample));
}
