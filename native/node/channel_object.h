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

#include "core/channel.h"
#include "node/loop.h"
#include "node/views.h"

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
  void close(const Napi::CallbackInfo& info);
  // messages
  Napi::Value send(const Napi::CallbackInfo& info);
  Napi::Value send_bytes(const Napi::CallbackInfo& info);
  void set_pending(const Napi::CallbackInfo& info);
  void set_wants_space(const Napi::CallbackInfo& info);
  // memory
  Napi::Value allocate(const Napi::CallbackInfo& info);
  void retain(const Napi::CallbackInfo& info);
  void release(const Napi::CallbackInfo& info);
  Napi::Value view(const Napi::CallbackInfo& info);
  void detach(const Napi::CallbackInfo& info);
  void copy_strided(const Napi::CallbackInfo& info);
  void copy_in(const Napi::CallbackInfo& info);
  void prefault(const Napi::CallbackInfo& info);
  void collect(const Napi::CallbackInfo& info);
  // for people
  Napi::Value stats(const Napi::CallbackInfo& info);
  Napi::Value holders(const Napi::CallbackInfo& info);

  static void on_environment_end(napi_async_cleanup_hook_handle handle, void* self);
  Napi::Value send_now(Napi::Env env, uint8_t* message, uint64_t bytes) noexcept;
  bool deliver() noexcept;
  bool deliver_large() noexcept;
  void call_javascript(napi_value bytes, Status status) noexcept;
  void collect_now() noexcept;
  void collect_if_much_is_borrowed() noexcept;
  void stop_loop() noexcept;
  void given_up() noexcept;
  void let_memory_go() noexcept;

  // What stats() says of the channel itself. Kept when it is closed.
  struct Figures {
    uint64_t limit_bytes;
    uint64_t spin_ns;
    uint64_t sides[2][5];
  };
  [[nodiscard]] Figures figures() const noexcept;

  std::unique_ptr<Channel> channel_;  // null: closed
  std::shared_ptr<Ledger> ledger_;    // null: closed, and no block is in use
  std::unique_ptr<ViewTable> views_;  // null when the ledger is
  Figures last_figures_{};
  Loop* loop_ = nullptr;  // deletes itself
  int peer_socket_ = -1;
  Message message_;  // the last one taken, for its memory: what it refers to is JavaScript's
  uint64_t collect_at_bytes_ = 0;

  Napi::Reference<Napi::Uint8Array> outbox_;
  Napi::Reference<Napi::Uint8Array> inbox_;
  uint8_t* outbox_data_ = nullptr;
  size_t outbox_bytes_ = 0;
  uint8_t* inbox_data_ = nullptr;
  size_t inbox_bytes_ = 0;
  Napi::FunctionReference on_messages_;
  std::unique_ptr<Napi::AsyncContext> async_context_;
  napi_async_cleanup_hook_handle cleanup_ = nullptr;
};

}  // namespace isthmus::node
