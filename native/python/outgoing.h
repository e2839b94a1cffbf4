// One message on its way out: placed arrays, the FlatBuffer, the wait for room.
#pragma once

#include <vector>

#include "python/arrays.h"

namespace isthmus::python {

struct Parts {
  uint32_t kind;
  uint32_t id;
  const void* payload;
  size_t payload_bytes;
  PyObject* arrays;     // a list, or nullptr
  uint64_t elapsed_ns;  // 0: not said
};

class Outgoing {
 public:
  explicit Outgoing(Channel& channel) noexcept : channel_(&channel) {}
  ~Outgoing() { clear(); }

  // False with a Python exception set.
  [[nodiscard]] bool build(const Parts& parts) noexcept;
  // Publishes it. kFull: there was no room. kEmpty: interrupted by a Python signal handler, whose exception is set.
  [[nodiscard]] Status send(bool wait) noexcept;
  // Of the message that was built.
  [[nodiscard]] uint32_t bytes() const noexcept { return builder_.GetSize(); }
  // Releases the references on blocks, and keeps the memory for the next message.
  void clear() noexcept;

 private:
  [[nodiscard]] bool make_room(size_t payload_bytes) noexcept;
  flatbuffers::Offset<wire::Tensor> add_tensor(const Placed& placed) noexcept;

  Channel* channel_;
  flatbuffers::FlatBufferBuilder builder_;
  size_t room_ = 0;  // that it has been given
  std::vector<Placed> placed_;
  std::vector<flatbuffers::Offset<wire::Tensor>> tensors_;
};

}  // namespace isthmus::python
