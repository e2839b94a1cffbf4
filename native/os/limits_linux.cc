// What this process may use of the machine: cgroup v1 and v2 limits on CPU and memory.
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "os/os.h"

namespace isthmus::os {

namespace {

bool read_line(const std::string& path, char (&line)[256]) noexcept {
  FILE* file = fopen(path.c_str(), "re");
  if (file == nullptr) return false;
  const bool read = fgets(line, sizeof line, file) != nullptr;
  fclose(file);
  return read;
}

// Calls visit(directory) for the process's cgroup of a controller and each of its ancestors: a limit anywhere on the way
// up holds. `controller` null: the v2 hierarchy.
template <typename Visit>
void for_each_cgroup(const char* controller, Visit visit) noexcept {
  FILE* file = fopen("/proc/self/cgroup", "re");
  if (file == nullptr) return;
  char line[4096];
  std::string path;
  bool found = false;
  while (!found && fgets(line, sizeof line, file) != nullptr) {
    line[strcspn(line, "\n")] = 0;
    char* controllers = strchr(line, ':');
    char* group = controllers == nullptr ? nullptr : strchr(controllers + 1, ':');
    if (group == nullptr) continue;
    *group++ = 0;
    ++controllers;
    if (controller == nullptr) {
      found = *controllers == 0;
    } else {
      for (char* name = strtok(controllers, ","); name != nullptr; name = strtok(nullptr, ","))
        found = found || strcmp(name, controller) == 0;
    }
    path = group;
  }
  fclose(file);
  if (!found) return;
  const std::string root = controller == nullptr ? "/sys/fs/cgroup" : std::string("/sys/fs/cgroup/") + controller;
  for (;;) {
    visit(root + path);
    if (path.empty() || path == "/" || path[0] != '/') break;
    path.resize(path.rfind('/'));
  }
}

}  // namespace

uint32_t usable_cpus() noexcept {
  cpu_set_t set;
  long cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);
  const auto apply = [&cpus](long long quota, long long period) {
    if (quota > 0 && period > 0) cpus = std::min<long>(cpus, static_cast<long>(quota / period));
  };
  char line[256];
  for_each_cgroup(nullptr, [&](const std::string& group) {
    long long quota = 0;
    long long period = 0;
    if (read_line(group + "/cpu.max", line) && sscanf(line, "%lld %lld", &quota, &period) == 2) apply(quota, period);
  });
  for_each_cgroup("cpu", [&](const std::string& group) {
    const long long quota = read_line(group + "/cpu.cfs_quota_us", line) ? atoll(line) : 0;
    const long long period = read_line(group + "/cpu.cfs_period_us", line) ? atoll(line) : 0;
    apply(quota, period);
  });
  return static_cast<uint32_t>(std::max(1l, cpus));
}

uint64_t memory_bytes() noexcept {
  uint64_t bytes = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  char line[256];
  const auto apply = [&](const std::string& path) {
    if (!read_line(path, line)) return;
    const unsigned long long limit = strtoull(line, nullptr, 10);  // "max" reads as 0
    if (limit != 0) bytes = std::min<uint64_t>(bytes, limit);
  };
  for_each_cgroup(nullptr, [&](const std::string& group) { apply(group + "/memory.max"); });
  for_each_cgroup("memory", [&](const std::string& group) { apply(group + "/memory.limit_in_bytes"); });
  return bytes;
}

}  // namespace isthmus::os
