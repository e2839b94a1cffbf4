// Lets libFuzzer drive the one target that is linked with it.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "target.h"

using namespace isthmus::fuzz;

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

namespace isthmus::test {

// The tests' builders of channels and messages are used here too, and what they check holds as well.
void fail(const char* file, int line, const char* expression, const std::string&) { broken(file, line, expression); }

}  // namespace isthmus::test

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  std::atexit([] { std::fprintf(stderr, "stat::cpu_seconds: %.1f\n", double(std::clock()) / CLOCKS_PER_SEC); });
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  targets().front().run(data, size);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  Random random(seed);
  const MutateBytes bytes = [](uint8_t* from, size_t length, size_t limit, Random&) {
    return LLVMFuzzerMutate(from, length, limit);
  };
  return targets().front().mutate(data, size, most, random, bytes);
}
