#include "node/channel_object.h"

#include <cmath>

#include "node/arguments.h"
#include "node/memory_object.h"
#include "node/raise.h"
#include "os/os.h"

namespace isthmus::node {

namespace {

constexpr size_t kInboxHeader = 8;

// How long a message may be that still fits into this much of the inbox; both are multiples of 8.
constexpr size_t room_after_header(size_t bytes) noexcept { return bytes > kInboxHeader ? bytes - kInboxHeader : 0; }

// A number of milliseconds from now; a negative one is for ever.
int64_t deadline_after(const Napi::Value& milliseconds) noexcept {
  constexpr double kMostMilliseconds = 1e12;
  double wanted = 0;
  if (napi_get_value_double(milliseconds.Env(), milliseconds, &wanted) != napi_ok || std::isnan(wanted)) wanted = 0;
  return wanted < 0 || wanted > kMostMilliseconds ? -1 : os::now_ns() + static_cast<int64_t>(wanted * 1e6);
}

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
                         InstanceMethod<&ChannelObject::block>("block"),
                         InstanceMethod<&ChannelObject::watch_process>("watchProcess"),
                         InstanceMethod<&ChannelObject::exit_status>("exitStatus"),
                         InstanceMethod<&ChannelObject::stats>("stats"),
                     });
}

// new Channel(memory, options, outbox, inbox, onMessages(bytes: number | Uint8Array, status: number), asks, onSettled())
ChannelObject::ChannelObject(const Napi::CallbackInfo& info) noexcept : ObjectWrap(info) {
  const Napi::Env env = info.Env();
  Elements outbox;
  Elements inbox;
  Elements asks;
  memory_ = MemoryObject::of(info[0]);
  if (memory_ == nullptr || !info[1].IsObject() || !elements_of(info[2], outbox) || !elements_of(info[3], inbox) ||
      !info[4].IsFunction() || !elements_of(info[5], asks) || asks.bytes < sizeof *asked_ || !info[6].IsFunction()) {
    Napi::TypeError::New(env, "new Channel(memory, options, outbox, inbox, onMessages, asks, onSettled)")
        .ThrowAsJavaScriptException();
    return;
  }
  const auto options = info[1].As<Napi::Object>();
  const ChannelOptions wanted{option_of(options, "spinNs"), static_cast<uint32_t>(option_of(options, "ringBytes"))};
  const Status status =
      memory_->closed() ? Status::kClosed : Channel::open(memory_->ledger(), wanted, channel_, peer_socket_);
  if (status != Status::kOk) {
    raise(env, status, "cannot make shared memory for a channel");
    return;
  }
  outbox_data_ = static_cast<uint8_t*>(outbox.data);
  outbox_bytes_ = outbox.bytes;
  inbox_data_ = static_cast<uint8_t*>(inbox.data);
  inbox_bytes_ = inbox.bytes / 8 * 8;
  outbox_ = Napi::Persistent(info[2].As<Napi::Uint8Array>());
  inbox_ = Napi::Persistent(info[3].As<Napi::Uint8Array>());
  on_messages_ = Napi::Persistent(info[4].As<Napi::Function>());
  asks_ = Napi::Persistent(info[5].As<Napi::Uint32Array>());
  asked_ = static_cast<uint32_t*>(asks.data);
  on_settled_ = Napi::Persistent(info[6].As<Napi::Function>());
  async_context_ = std::make_unique<Napi::AsyncContext>(env, "isthmus");
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  loop_ = Loop::start(loop, *channel_, [](void* self) { static_cast<ChannelObject*>(self)->deliver(); }, this);
  if (loop_ == nullptr) {
    raise(env, Status::kSystem, "cannot watch the channel's event");
    return;
  }
  memory_->join(*channel_, *loop_);
  napi_add_async_cleanup_hook(env, on_environment_end, this, &cleanup_);
}

ChannelObject::~ChannelObject() {
  stop_loop();
  os::close_descriptor(peer_socket_);
}

// --- life ------------------------------------------------------------------------------------------------

void ChannelObject::on_environment_end(napi_async_cleanup_hook_handle handle, void* data) {
  auto* self = static_cast<ChannelObject*>(data);
  self->cleanup_ = nullptr;
  self->channel_->close();
  self->memory_->leave(*self->channel_);
  Loop* loop = std::exchange(self->loop_, nullptr);
  loop->stop([](void* hook) { napi_remove_async_cleanup_hook(static_cast<napi_async_cleanup_hook_handle>(hook)); },
             handle);
}

void ChannelObject::stop_loop() noexcept {
  if (cleanup_ != nullptr) napi_remove_async_cleanup_hook(std::exchange(cleanup_, nullptr));
  if (loop_ == nullptr) return;
  memory_->leave(*channel_);
  std::exchange(loop_, nullptr)->stop(nullptr, nullptr);
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
  if (channel_ == nullptr) return;
  channel_->reap();
  memory_->given_up();
}

void ChannelObject::watch_process(const Napi::CallbackInfo& info) {
  if (channel_ != nullptr) channel_->watch_process(static_cast<int64_t>(number_of(info[0])));
}

// How the watched process ended, without reaping it: { code, signal }, one of them null; or undefined.
Napi::Value ChannelObject::exit_status(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int patience = info[0].IsNumber() ? info[0].As<Napi::Number>().Int32Value() : 0;
  if (os::Ending ending; !ending_ && channel_ != nullptr && channel_->ending(patience, ending)) ending_ = ending;
  if (!ending_) return env.Undefined();
  Napi::Object out = Napi::Object::New(env);
  out.Set("code", ending_->signal != 0 ? env.Null() : Napi::Number::New(env, ending_->code));
  out.Set("signal", ending_->signal != 0 ? Napi::Number::New(env, ending_->signal) : env.Null());
  return out;
}

// Descriptors and rings go now, not when this object is collected: V8 thinks that it is small.
void ChannelObject::close(const Napi::CallbackInfo&) {
  if (channel_ == nullptr) return;
  channel_->close();
  stop_loop();
  on_messages_.Reset();
  asks_.Reset();
  asked_ = nullptr;
  on_settled_.Reset();
  outbox_.Reset();
  inbox_.Reset();
  outbox_data_ = nullptr;
  inbox_data_ = nullptr;
  last_figures_ = figures();
  channel_.reset();
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

// Up to an inbox full of messages. kTooLarge: there is more, and what is next is longer than the room that is left.
ChannelObject::Filled ChannelObject::fill() noexcept {
  size_t filled = 0;
  Status status;
  while ((status = channel_->receive(message_, room_after_header(inbox_bytes_ - filled))) == Status::kOk) {
    const uint32_t header[2] = {message_.size(), 0};
    __builtin_memcpy(inbox_data_ + filled, header, kInboxHeader);
    __builtin_memcpy(inbox_data_ + filled + kInboxHeader, message_.data(), message_.size());
    message_.disown();
    filled += kInboxHeader + (message_.size() + size_t{7}) / 8 * 8;
  }
  return Filled{filled, status};
}

// A message that is longer than the inbox, as bytes of its own. Null: JavaScript cannot run any more.
napi_value ChannelObject::take_large() noexcept {
  Message message;
  void* data = nullptr;
  napi_value buffer = nullptr;
  napi_value copy = nullptr;
  if (channel_->receive(message) != Status::kOk ||
      napi_create_arraybuffer(Env(), message.size(), &data, &buffer) != napi_ok ||
      napi_create_typedarray(Env(), napi_uint8_array, message.size(), buffer, 0, &copy) != napi_ok)
    return nullptr;
  __builtin_memcpy(data, message.data(), message.size());
  message.disown();
  return copy;
}

// One turn: an inbox full, or one message that is longer. True if there is more. What is left stays in the channel's
// queue, where the loop sees it before it sleeps.
bool ChannelObject::deliver() noexcept {
  const Napi::HandleScope scope(Env());
  const auto [filled, status] = fill();
  const bool more = status == Status::kTooLarge;
  if (more && filled == 0) {
    const napi_value large = take_large();
    if (large == nullptr) return false;
    call_javascript(large, Status::kOk);
  } else {
    const bool failed = status == Status::kProtocol || status == Status::kSystem;
    call_javascript(Napi::Number::New(Env(), static_cast<double>(filled)), failed ? status : Status::kOk);
  }
  settle();
  if (channel_ == nullptr) return false;  // JavaScript closed it
  memory_->after_delivery(Env());
  return more;
}

// block(timeout): how many bytes of the inbox are filled, one message that is longer, 0 when the time is up, or minus
// the status that ended the channel. Nothing but this channel is looked at meanwhile.
Napi::Value ChannelObject::block(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (channel_ == nullptr) return Napi::Number::New(env, -static_cast<double>(Status::kClosed));
  const bool was_parked = loop_ != nullptr && loop_->hold();
  const auto [filled, status] = fill_until(deadline_after(info[0]));
  napi_value large = filled == 0 && status == Status::kTooLarge ? take_large() : nullptr;
  if (was_parked) loop_->let_go();
  if (channel_->closed()) channel_->wake_loop();  // the loop reports the end too, if nobody asks again
  memory_->after_delivery(env);
  if (large != nullptr) return Napi::Value(env, large);
  const bool ended = filled == 0 && status != Status::kEmpty && status != Status::kTimeout;
  return Napi::Number::New(env, ended ? -static_cast<double>(status) : static_cast<double>(filled));
}

ChannelObject::Filled ChannelObject::fill_until(int64_t deadline_ns) noexcept {
  for (;;) {
    const Filled filled = fill();
    if (filled.bytes != 0 || filled.status != Status::kEmpty) return filled;
    // Closed while waiting: what was committed before is there now, or else receiving says that it is closed.
    const Status waited = channel_->wait(deadline_ns, false);
    if (waited == Status::kTimeout || waited == Status::kSystem) return Filled{0, waited};
  }
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

// The continuations of what was delivered have run, unless this delivery was called by JavaScript.
void ChannelObject::settle() noexcept {
  if (asked_ == nullptr || *asked_ == 0) return;
  napi_value result = nullptr;
  napi_value error = nullptr;
  const Napi::Env env = Env();
  if (napi_call_function(env, env.Global(), on_settled_.Value(), 0, nullptr, &result) == napi_pending_exception &&
      napi_get_and_clear_last_exception(env, &error) == napi_ok)
    napi_fatal_exception(env, error);
}

// --- for people ------------------------------------------------------------------------------------------

ChannelObject::Figures ChannelObject::figures() const noexcept {
  if (channel_ == nullptr) return last_figures_;
  Figures figures{channel_->spin_ns(), {}};
  for (const Side side : {Side::kNode, Side::kWorker}) {
    const Counters& counters = channel_->counters(side);
    const std::atomic<uint64_t>* const values[5] = {&counters.copied_bytes, &counters.shared_bytes, &counters.messages,
                                                    &counters.notifications, &counters.parks};
    for (size_t at = 0; at < 5; ++at) figures.sides[index(side)][at] = values[at]->load(std::memory_order_relaxed);
  }
  return figures;
}

Napi::Value ChannelObject::stats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Figures all = figures();
  Napi::Object out = Napi::Object::New(env);
  const auto set = [&](const char* name, uint64_t value) {
    out.Set(name, Napi::Number::New(env, static_cast<double>(value)));
  };
  set("spinNs", all.spin_ns);
  // What Node copies is counted by the memory: it is copied for no particular channel.
  const char* const names[2][5] = {
      {nullptr, "nodeSharedBytes", "nodeMessages", "nodeNotifications", "nodeParks"},
      {"workerCopiedBytes", "workerSharedBytes", "workerMessages", "workerNotifications", "workerParks"}};
  for (const Side side : {Side::kNode, Side::kWorker})
    for (size_t at = 0; at < 5; ++at)
      if (names[index(side)][at] != nullptr) set(names[index(side)][at], all.sides[index(side)][at]);
  return out;
}

}  // namespace isthmus::node
