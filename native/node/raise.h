// Errors made by the addon. Most outcomes reach JavaScript as numbers (core/status.h) and become error classes there.
#pragma once

#include <napi.h>

#include "core/status.h"

namespace isthmus::node {

// Throws an Error with the status's code, and `what` was being done when it happened.
void raise(Napi::Env env, Status status, const char* what) noexcept;

}  // namespace isthmus::node
