// What JavaScript passed. node-addon-api's own conversions throw, and a second exception in one call aborts the process:
// here an argument of another type is no slot, 0, false or no bytes, and the methods refuse those as any wrong value.
#pragma once

#include <napi.h>

#include "core/ledger.h"

namespace isthmus::node {

inline Slot slot_of(const Napi::Value& value) noexcept {
  Slot slot = kNoSlot;
  return napi_get_value_uint32(value.Env(), value, &slot) == napi_ok ? slot : kNoSlot;
}

inline uint64_t number_of(const Napi::Value& value) noexcept {
  int64_t number = 0;
  return napi_get_value_int64(value.Env(), value, &number) == napi_ok ? static_cast<uint64_t>(number) : 0;
}

inline bool flag_of(const Napi::Value& value) noexcept {
  bool flag = false;
  return napi_get_value_bool(value.Env(), value, &flag) == napi_ok && flag;
}

inline uint64_t option_of(const Napi::Object& options, const char* name) noexcept {
  return number_of(options.Get(name));
}

struct Elements {
  void* data;
  size_t count;
  size_t bytes;
};

// False: not a typed array, or one whose type this version of Node-API does not know (Float16Array).
[[nodiscard]] inline bool elements_of(const Napi::Value& value, Elements& out) noexcept {
  constexpr auto kUnknown = static_cast<napi_typedarray_type>(-1);
  napi_typedarray_type type = kUnknown;
  out = Elements{nullptr, 0, 0};
  bool is_array = false;
  if (napi_is_typedarray(value.Env(), value, &is_array) != napi_ok || !is_array ||
      napi_get_typedarray_info(value.Env(), value, &type, &out.count, &out.data, nullptr, nullptr) != napi_ok)
    return false;
  switch (type) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      out.bytes = out.count;
      return true;
    case napi_int16_array:
    case napi_uint16_array:
      out.bytes = out.count * 2;
      return true;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      out.bytes = out.count * 4;
      return true;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array:
      out.bytes = out.count * 8;
      return true;
    default:
      return false;
  }
}

}  // namespace isthmus::node
