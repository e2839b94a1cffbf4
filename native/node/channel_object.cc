#include "node/channel_object.h"

#include "node/arguments.h"
#include "node/raise.h"
#include "os/os.h"

namespace isthmus::node {

namespace {

constexpr size_t kInboxHeader = 8;

// How long a message may be that still fits into this much of the inbox; both are multiples of 8.
constexpr size_t room_after_header(size_t bytes) noexcept { return bytes > kInboxHeader ? bytes - kInboxHeader : 0; }

uint64_t option(const Napi::Object& options, const char* name) noexcept { return number_of(options.Get(name)); }

}  // namespace

Napi::Function ChannelObject::define(Napi::Env env) noexcept {
  return DefineClass(env, "Channel",
                     {
                         InstanceAccessor<&ChannelObject::peer_descriptor>("peerDescriptor"),
                         InstanceMethod<&ChannelObject::close_peer>("closePeer"),
                         InstanceMethod<&ChannelObject::read_socket>("readSocket"),
                         InstanceMethod<&ChannelObject::deliver_rest>("deliverRest"),
                         InstanceMethod<&ChannelObject::hang_up>("hangUp"),
                         InstanceMethod<&ChannelObject::reap>("reap"),
                         InstanceMethod<&ChannelObject::close>("close"),
                         InstanceMethod<&ChannelObject::send>("send"),
                         InstanceMethod<&ChannelObject::send_bytes>("sendBytes"),
                         InstanceMethod<&ChannelObject::set_pending>("setPending"),
                         InstanceMethod<&ChannelObject::set_wants_space>("setWantsSpace"),
                         InstanceMethod<&ChannelObject::allocate>("allocate"),
                         InstanceMethod<&ChannelObject::retain>("retain"),
                         InstanceMethod<&ChannelObject::release>("release"),
                         InstanceMethod<&ChannelObject::view>("view"),
                         InstanceMethod<&ChannelObject::detach>("detach"),
                         InstanceMethod<&ChannelObject::copy_in>("copyIn"),
                         InstanceMethod<&ChannelObject::copy_strided>("copyStrided"),
                         InstanceMethod<&ChannelObject::prefault>("prefault"),
                         InstanceMethod<&ChannelObject::collect>("collect"),
                         InstanceMethod<&ChannelObject::stats>("stats"),
                         InstanceMethod<&ChannelObject::holders>("holders"),
                     });
}

// new Channel(options, outbox, inbox, onMessages(bytes: number | Uint8Array, status: number))
ChannelObject::ChannelObject(const Napi::CallbackInfo& info) noexcept : ObjectWrap(info) {
  const Napi::Env env = info.Env();
  Elements outbox;
  Elements inbox;
  if (!info[0].IsObject() || !elements_of(info[1], outbox) || !elements_of(info[2], inbox) || !info[3].IsFunction()) {
    Napi::TypeError::New(env, "new Channel(options, outbox, inbox, onMessages)").ThrowAsJavaScriptException();
    return;
  }
  const auto options = info[0].As<Napi::Object>();
  const ChannelOptions wanted{
      option(options, "arenaBytes"),
      option(options, "limitBytes"),
      option(options, "retainBytes"),
      option(options, "spinNs"),
      static_cast<uint32_t>(option(options, "ringBytes")),
  };
  if (const Status status = Channel::open(wanted, channel_, peer_socket_); status != Status::kOk) {
    raise(env, status, "cannot make shared memory for a channel");
    return;
  }
  ledger_ = channel_->shared_ledger();
  views_ = std::make_unique<ViewTable>(ledger_);
  collect_at_bytes_ = wanted.limit_bytes / 4;
  outbox_data_ = static_cast<uint8_t*>(outbox.data);
  outbox_bytes_ = outbox.bytes;
  inbox_data_ = static_cast<uint8_t*>(inbox.data);
  inbox_bytes_ = inbox.bytes / 8 * 8;
  outbox_ = Napi::Persistent(info[1].As<Napi::Uint8Array>());
  inbox_ = Napi::Persistent(info[2].As<Napi::Uint8Array>());
  on_messages_ = Napi::Persistent(info[3].As<Napi::Function>());
  async_context_ = std::make_unique<Napi::AsyncContext>(env, "isthmus");
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  loop_ = Loop::start(loop, *channel_, [](void* self) { static_cast<ChannelObject*>(self)->deliver(); }, this);
  if (loop_ == nullptr) {
    raise(env, Status::kSystem, "cannot watch the channel's event");
    return;
  }
  napi_add_async_cleanup_hook(env, on_environment_end, this, &cleanup_);
}

ChannelObject::~ChannelObject() {
  stop_loop();
  if (views_ != nullptr) adopt_orphans(std::move(views_));
  os::close_descriptor(peer_socket_);
}

// --- life ------------------------------------------------------------------------------------------------

void ChannelObject::on_environment_end(napi_async_cleanup_hook_handle handle, void* data) {
  auto* self = static_cast<ChannelObject*>(data);
  self->cleanup_ = nullptr;
  self->channel_->close();
  Loop* loop = std::exchange(self->loop_, nullptr);
  loop->stop([](void* hook) { napi_remove_async_cleanup_hook(static_cast<napi_async_cleanup_hook_handle>(hook)); },
             handle);
}

void ChannelObject::stop_loop() noexcept {
  if (cleanup_ != nullptr) napi_remove_async_cleanup_hook(std::exchange(cleanup_, nullptr));
  if (loop_ != nullptr) std::exchange(loop_, nullptr)->stop(nullptr, nullptr);
}

Napi::Value ChannelObject::peer_descriptor(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), peer_socket_);
}

void ChannelObject::close_peer(const Napi::CallbackInfo&) { os::close_descriptor(std::exchange(peer_socket_, -1)); }

// A datagram the worker sent before it ended, or undefined.
Napi::Value ChannelObject::read_socket(const Napi::CallbackInfo& info) {
  char text[8192];
  size_t descriptors = 0;
  if (channel_ == nullptr) return info.Env().Undefined();
  const int64_t bytes = os::receive_with_descriptors(channel_->socket(), text, sizeof text, nullptr, &descriptors, 0);
  if (bytes <= 0) return info.Env().Undefined();
  return Napi::String::New(info.Env(), text, static_cast<size_t>(bytes));
}

// Everything that was committed is delivered now, without the event loop.
void ChannelObject::deliver_rest(const Napi::CallbackInfo&) {
  while (loop_ != nullptr && deliver()) {
  }
}

void ChannelObject::hang_up(const Napi::CallbackInfo&) {
  if (channel_ != nullptr) channel_->hang_up();
}

void ChannelObject::reap(const Napi::CallbackInfo&) {
  if (channel_ != nullptr) channel_->reap();
}

// Descriptors, rings and free memory go now, not when this object is collected: V8 thinks that it is small.
void ChannelObject::close(const Napi::CallbackInfo&) {
  if (channel_ == nullptr) return;
  channel_->close();
  stop_loop();
  on_messages_.Reset();
  outbox_.Reset();
  inbox_.Reset();
  outbox_data_ = nullptr;
  inbox_data_ = nullptr;
  last_figures_ = figures();
  channel_.reset();
  views_->poll_all();
  ledger_->trim();
  let_memory_go();
}

// A closed bridge makes no more blocks: once none is in use, its segments are of no more use either.
void ChannelObject::let_memory_go() noexcept {
  if (channel_ != nullptr || ledger_ == nullptr || ledger_->borrowed_bytes() != 0) return;
  if (ledger_->stats().own_blocks != 0) return;
  views_.reset();
  ledger_.reset();
}

// --- messages --------------------------------------------------------------------------------------------

Napi::Value ChannelObject::send(const Napi::CallbackInfo& info) {
  const uint64_t offset = number_of(info[0]);
  const uint64_t bytes = number_of(info[1]);
  if (channel_ != nullptr && (offset > outbox_bytes_ || bytes > outbox_bytes_ - offset))
    return Napi::Number::New(info.Env(), static_cast<double>(Status::kTooLarge));
  return send_now(info.Env(), outbox_data_ + offset, bytes);
}

Napi::Value ChannelObject::send_bytes(const Napi::CallbackInfo& info) {
  Elements message;
  if (!elements_of(info[0], message) || message.bytes > INT32_MAX)
    return Napi::Number::New(info.Env(), static_cast<double>(Status::kTooLarge));
  return send_now(info.Env(), static_cast<uint8_t*>(message.data), message.bytes);
}

Napi::Value ChannelObject::send_now(Napi::Env env, uint8_t* message, uint64_t bytes) noexcept {
  const Status status = channel_ == nullptr ? Status::kClosed : channel_->send(message, static_cast<uint32_t>(bytes));
  if (loop_ != nullptr) loop_->touch();
  return Napi::Number::New(env, static_cast<double>(status));
}

void ChannelObject::set_pending(const Napi::CallbackInfo& info) {
  if (loop_ != nullptr) loop_->set_pending(flag_of(info[0]));
}

void ChannelObject::set_wants_space(const Napi::CallbackInfo& info) {
  if (loop_ != nullptr) loop_->set_wants_space(flag_of(info[0]));
}

// One turn: up to an inbox full of messages, or one that is larger than the inbox. True if there is more. What is left
// stays in the channel's queue, where the loop sees it before it sleeps.
bool ChannelObject::deliver() noexcept {
  const Napi::HandleScope scope(Env());
  size_t filled = 0;
  Status status;
  while ((status = channel_->receive(message_, room_after_header(inbox_bytes_ - filled))) == Status::kOk) {
    const uint32_t header[2] = {message_.size(), 0};
    __builtin_memcpy(inbox_data_ + filled, header, kInboxHeader);
    __builtin_memcpy(inbox_data_ + filled + kInboxHeader, message_.data(), message_.size());
    message_.disown();
    filled += kInboxHeader + (message_.size() + size_t{7}) / 8 * 8;
  }
  views_->poll(32);
  poll_orphans();
  const bool more = status == Status::kTooLarge;
  if (more && filled == 0) {
    if (!deliver_large()) return false;
  } else {
    const bool failed = status == Status::kProtocol || status == Status::kSystem;
    call_javascript(Napi::Number::New(Env(), static_cast<double>(filled)), failed ? status : Status::kOk);
  }
  if (channel_ == nullptr) return false;  // JavaScript closed it
  collect_if_much_is_borrowed();
  return more;
}

bool ChannelObject::deliver_large() noexcept {
  Message message;
  if (channel_->receive(message) != Status::kOk) return false;
  void* data = nullptr;
  napi_value buffer = nullptr;
  napi_value copy = nullptr;
  if (napi_create_arraybuffer(Env(), message.size(), &data, &buffer) != napi_ok ||
      napi_create_typedarray(Env(), napi_uint8_array, message.size(), buffer, 0, &copy) != napi_ok)
    return false;  // JavaScript cannot run any more
  __builtin_memcpy(data, message.data(), message.size());
  message.disown();
  call_javascript(copy, Status::kOk);
  return true;
}

// Not node-addon-api's MakeCallback: it aborts when JavaScript cannot run, as in a thread that is being terminated.
void ChannelObject::call_javascript(napi_value bytes, Status status) noexcept {
  if (on_messages_.IsEmpty()) return;
  const Napi::Env env = Env();
  const napi_value arguments[] = {bytes, Napi::Number::New(env, static_cast<double>(status))};
  napi_value result = nullptr;
  if (napi_make_callback(env, *async_context_, env.Global(), on_messages_.Value(), 2, arguments, &result) !=
      napi_pending_exception)
    return;
  napi_value error = nullptr;
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
}

}  // namespace isthmus::node
