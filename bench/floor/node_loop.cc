// The floor of any asynchronous bridge out of Node: a call writes one cache line, a uv_idle handle
// polls for the reply between turns of the event loop, and one JavaScript function is called per
// reply. There is no wire format, no verification, no lifetime and no sleeping: what a bridge adds,
// it adds to this.
//
// Exports: open(onReply) → descriptor of the mailbox, for the responder; send(a, b); close().

#include <node_api.h>
#include <sys/mman.h>
#include <unistd.h>
#include <uv.h>

#include <cstdlib>
#include <new>

#include "mailbox.h"

using floor_bench::kSlots;
using floor_bench::kStop;
using floor_bench::Mailbox;

namespace {

// How long one turn looks for a reply before it lets the event loop turn: some 100 ns more than a
// round trip between two cores, since a turn of the loop costs a system call.
constexpr int kSpinsPerTurn = 256;

struct Floor {
  napi_env env;
  napi_ref on_reply;
  napi_async_context context;
  Mailbox* mailbox;
  uv_idle_t idle;
  uint64_t sent = 0;
  uint64_t received = 0;
};

Floor* g_floor = nullptr;  // one per process: this is a measuring instrument

void check(napi_status status, const char* what) {
  if (status != napi_ok) napi_fatal_error(what, NAPI_AUTO_LENGTH, "failed", NAPI_AUTO_LENGTH);
}

bool has_reply(const Floor& floor) {
  const auto& reply = floor.mailbox->replies[floor.received % kSlots];
  return reply.sequence.load(std::memory_order_acquire) == floor.received + 1;  // sync: reply-published
}

// Hands over all replies that are there; closing the scope runs the microtasks, as any callback
// does.
void deliver(Floor& floor) {
  napi_handle_scope handles;
  napi_callback_scope scope;
  napi_value receiver, on_reply;
  check(napi_open_handle_scope(floor.env, &handles), "handle scope");
  check(napi_get_global(floor.env, &receiver), "global");
  check(napi_get_reference_value(floor.env, floor.on_reply, &on_reply), "onReply");
  check(napi_open_callback_scope(floor.env, receiver, floor.context, &scope), "callback scope");
  while (has_reply(floor)) {
    napi_value sum;
    const auto value = floor.mailbox->replies[floor.received % kSlots].sum;
    ++floor.received;
    check(napi_create_int64(floor.env, value, &sum), "sum");
    check(napi_call_function(floor.env, receiver, on_reply, 1, &sum, nullptr), "call");
  }
  check(napi_close_callback_scope(floor.env, scope), "close callback scope");
  check(napi_close_handle_scope(floor.env, handles), "close handle scope");
}

void on_idle(uv_idle_t* handle) {
  auto& floor = *static_cast<Floor*>(handle->data);
  for (int spin = 0; spin < kSpinsPerTurn && floor.received != floor.sent; ++spin) {
    if (has_reply(floor)) return deliver(floor);
    floor_bench::pause();
  }
}

napi_value open(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value on_reply, name, result;
  check(napi_get_cb_info(env, info, &count, &on_reply, nullptr, nullptr), "arguments");
  const int fd = memfd_create("isthmus-floor", MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, sizeof(Mailbox)) != 0) std::abort();
  void* page = mmap(nullptr, sizeof(Mailbox), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) std::abort();

  g_floor = new Floor{.env = env, .on_reply = nullptr, .context = nullptr, .mailbox = new (page) Mailbox{}, .idle = {}};
  check(napi_create_reference(env, on_reply, 1, &g_floor->on_reply), "reference");
  check(napi_create_string_utf8(env, "isthmus-floor", NAPI_AUTO_LENGTH, &name), "name");
  check(napi_async_init(env, nullptr, name, &g_floor->context), "async context");
  uv_loop_t* loop = nullptr;
  check(napi_get_uv_event_loop(env, &loop), "event loop");
  uv_idle_init(loop, &g_floor->idle);
  g_floor->idle.data = g_floor;
  uv_idle_start(&g_floor->idle, on_idle);
  check(napi_create_int32(env, fd, &result), "descriptor");
  return result;
}

napi_value send(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value values[2];
  check(napi_get_cb_info(env, info, &count, values, nullptr, nullptr), "arguments");
  auto& request = g_floor->mailbox->requests[g_floor->sent % kSlots];
  check(napi_get_value_int32(env, values[0], &request.a), "a");
  check(napi_get_value_int32(env, values[1], &request.b), "b");
  ++g_floor->sent;
  request.sequence.store(g_floor->sent, std::memory_order_release);  // sync: request-published
  return nullptr;
}

napi_value close(napi_env, napi_callback_info) {
  for (auto& request : g_floor->mailbox->requests) request.sequence.store(kStop, std::memory_order_release);
  uv_idle_stop(&g_floor->idle);
  uv_close(reinterpret_cast<uv_handle_t*>(&g_floor->idle), nullptr);
  return nullptr;
}

napi_value init(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"open", nullptr, open, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"send", nullptr, send, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"close", nullptr, close, nullptr, nullptr, nullptr, napi_default, nullptr},
  };
  check(napi_define_properties(env, exports, 3, functions), "exports");
  return exports;
}

}  // namespace

NAPI_MODULE(node_loop, init)
