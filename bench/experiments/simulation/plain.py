"""The loop in plain Python: plain.py PARTICLES. For each number on stdin, as many steps; then the seconds of the loop."""

from __future__ import annotations

import hashlib
import sys
import time

import numpy as np
from measure import first_state
from physics import DT, step

now = first_state(int(sys.argv[1]))
after = np.empty_like(now)
print("ready", flush=True)
for line in sys.stdin:
    steps = int(line)
    started = time.perf_counter()
    for _ in range(steps):
        step(now, after, DT)
        now, after = after, now
    print(time.perf_counter() - started, flush=True)
print(hashlib.sha256(now.tobytes()).hexdigest())
