"""First states, and those that numpy has after the steps of the plan; compiles the steps: prepare.py FOLDER PLAN."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path

import compiled
import numpy as np
from physics import init, step

PACKAGES = ("numpy", "numba", "llvmlite", "joblib")


def prepare(folder: Path, plan: dict[str, int]) -> None:
    particles = plan["particles"]
    print(
        f"{particles:,} particles: {plan['warm'] + plan['steps']} steps in numpy", file=sys.stderr
    )
    now = np.empty((3, particles, 2), np.float32)
    init(now)
    now.tofile(folder / f"{particles}-first.f32")
    after = np.empty_like(now)
    for _ in range(plan["warm"] + plan["steps"]):
        step(now, after)
        now, after = after, now
    now.tofile(folder / f"{particles}-last.f32")


def main() -> None:
    folder = Path(sys.argv[1])
    for plan in json.loads(sys.argv[2]):
        prepare(folder, plan)
    two = np.zeros((2, 3, 4, 2), np.float32)
    compiled.step(two[0], two[1])
    facts = {
        "packages": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    }
    print(json.dumps(facts))


main()
