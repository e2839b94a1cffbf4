#include "node/backing_store.h"

#include <dlfcn.h>
#include <v8.h>

// Weak: where one of them is missing the addon still loads, and Node-API's external ArrayBuffers are used.
#pragma weak _ZN2v811ArrayBuffer15NewBackingStoreEPvmPFvS1_mS1_ES1_
#pragma weak _ZN2v811ArrayBuffer3NewEPNS_7IsolateESt10shared_ptrINS_12BackingStoreEE
#pragma weak _ZN2v812BackingStore12EmptyDeleterEPvmS1_
#pragma weak _ZN2v812BackingStoreD1Ev
#pragma weak _ZN2v87Isolate10GetCurrentEv

namespace isthmus::node {

namespace {

bool symbols_present() noexcept {
  for (const char* name :
       {"_ZN2v811ArrayBuffer15NewBackingStoreEPvmPFvS1_mS1_ES1_",
        "_ZN2v811ArrayBuffer3NewEPNS_7IsolateESt10shared_ptrINS_12BackingStoreEE",
        "_ZN2v812BackingStore12EmptyDeleterEPvmS1_", "_ZN2v812BackingStoreD1Ev", "_ZN2v87Isolate10GetCurrentEv"})
    if (dlsym(RTLD_DEFAULT, name) == nullptr) return false;
  return true;
}

ViewMode probe(napi_env env) noexcept {
  static char memory[8];
  napi_value buffer;
  const napi_status status =
      napi_create_external_arraybuffer(env, memory, sizeof memory, [](napi_env, void*, void*) {}, nullptr, &buffer);
  if (status != napi_ok) return ViewMode::kCopy;
  return symbols_present() ? ViewMode::kUnaccounted : ViewMode::kExternal;
}

}  // namespace

ViewMode view_mode(napi_env env) noexcept {
  static const ViewMode mode = probe(env);
  return mode;
}

napi_value make_unaccounted(void* data, size_t bytes, Store& store) noexcept {
  std::shared_ptr<v8::BackingStore> made =
      v8::ArrayBuffer::NewBackingStore(data, bytes, v8::BackingStore::EmptyDeleter, nullptr);
  store = made;
  const v8::Local<v8::ArrayBuffer> buffer = v8::ArrayBuffer::New(v8::Isolate::GetCurrent(), std::move(made));
  // A napi_value is a v8::Local by another name: Node-API's own conversion (js_native_api_v8.h).
  static_assert(sizeof(napi_value) == sizeof buffer);
  napi_value value;
  __builtin_memcpy(&value, &buffer, sizeof value);
  return value;
}

}  // namespace isthmus::node
