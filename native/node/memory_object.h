// The object that JavaScript holds for the memory of a bridge or pool. Three beats everywhere: check arguments, call the
// core, convert the result.
#pragma once

#include <napi.h>

#include <memory>

#include "node/memory.h"

namespace isthmus::node {

class MemoryObject : public Napi::ObjectWrap<MemoryObject> {
 public:
  static Napi::Function define(Napi::Env env) noexcept;
  explicit MemoryObject(const Napi::CallbackInfo& info) noexcept;

  // The memory of a JavaScript object; null if it is none.
  [[nodiscard]] static std::shared_ptr<Memory> of(const Napi::Value& value) noexcept;

 private:
  Napi::Value allocate(const Napi::CallbackInfo& info);
  void retain(const Napi::CallbackInfo& info);
  void release(const Napi::CallbackInfo& info);
  Napi::Value view(const Napi::CallbackInfo& info);
  Napi::Value adopt(const Napi::CallbackInfo& info);
  Napi::Value look_at(const Napi::CallbackInfo& info, bool adopt) noexcept;
  void detach(const Napi::CallbackInfo& info);
  void copy_in(const Napi::CallbackInfo& info);
  void copy_strided(const Napi::CallbackInfo& info);
  void prefault(const Napi::CallbackInfo& info);
  void collect(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);
  // for people
  Napi::Value stats(const Napi::CallbackInfo& info);
  Napi::Value holders(const Napi::CallbackInfo& info);

  [[nodiscard]] Ledger* ledger() const noexcept { return memory_ == nullptr ? nullptr : memory_->ledger().get(); }
  [[nodiscard]] bool closed() const noexcept { return memory_ == nullptr || memory_->closed(); }

  std::shared_ptr<Memory> memory_;  // null: it could not be made
};

}  // namespace isthmus::node
