#include "core/segment.h"

#include "os/os.h"

namespace isthmus {

Segment::~Segment() {
  if (data_ != nullptr) os::unmap(data_, bytes_);
  if (descriptor_ >= 0) os::close_descriptor(descriptor_);
}

void Segment::swap(Segment& with) noexcept {
  std::swap(data_, with.data_);
  std::swap(bytes_, with.bytes_);
  std::swap(descriptor_, with.descriptor_);
}

Status Segment::create(const char* name, uint64_t bytes, Segment& out) noexcept {
  const int descriptor = os::create_segment(name, bytes);
  if (descriptor < 0) return Status::kSystem;
  return adopt(descriptor, out);
}

Status Segment::create_at_most(const char* name, uint64_t bytes, uint64_t least, Segment& out) noexcept {
  Status status = Status::kSystem;
  for (; bytes >= least && status != Status::kOk; bytes /= 2) status = create(name, bytes, out);
  return status;
}

Status Segment::adopt(int descriptor, Segment& out) noexcept {
  Segment segment;
  if (adopt_unmapped(descriptor, segment) != Status::kOk || !segment.map()) return Status::kSystem;
  out = std::move(segment);
  return Status::kOk;
}

Status Segment::adopt_unmapped(int descriptor, Segment& out) noexcept {
  Segment segment;
  segment.descriptor_ = descriptor;
  const int64_t bytes = os::segment_bytes(descriptor);
  if (bytes <= 0) return Status::kSystem;
  segment.bytes_ = static_cast<uint64_t>(bytes);
  out = std::move(segment);
  return Status::kOk;
}

bool Segment::map() noexcept {
  if (data_ == nullptr) data_ = static_cast<uint8_t*>(os::map_segment(descriptor_, bytes_));
  return data_ != nullptr;
}

void Segment::close_descriptor() noexcept { os::close_descriptor(std::exchange(descriptor_, -1)); }

bool Segment::isolate() noexcept {
  if (data_ == nullptr || os::isolate_mapping(data_, descriptor_, bytes_)) return true;
  bytes_ = 0;  // nothing of it can be read any more
  return false;
}

}  // namespace isthmus
