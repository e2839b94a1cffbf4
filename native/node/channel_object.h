// The object that JavaScript holds for a channel. Three beats everywhere: check arguments, call the core, convert the result.
//
// Messages do not become JavaScript objects here. JavaScript writes a FlatBuffer into its `outbox` and says where it is;
// received messages are copied, verified, into its `inbox`, one after another:
//
//    0                4                8
//   +----------------+----------------+----------------------+---------+
//   | length (u32)   | zero           | FlatBuffer           | to 8    |
//   +----------------+----------------+----------------------+---------+
#pragma once

#include <napi.h>

#include <memory>
#include <optional>

#include "core/channel.h"
#include "node/loop.h"
#include "node/memory.h"

namespace isthmus::node {

class ChannelObject : public Napi::ObjectWrap<ChannelObject> {
 public:
  static Napi::Function define(Napi::Env env) noexcept;
  explicit ChannelObject(const Napi::CallbackInfo& info) noexcept;
  ~ChannelObject() override;

 private:
  // life
  Napi::Value peer_descriptor(const Napi::CallbackInfo& info);
  void close_peer(const Napi::CallbackInfo& info);
  Napi::Value read_socket(const Napi::CallbackInfo& info);
  void deliver_rest(const Napi::CallbackInfo& info);
  void hang_up(const Napi::CallbackInfo& info);
  void reap(const Napi::CallbackInfo& info);
  void watch_process(const Napi::CallbackInfo& info);
  Napi::Value exit_status(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);
  // messages
  Napi::Value send(const Napi::CallbackInfo& info);
  Napi::Value send_bytes(const Napi::CallbackInfo& info);
  void set_pending(const Napi::CallbackInfo& info);
  void set_wants_space(const Napi::CallbackInfo& info);
  Napi::Value block(const Napi::CallbackInfo& info);
  // for people
  Napi::Value stats(const Napi::CallbackInfo& info);

  static void on_environment_end(napi_async_cleanup_hook_handle handle, void* self);
  Napi::Value send_now(Napi::Env env, uint8_t* message, uint64_t bytes) noexcept;
  struct Filled {
    size_t bytes;   // of the inbox
    Status status;  // why there is no more
  };
  Filled fill() noexcept;
  Filled fill_until(int64_t deadline_ns) noexcept;
  napi_value take_large() noexcept;
  bool deliver() noexcept;
  void call_javascript(napi_value bytes, Status status) noexcept;
  void settle() noexcept;
  void stop_loop() noexcept;

  // What stats() says. Kept when the channel is closed.
  struct Figures {
    uint64_t spin_ns;
    uint64_t sides[2][5];
  };
  [[nodiscard]] Figures figures() const noexcept;

  std::shared_ptr<Memory> memory_;
  std::unique_ptr<Channel> channel_;  // null: closed
  std::optional<os::Ending> ending_;  // how the worker ended, once that was asked
  Figures last_figures_{};
  Loop* loop_ = nullptr;  // deletes itself
  int peer_socket_ = -1;
  Message message_;  // the last one taken, for its memory: what it refers to is JavaScript's

  Napi::Reference<Napi::Uint8Array> outbox_;
  Napi::Reference<Napi::Uint8Array> inbox_;
  uint8_t* outbox_data_ = nullptr;
  size_t outbox_bytes_ = 0;
  uint8_t* inbox_data_ = nullptr;
  size_t inbox_bytes_ = 0;
  Napi::Reference<Napi::Uint32Array> asks_;
  const uint32_t* asked_ = nullptr;  // not zero: on_settled_ is called after a delivery
  Napi::FunctionReference on_messages_;
  Napi::FunctionReference on_settled_;
  std::unique_ptr<Napi::AsyncContext> async_context_;
  napi_async_cleanup_hook_handle cleanup_ = nullptr;
};

}  // namespace isthmus::node
