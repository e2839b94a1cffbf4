"""`x * 2` in a plain script with numpy's own allocator: what the bridge must not be slower than.

Usage: double_alone.py <bytes> <seconds>. Prints one sample in ns per line. As through the bridge, a sample
covers computing the result, reading an element at each end, and giving the result up.
"""

from __future__ import annotations

import sys
from time import perf_counter_ns

import numpy as np


def main(nbytes: int, seconds: float) -> None:
    x = np.full(nbytes // 4, 0.25, np.float32)
    samples: list[int] = []
    end = perf_counter_ns() + int((seconds + 0.15) * 1e9)
    while len(samples) < 5 or perf_counter_ns() < end:
        mark = len(samples) % 1000
        x[0] = x[-1] = mark
        start = perf_counter_ns()
        y = x * 2
        first, last = y[0], y[-1]
        del y
        samples.append(perf_counter_ns() - start)
        assert first == last == 2 * mark
    print("\n".join(map(str, samples[2:])))


main(int(sys.argv[1]), float(sys.argv[2]))
