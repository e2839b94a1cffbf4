"""N soft disks in a two-dimensional unit box with elastic walls.

Plain numpy: nothing in this file knows that the arrays live in memory shared with Node.
Every function takes ``positions`` and ``velocities``, float32 arrays of shape [N, 2] that are
updated *in place*.

Potential
    A finite-range harmonic repulsion, the "soft disks" of foams and granular packings
    (D. J. Durian, Phys. Rev. Lett. 75, 4780 (1995); C. S. O'Hern et al., Phys. Rev. E 68,
    011306 (2003))::

        V(r) = k/2 (1 - r/s)^2   for r < s,   0 otherwise
        F(r) = k/s (1 - r/s)     along the line between the two centres

Integrator
    Velocity Verlet (L. Verlet, Phys. Rev. 159, 98 (1967); W. C. Swope et al., J. Chem. Phys. 76,
    637 (1982)): second order, time-reversible and symplectic, so the energy error stays small.

Units
    Mass, k and the side of the box are 1, so temperature is an energy in units of k. The range
    s = 1/sqrt(N) shrinks as the number grows: the same physics at every N. Time steps are given in
    units of s sqrt(m/k), the time of one collision, so that dt = 0.05 suits every N.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["diameter", "forces", "init", "step"]

Floats = NDArray[np.float32]
Vectors = NDArray[np.complex64]
Indices = NDArray[np.intp]
Energies = dict[str, float]

CANDIDATES_PER_BLOCK = 1 << 16
"""Pairs examined at a time: few enough for their temporaries to stay in a core's own cache."""

CLOSEST = np.float32(1e-20)
"""Keeps the direction of two particles at the very same point finite: it is then zero."""


def diameter(n: int) -> float:
    """The range s of the repulsion, in sides of the box."""
    return 1.0 / math.sqrt(max(n, 1))


def init(
    positions: Floats,
    velocities: Floats,
    seed: int = 1,
    temperature: float = 0.01,
    swirl: float = 0.5,
) -> Energies:
    """Fill both arrays: a jittered lattice of particles, carried round by a few large vortices.

    ``temperature`` is that of the Maxwell-Boltzmann velocities, ``swirl`` the root mean square
    speed of the flow added to them. Where it is faster than sound, shocks form.
    """
    started = time.perf_counter()
    n = check(positions, velocities)
    if not temperature >= 0:
        raise ValueError(f"temperature must not be negative, got {temperature}")
    rng = np.random.default_rng(seed)
    columns = max(math.ceil(math.sqrt(n)), 1)
    rows = max(math.ceil(n / columns), 1)
    index = np.arange(n)
    # Row by row, so that neighbours in the box are neighbours in memory.
    positions[:, 0] = (index % columns + 0.5) / columns
    positions[:, 1] = (index // columns + 0.5) / rows
    jitter = rng.random(dtype=np.float32, out=velocities)
    jitter -= 0.5
    jitter *= 0.5 * diameter(n)
    positions += jitter
    reflect(positions, velocities)

    rng.standard_normal(dtype=np.float32, out=velocities)
    velocities *= math.sqrt(temperature)
    velocities += swirl * vortices(positions, rng)
    _, potential = known_forces(positions)
    return energies(velocities, potential, started)


def vortices(positions: Floats, rng: np.random.Generator, modes: int = 3) -> Floats:
    """A flow of unit root mean square speed that neither compresses nor crosses a wall.

    It is the curl of a stream function, the sum of c[a, b] sin(a pi x) sin(b pi y) with random c.
    """
    waves = np.arange(1, modes + 1)
    c = rng.standard_normal((modes, modes))
    mean_square = np.sum((c * np.pi) ** 2 * np.add.outer(waves**2, waves**2)) / 4
    c = (c / math.sqrt(mean_square)).astype(np.float32)
    k = (np.pi * waves).astype(np.float32)
    x, y = (np.multiply.outer(k, axis) for axis in positions.T)
    flow = np.empty_like(positions)
    flow[:, 0] = np.sum((c.T @ np.sin(x)) * np.cos(y) * k[:, None], axis=0)
    flow[:, 1] = -np.sum((c @ np.sin(y)) * np.cos(x) * k[:, None], axis=0)
    return flow


def step(positions: Floats, velocities: Floats, dt: float = 0.05, substeps: int = 1) -> Energies:
    """Advance both arrays by ``substeps`` time steps of ``dt``, in units of s sqrt(m/k).

    Returns the energies after the last of them, and the seconds that it all took.
    """
    started = time.perf_counter()
    n = check(positions, velocities)
    h = dt * diameter(n)
    force, potential = known_forces(positions)
    change = np.empty_like(velocities)
    for _ in range(substeps):
        velocities += np.multiply(force, h / 2, out=change)
        positions += np.multiply(velocities, h, out=change)
        reflect(positions, velocities)
        force, potential = forces(positions)
        velocities += np.multiply(force, h / 2, out=change)
    remember(positions, force, potential)
    return energies(velocities, potential, started)


def forces(positions: Floats) -> tuple[Floats, float]:
    """The force on every particle, float32 [N, 2], and the potential energy of them all."""
    n = len(positions)
    s = diameter(n)
    # A vector in the plane is one complex number: it is gathered and subtracted at once.
    vectors = positions.view(np.complex64).reshape(n)
    order, cells, width = sort_by_cell(positions)
    vectors = vectors.take(order)
    total = np.zeros(n, np.complex64)
    potential = 0.0
    for i, j in candidate_pairs(cells, width):
        d = vectors.take(j)
        d -= vectors.take(i)
        r2 = d.real**2 + d.imag**2
        near = np.flatnonzero(r2 < s * s)
        if len(near) == 0:
            continue
        i, j, d, r = i.take(near), j.take(near), d.take(near), np.sqrt(r2.take(near))
        gap = 1 - r / s
        potential += 0.5 * float(np.sum(gap * gap, dtype=np.float64))
        d *= gap / (s * np.maximum(r, CLOSEST))
        # Newton's third law: each pair is counted once, -F for i and +F for j (never below i).
        base = i[0]
        i -= base
        j -= base
        for axis, f in ((total.real[base:], d.real), (total.imag[base:], d.imag)):
            add(axis, np.bincount(j, f))
            add(axis, -np.bincount(i, f))
    force = np.empty_like(positions)
    force.view(np.complex64).reshape(n)[order] = total
    return force, potential


def add(axis: Floats, part: NDArray[Any]) -> None:
    axis[: len(part)] += part


def sort_by_cell(positions: Floats) -> tuple[Indices, Indices, int]:
    """Which particle comes when all are in the order of their cells, the cells, and their stride.

    The side of a cell is at least s. One column and one row of empty cells at the far ends stand
    for the neighbours that the cells at the walls lack. Two stable sorts of 16-bit numbers are two
    radix sorts: faster than one sort of cell numbers, and as fast when the particles have mixed.
    """
    if len(positions) and not (positions.min() >= 0 and positions.max() <= 1):
        raise ValueError("positions must lie in the unit box")
    cells_across = max(math.floor(1 / diameter(len(positions))), 1)
    grid = (positions * cells_across).astype(np.uint16)
    np.minimum(grid, cells_across - 1, out=grid)
    column, row = np.ascontiguousarray(grid.T)
    order = np.argsort(column, kind="stable")
    order = order.take(np.argsort(row.take(order), kind="stable"))
    width = cells_across + 1
    cells = row.take(order).astype(np.intp)
    cells *= width
    cells += column.take(order)
    return order, cells, width


def candidate_pairs(cells: Indices, width: int) -> Iterator[tuple[Indices, Indices]]:
    """Every pair of particles in the same or in neighbouring cells, once, block by block.

    Particles are numbered in the order of their cells, so the partners of each are two ranges:
    the rest of its own cell and the next one, and three cells in a line of the row above.
    """
    n = len(cells)
    starts = np.zeros(width * (width + 1) + 1, np.intp)
    np.cumsum(np.bincount(cells, minlength=width * (width + 1)), out=starts[1:])
    stops = np.empty((n, 2), np.intp)
    counts = np.empty((n, 2), np.intp)
    stops[:, 0] = starts.take(cells + 2)
    stops[:, 1] = starts.take(cells + (width + 2), mode="clip")
    counts[:, 0] = stops[:, 0] - np.arange(1, n + 1)
    counts[:, 1] = stops[:, 1] - starts.take(cells + (width - 1))
    stop, count = stops.reshape(-1), counts.reshape(-1)
    ends = count.cumsum()
    first = done = 0
    while first < 2 * n:
        last = max(int(ends.searchsorted(done + CANDIDATES_PER_BLOCK, "right")), first + 1)
        block = slice(first, last)
        i = np.repeat(np.arange(first, last) >> 1, count[block])
        j = np.repeat(stop[block] - ends[block], count[block])
        j += np.arange(done, ends[last - 1])
        yield i, j
        first, done = last, ends[last - 1]


def reflect(positions: Floats, velocities: Floats) -> None:
    """Elastic walls: fold what has left the box back into it, and turn its velocity round."""
    x, v = positions.reshape(-1), velocities.reshape(-1)
    outside = np.flatnonzero(~((x >= 0) & (x <= 1)))
    if len(outside) == 0:
        return
    image = np.mod(x[outside], 2)
    if np.isnan(image).any():
        raise FloatingPointError("particles have flown to infinity: take a smaller dt")
    odd = image > 1
    x[outside] = np.where(odd, 2 - image, image)
    v[outside[odd]] *= -1


_known: tuple[Floats, Floats, float] | None = None
"""Positions, and the forces and potential there, of the last step: half of the next one's work."""


def known_forces(positions: Floats) -> tuple[Floats, float]:
    """The forces, from the last step if these are its positions: compared by value, so that
    other arrays, or changes made to these meanwhile, are seen."""
    if _known is None or not np.array_equal(_known[0], positions):
        remember(positions, *forces(positions))
    assert _known is not None
    return _known[1], _known[2]


def remember(positions: Floats, force: Floats, potential: float) -> None:
    global _known
    _known = positions.copy(), force, potential


def energies(velocities: Floats, potential: float, started: float) -> Energies:
    v = velocities.reshape(-1)
    kinetic = 0.5 * float(np.einsum("i,i->", v, v, dtype=np.float64))
    return {"kinetic": kinetic, "potential": potential, "seconds": time.perf_counter() - started}


def check(positions: Floats, velocities: Floats) -> int:
    """The number of particles, or a refusal of arrays that cannot be updated in place."""
    for name, array in (("positions", positions), ("velocities", velocities)):
        if array.dtype != np.float32:
            raise TypeError(f"{name} must be float32, got {array.dtype}")
        if array.ndim != 2 or array.shape[1] != 2 or not array.flags.c_contiguous:
            raise ValueError(f"{name} must be a contiguous [N, 2] array, got {array.shape}")
    if len(positions) != len(velocities):
        raise ValueError(f"{len(positions)} positions, but {len(velocities)} velocities")
    return len(positions)
