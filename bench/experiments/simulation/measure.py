"""What every arm in Python does with its way of distributing a step. isthmus.ts does the same in Node."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from arm_report import ArmReport
from numpy.typing import ArrayLike
from physics import Floats, read_state

FOLDER = Path(os.environ["SIMULATION_FOLDER"])
WARM_EMPTY = 20
WARM_SECONDS = 0.2


class Technique:
    """A state and a way to advance it in all blocks."""

    copied = 0
    """Bytes of arrays that a step copied from process to process."""

    def advance(self, function: str) -> float:
        """`step`, `compiled`, or `nothing`, which changes no state: the seconds of the longest block."""
        raise NotImplementedError

    def state(self) -> Floats:
        raise NotImplementedError

    def close(self) -> None:
        """Ends what it has started."""


def first_state(particles: int) -> Floats:
    return read_state(FOLDER / f"{particles}-first.f32", particles)


def measure(make: type[Technique], function: str, workers: int) -> None:
    """Runs what SIMULATION_PLAN says with each number of particles, and reports."""
    report = ArmReport()
    labels = []
    difference = 0.0
    for plan in json.loads(os.environ["SIMULATION_PLAN"]):
        particles = plan["particles"]
        technique = make(particles, workers)
        report.mark("ready")
        measure_steps(technique, function, plan, report, workers)
        if workers > 1:
            measure_empty(technique, plan, report)
        state = technique.state()
        labels.append(hashlib.sha256(state[:2].tobytes()).hexdigest())
        if function == "compiled":
            difference = max(difference, differing(state, particles))
        technique.close()
    report.mark("last")
    if function == "compiled":
        report.figure("difference", difference)
    report.write(labels)


def measure_steps(
    technique: Technique,
    function: str,
    plan: dict[str, Any],
    report: ArmReport,
    workers: int,
) -> None:
    particles = plan["particles"]
    walls, physics = [], []
    for round in range(plan["warm"] + plan["steps"]):
        start = time.perf_counter()
        seconds = technique.advance(function)
        wall = time.perf_counter() - start
        report.mark("first")
        if round >= plan["warm"]:
            walls.append(wall * 1e6)
            physics.append(seconds * 1e6)
    percentiles(report, f"{particles}.wall", walls)
    percentiles(report, f"{particles}.physics", physics)
    if workers > 1:
        percentiles(report, f"{particles}.overhead", np.subtract(walls, physics))
    report.figure(f"{particles}.copied", technique.copied)


def percentiles(report: ArmReport, name: str, times: ArrayLike) -> None:
    """Of microseconds."""
    for share in (50, 90):
        report.figure(f"{name}.p{share}", float(np.percentile(times, share)))


def measure_empty(technique: Technique, plan: dict[str, Any], report: ArmReport) -> None:
    particles = plan["particles"]
    empty_steps(technique, WARM_EMPTY, WARM_SECONDS)
    times = empty_steps(technique, plan["empty"], plan["emptySeconds"])
    percentiles(report, f"{particles}.empty", times)


def empty_steps(technique: Technique, most: int, seconds: float) -> list[float]:
    """One at least, and no more after so many seconds."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < most:
        start = time.perf_counter()
        if start > end and times:
            break
        technique.advance("nothing")
        times.append((time.perf_counter() - start) * 1e6)
    return times


def differing(state: Floats, particles: int) -> float:
    """How far positions are from the reference, in ranges of the force between two particles."""
    reference = read_state(FOLDER / f"{particles}-last.f32", particles)
    return float(np.abs(state[0] - reference[0]).max()) * particles**0.5
