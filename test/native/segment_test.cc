// Segments: sealed, anonymous, sparse, and gone with their last user.
#include "core/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "os/os.h"
#include "process.h"
#include "run.h"

using namespace isthmus;
using isthmus::test::Process;

namespace {

uint64_t touched_bytes(int descriptor) {
  struct stat status{};
  fstat(descriptor, &status);
  return static_cast<uint64_t>(status.st_blocks) * 512;
}

bool is_open(int descriptor) { return fcntl(descriptor, F_GETFD) >= 0; }

}  // namespace

TEST("a new segment is as long as asked, reads as zeros, and costs nothing until it is touched") {
  Segment segment;
  REQUIRE_EQ(Segment::create("t", 1ull << 34, segment), Status::kOk);
  CHECK_EQ(segment.bytes(), 1ull << 34);
  CHECK_EQ(touched_bytes(segment.descriptor()), 0u);
  CHECK_EQ(segment.data()[(1ull << 34) - 1], 0);
  segment.data()[12345] = 7;
  CHECK(touched_bytes(segment.descriptor()) >= 4096);
  CHECK((fcntl(segment.descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST("nobody can resize a segment, so nobody can make the other process fault") {
  Segment segment;
  REQUIRE_EQ(Segment::create("t", 1 << 20, segment), Status::kOk);
  CHECK_EQ(ftruncate(segment.descriptor(), 0), -1);
  CHECK_EQ(ftruncate(segment.descriptor(), 1 << 21), -1);
  CHECK_EQ(fcntl(segment.descriptor(), F_ADD_SEALS, F_SEAL_WRITE), -1);
}

TEST("a punched hole gives its pages back and reads as zeros") {
  Segment segment;
  REQUIRE_EQ(Segment::create("t", 1 << 20, segment), Status::kOk);
  std::memset(segment.data(), 1, 1 << 20);
  const uint64_t before = touched_bytes(segment.descriptor());
  CHECK(os::punch_hole(segment.descriptor(), 4096, 1 << 19));
  CHECK_EQ(before - touched_bytes(segment.descriptor()), 1u << 19);
  CHECK_EQ(segment.data()[4095], 1);
  CHECK_EQ(segment.data()[4096], 0);
  CHECK_EQ(segment.data()[4096 + (1 << 19) - 1], 0);
  CHECK_EQ(segment.data()[4096 + (1 << 19)], 1);
}

TEST("populated pages exist and still read as zeros") {
  Segment segment;
  REQUIRE_EQ(Segment::create("t", 1 << 20, segment), Status::kOk);
  CHECK(os::populate(segment.data(), 1 << 19));
  CHECK_EQ(touched_bytes(segment.descriptor()), 1u << 19);
  CHECK_EQ(segment.data()[777], 0);
}

TEST("an adopted descriptor is the same memory") {
  Segment segment;
  Segment other;
  REQUIRE_EQ(Segment::create("t", 1 << 20, segment), Status::kOk);
  REQUIRE_EQ(Segment::adopt(dup(segment.descriptor()), other), Status::kOk);
  CHECK_EQ(other.bytes(), segment.bytes());
  segment.data()[99] = 5;
  CHECK_EQ(other.data()[99], 5);
  CHECK(!other.contains(segment.data()));
  CHECK(other.contains(other.data() + other.bytes() - 1));
  CHECK(!other.contains(other.data() + other.bytes()));
}

TEST("what is not a sealed segment is refused, and its descriptor closed") {
  Segment out;
  const int unsealed = memfd_create("t", MFD_ALLOW_SEALING);
  CHECK_EQ(ftruncate(unsealed, 4096), 0);
  CHECK_EQ(Segment::adopt(unsealed, out), Status::kSystem);
  CHECK(!is_open(unsealed));
  const int half = memfd_create("t", MFD_ALLOW_SEALING);
  CHECK_EQ(ftruncate(half, 4096), 0);
  CHECK_EQ(fcntl(half, F_ADD_SEALS, F_SEAL_SHRINK), 0);
  CHECK_EQ(Segment::adopt(half, out), Status::kSystem);
  const int empty = os::create_segment("t", 0);
  CHECK_EQ(Segment::adopt(empty, out), Status::kSystem);
  CHECK(!is_open(empty));
  CHECK_EQ(Segment::adopt(dup(0), out), Status::kSystem);
  CHECK_EQ(Segment::adopt(-1, out), Status::kSystem);
  CHECK(out.data() == nullptr);
}

TEST("moving a segment moves mapping and descriptor; assigning over one releases it") {
  Segment first;
  Segment second;
  REQUIRE_EQ(Segment::create("t", 4096, first), Status::kOk);
  REQUIRE_EQ(Segment::create("t", 8192, second), Status::kOk);
  const int gone = second.descriptor();
  const int kept = first.descriptor();
  second = std::move(first);
  CHECK(!is_open(gone));
  CHECK_EQ(second.descriptor(), kept);
  CHECK_EQ(second.bytes(), 4096u);
  CHECK(first.data() == nullptr);
}

TEST("under a file-size limit creating fails with an error, not with a signal") {
  Process limited([] {
    const rlimit limit{1 << 20, 1 << 20};
    setrlimit(RLIMIT_FSIZE, &limit);
    if (os::create_segment("t", 1 << 21) != -EFBIG) return 1;
    sigset_t pending;
    sigpending(&pending);
    if (sigismember(&pending, SIGXFSZ) != 0) return 2;
    const int smaller = os::create_segment("t", 1 << 20);
    return smaller >= 0 ? 0 : 3;
  });
  CHECK_EQ(limited.wait(), 0);
}

TEST("without descriptors or address space creating fails and leaks nothing") {
  Process limited([] {
    const int next = dup(0);
    close(next);
    const rlimit none{static_cast<rlim_t>(next), static_cast<rlim_t>(next)};
    Segment out;
    if (Segment::create("t", 1ull << 50, out) != Status::kSystem) return 1;  // beyond any address space
    const int after = dup(0);
    close(after);
    if (after != next) return 2;
    setrlimit(RLIMIT_NOFILE, &none);
    return os::create_segment("t", 4096) == -EMFILE ? 0 : 3;
  });
  CHECK_EQ(limited.wait(), 0);
}

TEST("an isolated mapping in a forked child shows the parent nothing that the child writes") {
  Segment segment;
  REQUIRE_EQ(Segment::create("t", 1 << 20, segment), Status::kOk);
  segment.data()[0] = 1;
  Process child([&] {
    if (!segment.isolate()) return 1;
    if (segment.data()[0] != 1) return 2;
    segment.data()[0] = 9;
    segment.data()[5000] = 9;
    return segment.data()[0] == 9 ? 0 : 3;
  });
  CHECK_EQ(child.wait(), 0);
  CHECK_EQ(segment.data()[0], 1);
  CHECK_EQ(segment.data()[5000], 0);
}
