// A segment: a sealed anonymous shared memory file and its mapping. Owns both.
#pragma once

#include <cstdint>
#include <utility>

#include "core/status.h"

namespace isthmus {

class Segment {
 public:
  Segment() noexcept = default;
  Segment(Segment&& from) noexcept { swap(from); }
  Segment& operator=(Segment&& from) noexcept {
    Segment moved(std::move(from));
    swap(moved);
    return *this;
  }
  ~Segment();

  // A new segment of exactly `bytes`.
  [[nodiscard]] static Status create(const char* name, uint64_t bytes, Segment& out) noexcept;
  // The same, or where the system has no room for that many (`ulimit -v`, `-f`), half as many, and so on down to `least`.
  [[nodiscard]] static Status create_at_most(const char* name, uint64_t bytes, uint64_t least, Segment& out) noexcept;
  // A segment received from another process; takes the descriptor over, also on failure.
  [[nodiscard]] static Status adopt(int descriptor, Segment& out) noexcept;
  // The same, and not an error if this process has no address space for it: it is unmapped then.
  [[nodiscard]] static Status adopt_unmapped(int descriptor, Segment& out) noexcept;
  // Maps it, if it is not. False: there is no address space for it now (`ulimit -v`).
  bool map() noexcept;
  // It stays mapped. A forked child cannot read it any more.
  void close_descriptor() noexcept;

  // nullptr: it is unmapped.
  [[nodiscard]] uint8_t* data() const noexcept { return data_; }
  [[nodiscard]] uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  [[nodiscard]] bool contains(const void* address) const noexcept {
    const auto* byte = static_cast<const uint8_t*>(address);
    return data_ != nullptr && byte >= data_ && byte < data_ + bytes_;
  }
  // In a forked child: writes no longer reach the other processes.
  bool isolate() noexcept;

 private:
  void swap(Segment& with) noexcept;

  uint8_t* data_ = nullptr;
  uint64_t bytes_ = 0;
  int descriptor_ = -1;
};

}  // namespace isthmus
