// A received message: a verified copy in private memory, with one ledger reference per tensor.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "core/ledger.h"
#include "core/verify.h"

namespace isthmus {

// Private bytes whose memory is kept for reuse; aligned for any FlatBuffers field.
class Buffer {
 public:
  Buffer() noexcept = default;
  Buffer(Buffer&& from) noexcept { *this = std::move(from); }
  Buffer& operator=(Buffer&& from) noexcept {
    data_ = std::move(from.data_);
    size_ = std::exchange(from.size_, 0);
    capacity_ = std::exchange(from.capacity_, 0);
    return *this;
  }
  // Makes room for `bytes`, without keeping what was there. nullptr: the peer asked for more than this process has.
  [[nodiscard]] uint8_t* reset(uint32_t bytes) noexcept {
    if (bytes > capacity_ || data_ == nullptr) {
      size_ = capacity_ = 0;
      const uint32_t room = bytes < 256 ? 256 : bytes;
      data_.reset(new (std::nothrow) uint8_t[room]);
      if (data_ == nullptr) return nullptr;
      capacity_ = room;
    }
    size_ = bytes;
    return data_.get();
  }
  [[nodiscard]] uint8_t* data() const noexcept { return data_.get(); }
  [[nodiscard]] uint32_t size() const noexcept { return size_; }
  [[nodiscard]] uint32_t capacity() const noexcept { return capacity_; }

 private:
  std::unique_ptr<uint8_t[]> data_;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
};

// Owns the references of its tensors until `disown`: a message that is dropped releases them.
class Message {
 public:
  Message() noexcept = default;
  Message(Message&& from) noexcept { *this = std::move(from); }
  Message& operator=(Message&& from) noexcept {
    drop();
    buffer_ = std::move(from.buffer_);
    ledger_ = std::exchange(from.ledger_, nullptr);
    return *this;
  }
  ~Message() { drop(); }

  [[nodiscard]] const wire::Message& operator*() const noexcept { return *wire::GetMessage(buffer_.data()); }
  [[nodiscard]] const wire::Message* operator->() const noexcept { return wire::GetMessage(buffer_.data()); }
  [[nodiscard]] const uint8_t* data() const noexcept { return buffer_.data(); }
  [[nodiscard]] uint32_t size() const noexcept { return buffer_.size(); }
  [[nodiscard]] uint32_t memory_bytes() const noexcept { return buffer_.capacity(); }

  // The receiver has taken every tensor's reference over.
  void disown() noexcept { ledger_ = nullptr; }
  // Releases the references and keeps the memory.
  void drop() noexcept;

 private:
  friend class Channel;
  Buffer buffer_;
  Ledger* ledger_ = nullptr;  // null: owns no references
};

}  // namespace isthmus
