#include "node/raise.h"

#include <errno.h>
#include <string.h>

#include <string>

namespace isthmus::node {

void raise(Napi::Env env, Status status, const char* what) noexcept {
  std::string text = std::string(what) + ": " + status_sentence(status);
  if (status == Status::kSystem && errno != 0) text += std::string(" (") + strerror(errno) + ")";
  Napi::Error error = Napi::Error::New(env, text);
  error.Set("code", Napi::String::New(env, status_code(status)));
  error.ThrowAsJavaScriptException();
}

}  // namespace isthmus::node
