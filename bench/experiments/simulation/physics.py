"""The simulation that all arms run: examples/particles, as it is."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "examples" / "particles"))

import particles
from particles import Energies, Floats, init

__all__ = ["DT", "Energies", "Floats", "init", "nothing", "read_state", "step"]

DT = 0.05


def step(now: Floats, after: Floats, dt: float = DT, block: int = 0, blocks: int = 1) -> Energies:
    """`particles.step`, with the seconds until its temporary arrays are freed, too."""
    started = time.perf_counter()
    energies = particles.step(now, after, dt, block, blocks)
    energies["seconds"] = time.perf_counter() - started
    return energies


def nothing(
    now: Floats, after: Floats, dt: float = DT, block: int = 0, blocks: int = 1
) -> Energies:
    """As `step`, without the physics: what is left is what its distribution takes."""
    started = time.perf_counter()
    return {"kinetic": 0.0, "potential": 0.0, "seconds": time.perf_counter() - started}


def read_state(file: Path, particles: int) -> Floats:
    return np.fromfile(file, np.float32).reshape(3, particles, 2)
