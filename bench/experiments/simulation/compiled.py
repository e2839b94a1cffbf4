"""The same physics as examples/particles, compiled by Numba: loops over particles and cells.

Forces are summed in float64, over the row of cells below first, each cell in the order of its particles. So
the state is the same for every number of blocks; from that of `particles.step` it differs by rounding.
"""

from __future__ import annotations

import math
import time

import numpy as np
from numba import njit
from physics import DT, Energies, Floats


def step(now: Floats, after: Floats, dt: float = DT, block: int = 0, blocks: int = 1) -> Energies:
    started = time.perf_counter()
    n = now.shape[1]
    s = 1 / math.sqrt(n)
    across = max(math.floor(1 / s), 1)
    low, high = across * block // blocks, across * (block + 1) // blocks
    kinetic, potential = advance(now, after, np.float32(dt * s), np.float32(s), across, low, high)
    seconds = time.perf_counter() - started
    return {"kinetic": kinetic, "potential": potential, "seconds": seconds}


@njit(cache=True)
def folded(x: np.float32) -> tuple[np.float32, bool]:
    """A coordinate after elastic walls at 0 and 1, and whether its velocity is turned round."""
    if 0 <= x <= 1:
        return x, False
    image = x % np.float32(2)
    if image > 1:
        return np.float32(2) - image, True
    return image, False


@njit(cache=True)
def cell_number(x: np.float32, across: int) -> int:
    return min(int(x * np.float32(across)), across - 1)


@njit(cache=True)
def advance(
    now: Floats,
    after: Floats,
    h: np.float32,
    s: np.float32,
    across: int,
    low: int,
    high: int,
) -> tuple[float, float]:
    """One time step of the particles that come to lie in rows `low` to `high` of cells."""
    half = h / np.float32(2)
    n = now.shape[1]
    bottom, top = max(low - 1, 0), min(high + 1, across)
    width = across + 2  # an empty cell at each end of a row
    starts = np.zeros((top - bottom) * width + 1, np.int32)
    where = np.empty(n, np.int32)
    cells = np.empty(n, np.int32)
    count = 0
    for i in range(n):
        velocity = now[1, i, 1] + now[2, i, 1] * half
        y, _ = folded(now[0, i, 1] + velocity * h)
        row = cell_number(y, across)
        if bottom <= row < top:
            velocity = now[1, i, 0] + now[2, i, 0] * half
            x, _ = folded(now[0, i, 0] + velocity * h)
            cell = (row - bottom) * width + cell_number(x, across) + 1
            where[count], cells[count] = i, cell
            starts[cell + 1] += 1
            count += 1
    for cell in range(len(starts) - 1):
        starts[cell + 1] += starts[cell]

    free = starts[:-1].copy()
    order = np.empty(count, np.int32)
    places = np.empty((count, 2), np.float32)
    velocities = np.empty((count, 2), np.float32)
    for k in range(count):
        i = where[k]
        at = free[cells[k]]
        free[cells[k]] += 1
        order[at] = i
        for axis in range(2):
            velocity = now[1, i, axis] + now[2, i, axis] * half
            x, turned = folded(now[0, i, axis] + velocity * h)
            places[at, axis] = x
            velocities[at, axis] = -velocity if turned else velocity

    kinetic = potential = 0.0
    for row in range(low, high):
        for column in range(1, across + 1):
            cell = (row - bottom) * width + column
            for a in range(starts[cell], starts[cell + 1]):
                fx = fy = 0.0
                x, y = places[a]
                for other in range(max(row - 1, bottom), min(row + 2, top)):
                    middle = (other - bottom) * width + column
                    for b in range(starts[middle - 1], starts[middle + 2]):
                        dx, dy = places[b, 0] - x, places[b, 1] - y
                        r2 = dx * dx + dy * dy
                        if r2 < s * s and b != a:
                            r = np.sqrt(r2)
                            gap = np.float32(1) - r / s
                            potential += 0.25 * gap * gap  # each pair is met twice
                            pull = gap / (s * max(r, np.float32(1e-20)))
                            fx -= dx * pull
                            fy -= dy * pull
                i = order[a]
                after[0, i, 0], after[0, i, 1] = x, y
                after[2, i, 0], after[2, i, 1] = fx, fy
                for axis in range(2):
                    velocity = velocities[a, axis] + after[2, i, axis] * half
                    after[1, i, axis] = velocity
                    kinetic += 0.5 * velocity * velocity
    return kinetic, potential
