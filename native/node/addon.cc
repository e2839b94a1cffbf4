// The addon's export table. src/native.ts declares the same.
#include <napi.h>

#include "node/backing_store.h"
#include "node/channel_object.h"
#include "node/memory_object.h"
#include "os/os.h"

namespace isthmus::node {

namespace {

// statuses[n]: [code, sentence] of the status with number n (core/status.h)
Napi::Value statuses(Napi::Env env) {
  Napi::Array table = Napi::Array::New(env);
  for (uint32_t at = 0; at <= static_cast<uint32_t>(Status::kSystem); ++at) {
    Napi::Array row = Napi::Array::New(env, 2);
    row.Set(0u, Napi::String::New(env, status_code(static_cast<Status>(at))));
    row.Set(1u, Napi::String::New(env, status_sentence(static_cast<Status>(at))));
    table.Set(at, row);
  }
  return table;
}

const char* name_of(ViewMode mode) noexcept {
  switch (mode) {
    case ViewMode::kUnaccounted:
      return "unaccounted";
    case ViewMode::kExternal:
      return "external";
    case ViewMode::kCopy:
      return "copy";
  }
  return "unknown";
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("Memory", MemoryObject::define(env));
  exports.Set("Channel", ChannelObject::define(env));
  exports.Set("statuses", statuses(env));
  exports.Set("viewMode", Napi::String::New(env, name_of(view_mode(env))));
  exports.Set("usableCpus", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
                return Napi::Number::New(info.Env(), os::usable_cpus());
              }));
  exports.Set("memoryBytes", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
                return Napi::Number::New(info.Env(), static_cast<double>(os::memory_bytes()));
              }));
  return exports;
}

NODE_API_MODULE(isthmus_node, init)

}  // namespace

}  // namespace isthmus::node
