// The fuzzer's targets without the fuzzer: every committed input, every input that once broke something, and a few thousand
// random ones that are the same each time. On the real operating system, where the fuzzer itself has a simulated one.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "../fuzz/target.h"
#include "run.h"

namespace fs = std::filesystem;
using isthmus::fuzz::mutate_plainly;
using isthmus::fuzz::Random;
using isthmus::fuzz::Target;
using isthmus::fuzz::targets;
using isthmus::test::deadline;

namespace {

constexpr size_t kMostBytes = 1024;
constexpr int kRandomInputs = 1500;

// In the order of their names, so that a run is like the one before.
std::vector<fs::path> files_of(const char* kind, const Target& target) {
  std::vector<fs::path> files;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(fs::path("test/fuzz") / kind / target.name, absent))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<uint8_t> bytes_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// The input that is running: where it ends the process, it is kept, and can be put among the crashes.
const Target* running = nullptr;
std::vector<uint8_t> input;

void keep_input(int number) {
  const int file = open("build/fuzz-input", O_CREAT | O_TRUNC | O_WRONLY, 0666);
  [[maybe_unused]] ssize_t written = write(file, input.data(), input.size());
  for (const char* text : {"    broken by build/fuzz-input, target ", running->name, "\n"})
    written = write(2, text, std::strlen(text));
  raise(number);
}

// One target's writer is another process by right, which the thread sanitizer cannot know: it would report every byte.
#ifdef __SANITIZE_THREAD__
constexpr const char* kLeftOut = "race";
#else
constexpr const char* kLeftOut = "";
#endif

void run(const Target& target, std::vector<uint8_t> bytes) {
  if (std::strcmp(target.name, kLeftOut) == 0) return;
  running = &target;
  input = std::move(bytes);
  target.run(input.data(), input.size());
}

void begin() {
  deadline(300);
  struct sigaction action{};
  action.sa_handler = keep_input;
  action.sa_flags = SA_RESETHAND;
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    struct sigaction before{};
    sigaction(number, nullptr, &before);
    if (before.sa_handler == SIG_DFL) sigaction(number, &action, nullptr);  // otherwise it is a sanitizer's
  }
}

void replay(const char* kind) {
  begin();
  for (const Target& target : targets())
    for (const fs::path& file : files_of(kind, target)) run(target, bytes_of(file));
}

}  // namespace

TEST("every input that once broke something is harmless") { replay("crashes"); }

TEST("every input of the corpus is harmless") {
  CHECK(targets().size() >= 6);
  for (const Target& target : targets()) CHECK(!files_of("corpus", target).empty());
  replay("corpus");
}

TEST("random programmes, and mutations of the corpus, are harmless") {
  begin();
  for (const Target& target : targets()) {
    std::vector<std::vector<uint8_t>> pool{{}};
    for (const fs::path& file : files_of("corpus", target)) pool.push_back(bytes_of(file));
    Random random(2026);
    for (int round = 0; round < kRandomInputs; ++round) {
      std::vector<uint8_t> bytes = pool[random.below(pool.size())];
      size_t size = std::min(bytes.size(), kMostBytes);
      bytes.resize(kMostBytes);
      for (size_t left = 1 + random.below(4); left != 0; --left)
        size = target.mutate(bytes.data(), size, kMostBytes, random, mutate_plainly);
      bytes.resize(size);
      run(target, bytes);
      if (random.below(16) == 0) pool.push_back(std::move(bytes));
    }
  }
}
