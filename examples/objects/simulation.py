"""Planets around a star: a class whose instances live in the worker."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["Simulation", "distance"]

Floats = NDArray[np.float64]


class Simulation:
    """`n` planets on circles of radius 1 to 2, in units in which the star pulls with 1/r²."""

    def __init__(self, n: int, seed: int = 1) -> None:
        random = np.random.default_rng(seed)
        radius, angle = 1 + random.random(n), 2 * np.pi * random.random(n)
        direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        self.positions = radius[:, None] * direction
        self.velocities = direction[:, ::-1] * [-1, 1] / np.sqrt(radius)[:, None]
        self.time = 0.0

    def step(self, dt: float, count: int = 1) -> float:
        """Moves on by `count` steps (leapfrog); the time then."""
        for _ in range(count):
            self.velocities += dt / 2 * self._pull()
            self.positions += dt * self.velocities
            self.velocities += dt / 2 * self._pull()
        self.time += count * dt
        return self.time

    def energy(self) -> float:
        """Kinetic and potential energy, per planet."""
        speed = (self.velocities**2).sum(axis=1)
        return float((speed / 2 - 1 / np.linalg.norm(self.positions, axis=1)).mean())

    def frames(self, dt: float, count: int) -> Iterator[Floats]:
        """The positions after each of `count` steps."""
        for _ in range(count):
            self.step(dt)
            yield self.positions.copy()

    def _pull(self) -> Floats:
        pull: Floats = -self.positions / np.linalg.norm(self.positions, axis=1)[:, None] ** 3
        return pull


def distance(a: Simulation, b: Simulation) -> float:
    """The largest distance between a planet of `a` and the same one of `b`."""
    return float(np.linalg.norm(a.positions - b.positions, axis=1).max())
