// What the core asks of the operating system. One contract; one file per system implements it (linux.cc).
// Nothing here throws or logs. Functions that return int give a descriptor or a negated errno.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace isthmus::os {

// --- shared memory -----------------------------------------------------------------------------------
// An anonymous, close-on-exec file of exactly `bytes` (sparse), sealed so that nobody can resize it.
int create_segment(const char* name, uint64_t bytes) noexcept;
// Length of a segment, after checking that it is sealed against resizing; or a negated errno.
int64_t segment_bytes(int descriptor) noexcept;
// Maps a whole segment read-write, not counted against overcommit. nullptr on failure.
void* map_segment(int descriptor, uint64_t bytes) noexcept;
// In a forked child: replaces the mapping at `address` by a private copy-on-write one, or by inaccessible pages.
bool isolate_mapping(void* address, int descriptor, uint64_t bytes) noexcept;
void unmap(void* address, uint64_t bytes) noexcept;
// Gives the pages of a range back to the system; they read as zeros afterwards.
bool punch_hole(int descriptor, uint64_t offset, uint64_t bytes) noexcept;
// Makes the pages of a range exist, so that first touch costs nothing later.
bool populate(void* address, uint64_t bytes) noexcept;

// --- waking the other process --------------------------------------------------------------------------
// Two connected SEQPACKET sockets, close-on-exec.
int socket_pair(int (&sockets)[2]) noexcept;
// An event is a socket_pair(): sending into the second end makes the first readable, until it is cleared. The second may
// be in any number of processes, the first only in the one that waits: receiving locks the end, and a peer that received
// into memory which it does not let come in would keep it locked. Nor can it send descriptors, where the system knows how
// to refuse them (Linux 6.16): closing one may take as long as its sender likes.
// Not an eventfd: reads and writes of that block if the peer, who shares the file, clears O_NONBLOCK and wins a race.
int event_pair(int (&ends)[2]) noexcept;
// Neither of these two blocks, whatever the peer does.
void notify_event(int notifying_end) noexcept;
// False: the pair was shut down, which makes it readable for ever.
bool clear_event(int event) noexcept;
enum class Wake : uint8_t { kNotified, kTimeout, kInterrupted, kHungUp };
// Waits until `event` is notified, `hangup` is closed by its other end, or `process` has ended (-1: none).
// timeout_ns < 0: for ever.
Wake wait_event(int event, int hangup, int process, int64_t timeout_ns) noexcept;

// The same between threads of this process: waits while `word` is `value`, and wakes whoever waits on it.
Wake wait_word(std::atomic<uint32_t>& word, uint32_t value, int64_t timeout_ns) noexcept;
void wake_word(std::atomic<uint32_t>& word) noexcept;

// --- other processes -----------------------------------------------------------------------------------
// A descriptor for a process, close-on-exec; it becomes readable when the process ends. Linux 5.3.
int open_process(int64_t id) noexcept;
struct Ending {
  int code;    // exit code, or -1
  int signal;  // that ended it, or 0
};
// How a child ended, without reaping it. A process closes its descriptors a moment before it has ended, so this waits for
// as long as `timeout_ms`. False: it has not ended, or it has been reaped.
bool process_ending(int process, int timeout_ms, Ending& out) noexcept;

// --- control socket ------------------------------------------------------------------------------------
constexpr size_t kMaxDescriptors = 8;
// One datagram with descriptors. Returns bytes or a negated errno.
int64_t send_with_descriptors(int socket, const void* data, size_t bytes, const int* descriptors,
                              size_t count) noexcept;
// Waits up to timeout_ns for one datagram. `count` in: room, out: received; they are close-on-exec. -EMFILE: this process
// had none free for one of them; the datagram is lost with all of them.
int64_t receive_with_descriptors(int socket, void* data, size_t bytes, int* descriptors, size_t* count,
                                 int64_t timeout_ns) noexcept;
// From now on the other end can send no descriptors here. Linux 6.16; nothing happens before.
void refuse_descriptors(int socket) noexcept;
// The other end sees the connection closed, whoever else holds a copy of this descriptor.
void hang_up(int socket) noexcept;
bool set_close_on_exec(int descriptor) noexcept;
// Another descriptor of the same file, close-on-exec, or a negated errno.
int duplicate(int descriptor) noexcept;
void close_descriptor(int descriptor) noexcept;

// --- the machine ---------------------------------------------------------------------------------------
int64_t now_ns() noexcept;  // monotonic
// min(affinity, cgroup v1/v2 CPU quota), at least 1; a quota of 1.5 CPUs counts as 1.
uint32_t usable_cpus() noexcept;
// The smaller of physical memory and the cgroup's limit, in bytes.
uint64_t memory_bytes() noexcept;
// 64 random bits for ids that are never reused.
uint64_t random_id() noexcept;
// Starts a thread that ends this process with `_exit(code)` when the other end of `socket` closes.
bool exit_when_closed(int socket, int code) noexcept;

inline void cpu_relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace isthmus::os
