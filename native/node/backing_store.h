// An ArrayBuffer over memory that V8 neither owns nor accounts. This is the only use of V8's own API: everything else is
// Node-API. napi_create_external_arraybuffer makes V8 account the bytes (390-620 us and a garbage collection for 256 MB);
// v8::ArrayBuffer::NewBackingStore with an empty deleter costs about 1 us at any size.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace isthmus::node {

enum class ViewMode : uint8_t {
  kUnaccounted,  // the V8 way
  kExternal,     // the symbols are missing: Node-API's external ArrayBuffer
  kCopy,         // external memory is refused (Electron): views are counted copies
};

// Decided once per process. Node-API is probed first: where it refuses, calling V8 would abort.
ViewMode view_mode(napi_env env) noexcept;

// Expires when the memory can no longer be reached from JavaScript, in whatever ArrayBuffer and thread it was.
using Store = std::weak_ptr<const void>;

// kUnaccounted only: the ArrayBuffer, and its backing store.
napi_value make_unaccounted(void* data, size_t bytes, Store& store) noexcept;

}  // namespace isthmus::node
