// The operating system as the fuzzer has it: os.h almost without system calls. A channel is made in microseconds, what happens
// follows from the input alone, nothing ever blocks, and a call can be made to fail. Behind each segment lies memory that must
// not be touched, and a segment that nobody maps any more must not be touched either.
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "os/os.h"
#include "simulation.h"
#include "target.h"

namespace isthmus::os {

namespace {

using fuzz::simulation;

constexpr uint64_t kPage = 4096;
constexpr size_t kMostQueued = 8;  // datagrams in a socket
constexpr int kFirst = 1000;       // descriptors: no number that the real system gives

struct Memory {
  uint8_t* data;
  uint64_t bytes;
};

struct File;

struct Datagram {
  std::vector<uint8_t> bytes;
  std::vector<std::shared_ptr<File>> files;
};

// What a descriptor stands for: a segment, or an end of a pair of sockets, which an event is too.
struct File {
  std::shared_ptr<Memory> memory;
  bool notified = false;
  std::weak_ptr<File> peer;
  std::deque<Datagram> received;
  bool hung_up = false;
};

struct Mapping {
  std::shared_ptr<Memory> memory;
  uint32_t count = 0;
};

struct System {
  std::unordered_map<uint64_t, std::vector<uint8_t*>> unused;  // memory by its length, for the next segment
  std::unordered_map<void*, Mapping> mappings;
  std::vector<std::shared_ptr<File>> files;
  std::vector<int> free;  // descriptors
};

System& system() noexcept {
  static auto* all = new System;  // never destroyed: what a target keeps may be closed later
  return *all;
}

bool fails() noexcept {
  const bool now = simulation.fails_in != 0 && --simulation.fails_in == 0;
  simulation.has_failed |= now;
  return now;
}

std::shared_ptr<Memory> take_memory(uint64_t bytes) noexcept {
  const uint64_t length = (bytes + kPage - 1) / kPage * kPage;
  auto& unused = system().unused[length];
  if (unused.empty()) {
    void* made = mmap(nullptr, length + kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (made == MAP_FAILED) return nullptr;
    unused.push_back(static_cast<uint8_t*>(made));
  }
  uint8_t* data = unused.back();
  unused.pop_back();
  mprotect(data, length, PROT_READ | PROT_WRITE);
  return {new Memory{data, bytes}, [length](Memory* memory) {
            madvise(memory->data, length, MADV_DONTNEED);  // zeros, as a new segment has
            mprotect(memory->data, length, PROT_NONE);
            system().unused[length].push_back(memory->data);
            delete memory;
          }};
}

int add(std::shared_ptr<File> file) noexcept {
  auto& files = system().files;
  auto& free = system().free;
  if (free.empty()) {
    files.push_back(std::move(file));
    return kFirst + static_cast<int>(files.size()) - 1;
  }
  const int descriptor = free.back();
  free.pop_back();
  files[static_cast<size_t>(descriptor - kFirst)] = std::move(file);
  return descriptor;
}

std::shared_ptr<File> file_of(int descriptor) noexcept {
  const auto at = static_cast<size_t>(descriptor - kFirst);
  return descriptor >= kFirst && at < system().files.size() ? system().files[at] : nullptr;
}

bool is_cut(const File& socket) noexcept {
  const auto peer = socket.peer.lock();
  return socket.hung_up || peer == nullptr || peer->hung_up;
}

}  // namespace

// --- shared memory -----------------------------------------------------------------------------------

int create_segment(const char*, uint64_t bytes) noexcept {
  auto file = std::make_shared<File>();
  if (fails()) return -ENOMEM;
  file->memory = take_memory(bytes);
  return file->memory == nullptr ? -ENOMEM : add(std::move(file));
}

int64_t segment_bytes(int descriptor) noexcept {
  const auto file = file_of(descriptor);
  if (file == nullptr) return -EBADF;
  return file->memory == nullptr ? -EINVAL : static_cast<int64_t>(file->memory->bytes);
}

void* map_segment(int descriptor, uint64_t bytes) noexcept {
  const auto file = file_of(descriptor);
  MUST(file != nullptr && file->memory != nullptr && bytes <= file->memory->bytes);
  if (fails()) return nullptr;
  Mapping& mapping = system().mappings[file->memory->data];
  mapping.memory = file->memory;
  ++mapping.count;
  return file->memory->data;
}

bool isolate_mapping(void*, int, uint64_t) noexcept { return true; }

void unmap(void* address, uint64_t) noexcept {
  const auto found = system().mappings.find(address);
  MUST(found != system().mappings.end());
  if (--found->second.count == 0) system().mappings.erase(found);
}

bool punch_hole(int descriptor, uint64_t offset, uint64_t bytes) noexcept {
  const auto file = file_of(descriptor);
  if (file == nullptr) return false;
  MUST(file->memory != nullptr && offset % kPage == 0 && bytes % kPage == 0);
  MUST(offset <= file->memory->bytes && bytes <= file->memory->bytes - offset);
  return !fails() && madvise(file->memory->data + offset, bytes, MADV_DONTNEED) == 0;
}

bool populate(void*, uint64_t) noexcept { return !fails(); }

// --- waking ------------------------------------------------------------------------------------------

int socket_pair(int (&sockets)[2]) noexcept {
  if (fails()) return -EMFILE;
  auto first = std::make_shared<File>();
  auto second = std::make_shared<File>();
  first->peer = second;
  second->peer = first;
  sockets[0] = add(std::move(first));
  sockets[1] = add(std::move(second));
  return 0;
}

int event_pair(int (&ends)[2]) noexcept { return socket_pair(ends); }

void notify_event(int notifying_end) noexcept {
  const auto file = file_of(notifying_end);
  if (const auto peer = file == nullptr ? nullptr : file->peer.lock(); peer != nullptr) peer->notified = true;
}

bool clear_event(int event) noexcept {
  const auto file = file_of(event);
  if (file == nullptr) return true;
  file->notified = false;
  return !is_cut(*file);
}

// Nobody else runs meanwhile: what has not come when the wait begins does not come.
Wake wait_event(int event, int hangup, int, int64_t timeout_ns) noexcept {
  MUST(timeout_ns >= 0);
  const auto file = file_of(event);
  if (file != nullptr && (file->notified || is_cut(*file))) return Wake::kNotified;
  const auto socket = file_of(hangup);
  if (socket == nullptr || is_cut(*socket)) return Wake::kHungUp;
  return fails() ? Wake::kInterrupted : Wake::kTimeout;
}

Wake wait_word(std::atomic<uint32_t>& word, uint32_t value, int64_t timeout_ns) noexcept {
  MUST(timeout_ns >= 0);
  return word.load() != value ? Wake::kNotified : Wake::kTimeout;
}

void wake_word(std::atomic<uint32_t>&) noexcept {}

// --- other processes: there are none -----------------------------------------------------------------

int open_process(int64_t) noexcept { return -ESRCH; }

bool process_ending(int, int, Ending&) noexcept { return false; }

// --- control socket ----------------------------------------------------------------------------------

int64_t send_with_descriptors(int socket, const void* data, size_t bytes, const int* descriptors,
                              size_t count) noexcept {
  const auto file = file_of(socket);
  if (file == nullptr) return -EBADF;
  if (count > kMaxDescriptors || fails()) return -EINVAL;
  if (is_cut(*file)) return -EPIPE;
  const auto peer = file->peer.lock();
  if (peer->received.size() >= kMostQueued) return -EAGAIN;
  const auto* from = static_cast<const uint8_t*>(data);
  Datagram datagram{{from, from + bytes}, {}};
  for (size_t at = 0; at < count; ++at) {
    datagram.files.push_back(file_of(descriptors[at]));
    if (datagram.files.back() == nullptr) return -EBADF;
  }
  peer->received.push_back(std::move(datagram));
  return static_cast<int64_t>(bytes);
}

int64_t receive_with_descriptors(int socket, void* data, size_t bytes, int* descriptors, size_t* count,
                                 int64_t) noexcept {
  const size_t room = *count;
  *count = 0;
  const auto file = file_of(socket);
  if (file == nullptr) return -EBADF;
  if (fails()) return -ENOMEM;
  if (file->received.empty()) return is_cut(*file) ? 0 : -ETIMEDOUT;
  const Datagram datagram = std::move(file->received.front());
  file->received.pop_front();
  const size_t got = std::min(bytes, datagram.bytes.size());
  if (got != 0) std::memcpy(data, datagram.bytes.data(), got);
  for (const auto& carried : datagram.files)
    if (*count < room) descriptors[(*count)++] = add(carried);
  return static_cast<int64_t>(got);
}

void refuse_descriptors(int) noexcept {}

void hang_up(int socket) noexcept {
  if (const auto file = file_of(socket); file != nullptr) file->hung_up = true;
}

bool set_close_on_exec(int) noexcept { return true; }

int duplicate(int descriptor) noexcept {
  auto file = file_of(descriptor);
  return file == nullptr || fails() ? -EMFILE : add(std::move(file));
}

void close_descriptor(int descriptor) noexcept {
  if (descriptor < 0) return;
  MUST(file_of(descriptor) != nullptr);  // closed twice, it might be somebody else's
  system().files[static_cast<size_t>(descriptor - kFirst)] = nullptr;
  system().free.push_back(descriptor);
}

// --- the machine -------------------------------------------------------------------------------------

int64_t now_ns() noexcept { return simulation.now_ns += 1000; }

uint32_t usable_cpus() noexcept { return 1; }

uint64_t memory_bytes() noexcept { return uint64_t{1} << 30; }

uint64_t random_id() noexcept { return fuzz::Random(simulation.ids++).next() | 1; }

bool exit_when_closed(int, int) noexcept { return true; }

}  // namespace isthmus::os
