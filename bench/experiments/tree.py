"""Runs a command as a fresh process tree and measures all of it: tree.py RESULT INTERVAL_MS LIMIT_S -- COMMAND…

An interval of 0 takes no samples of memory: one takes the kernel milliseconds for each process.

Every descendant becomes a child of this process when its own parent ends (PR_SET_CHILD_SUBREAPER), so all are
waited for, and RUSAGE_CHILDREN is the CPU time of the whole tree. Memory is the sum of PSS over the tree.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LINGER_S = 5.0  # how long descendants may outlive the first process of the tree


def read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""  # the process has ended meanwhile


def descendants(pid: int) -> list[int]:
    found = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        for child in read(f"/proc/{pid}/task/{thread}/children").split():
            found += [int(child), *descendants(int(child))]
    return found


def pss_kb(pid: int) -> int:
    for line in read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


class Memory(threading.Thread):
    """The highest sum of PSS, and what it consisted of."""

    def __init__(self, interval_s: float) -> None:
        super().__init__(daemon=True)
        self.interval_s = interval_s
        self.peak_kb = 0
        self.parts: list[tuple[str, int]] = []
        self.samples = 0
        self.longest_gap_s = 0.0

    def run(self) -> None:
        here = os.getpid()
        last = time.monotonic()
        while True:
            shares = {pid: pss_kb(pid) for pid in descendants(here)}
            total = sum(shares.values())
            if total > self.peak_kb:
                self.peak_kb = total
                self.parts = [
                    (read(f"/proc/{pid}/comm").strip(), share) for pid, share in shares.items()
                ]
            self.samples += 1
            now = time.monotonic()
            time.sleep(max(0.001, self.interval_s - (now - last)))
            now = time.monotonic()
            self.longest_gap_s = max(self.longest_gap_s, now - last)
            last = now


def end_all(number: int) -> None:
    for pid in descendants(os.getpid()):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def main() -> None:
    result, interval_ms, limit_s = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    command = sys.argv[5:]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: (end_all(signal.SIGKILL), os._exit(130)))
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)  # whoever started it wants no more
    memory = Memory(interval_ms / 1000)
    start = time.monotonic_ns()
    root = os.posix_spawnp(command[0], command, os.environ)
    if interval_ms > 0:
        memory.start()
    over = threading.Timer(limit_s, end_all, [signal.SIGKILL])
    over.daemon = True
    over.start()
    status, ended = 0, 0
    while True:
        try:
            pid, code = os.wait()
        except ChildProcessError:
            break
        if pid == root:
            ended = time.monotonic_ns()
            status = os.waitstatus_to_exitcode(code)
            leftover = threading.Timer(LINGER_S, end_all, [signal.SIGKILL])
            leftover.daemon = True
            leftover.start()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = resource.getrusage(resource.RUSAGE_SELF)
    with open(result, "w") as file:
        json.dump(
            {
                "start": start,
                "ended": ended,
                "status": status,
                "overdue": (ended - start) / 1e9 >= limit_s,
                "cpuSeconds": usage.ru_utime + usage.ru_stime,
                "peakPssMb": memory.peak_kb / 1024,
                "parts": [[name, kb / 1024] for name, kb in memory.parts],
                "samples": memory.samples,
                "longestGapMs": memory.longest_gap_s * 1000,
                "samplerCpuSeconds": own.ru_utime + own.ru_stime,
            },
            file,
        )


main()
