// What exists once per process: the channel that numpy's allocator and the fork handlers work for. It is never
// destroyed, because arrays and leases may outlive the interpreter.
#pragma once

#include <memory>

#include "core/channel.h"

namespace isthmus::python {

// The channel of this process, or nullptr before one is made.
Channel* process_channel() noexcept;
// Keeps the channel until the process ends, and makes it survive fork().
Channel* keep_process_channel(std::unique_ptr<Channel> channel) noexcept;
// This is a forked child: its channel is its parent's.
bool is_forked() noexcept;

}  // namespace isthmus::python
