"""N soft disks in a two-dimensional unit box with elastic walls.

Plain numpy: nothing in this file knows that the arrays live in memory shared with Node.

The state of the simulation is one float32 array of shape [3, N, 2]: the planes positions, velocities
and forces. ``init`` fills one. ``step`` reads one state and writes the next one into another array, so
that whoever still looks at the first one is not disturbed. It may be called once for each of several
*blocks*, by as many processes at the same time: each reads all of ``now``, and writes some of the
particles of ``after``.

Potential
    A finite-range harmonic repulsion, the "soft disks" of foams and granular packings
    (D. J. Durian, Phys. Rev. Lett. 75, 4780 (1995); C. S. O'Hern et al., Phys. Rev. E 68,
    011306 (2003))::

        V(r) = k/2 (1 - r/s)^2   for r < s,   0 otherwise
        F(r) = k/s (1 - r/s)     along the line between the two centres

Integrator
    Velocity Verlet (L. Verlet, Phys. Rev. 159, 98 (1967); W. C. Swope et al., J. Chem. Phys. 76,
    637 (1982)): second order, time-reversible and symplectic, so the energy error stays small.

Neighbours
    A grid of cells with sides of at least s; each pair is met once (M. P. Allen, D. J. Tildesley,
    Computer Simulation of Liquids, 2nd ed. (2017), chapter 5).

Blocks
    A block is a range of rows of cells, with about as many particles as each of the others. It needs
    one more row below, whose pairs reach up into it, and one above, into which its own pairs reach.

Sums that do not depend on their order
    The force of a pair is rounded to a whole multiple of 2^-30 of the largest possible one, so a sum
    of them is a sum of whole numbers: exact in float64 below 2^53, whatever its order. Therefore the
    state is the same to the last bit for every number of blocks. (Fixed-point sums of forces: S. Le
    Grand, A. W. Goetz, R. C. Walker, Comput. Phys. Commun. 184, 374 (2013).) Everything else is
    computed for each particle alone, by operations that IEEE 754 rounds correctly.

Units
    Mass, k and the side of the box are 1, so temperature is an energy in units of k. The range
    s = 1/sqrt(N) shrinks as the number grows: the same physics at every N. Time steps are given in
    units of s sqrt(m/k), the time of one collision, so that dt = 0.05 suits every N.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["diameter", "forces", "init", "rescale", "step"]

Floats = NDArray[np.float32]
Vectors = NDArray[np.complex64]
Rows = NDArray[np.uint16]
Indices = NDArray[np.intp]
Sums = NDArray[np.float64]
Energies = dict[str, float]
"""``kinetic`` and ``potential`` energy of a block, and the ``seconds`` that the call took."""

CANDIDATES_AT_ONCE = 1 << 16
"""Pairs examined at a time: few enough for their temporaries to stay in a core's own cache."""

CLOSEST = np.float32(1e-20)
"""Keeps the direction of two particles at the very same point finite: it is then zero."""

WHOLE = 2.0**30
"""What the force of a pair is a whole number of, as parts of the largest possible one."""


def diameter(n: int) -> float:
    """The range s of the repulsion, in sides of the box."""
    return 1.0 / math.sqrt(max(n, 1))


def init(
    state: Floats,
    seed: int = 1,
    temperature: float = 0.01,
    swirl: float = 0.5,
) -> Energies:
    """Fill a state: a jittered lattice of particles, carried round by a few large vortices.

    ``temperature`` is that of the Maxwell-Boltzmann velocities, ``swirl`` the root mean square
    speed of the flow added to them. Where it is faster than sound, shocks form.
    """
    started = time.perf_counter()
    n = check("state", state)
    check_temperature(temperature)
    positions, velocities, force = state
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
    fold(positions.reshape(-1))

    rng.standard_normal(dtype=np.float32, out=velocities)
    velocities *= math.sqrt(temperature)
    velocities += swirl * vortices(positions, rng)
    potential = write_forces(positions, force)
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


# What overflows has flown to infinity, and `fold` says so.
@np.errstate(over="ignore", invalid="ignore")
def step(
    now: Floats,
    after: Floats,
    dt: float = 0.05,
    block: int = 0,
    blocks: int = 1,
) -> Energies:
    """Write the state that is one time step ``dt`` later than ``now`` into ``after``.

    Of ``blocks`` calls, which may run at the same time, each writes the particles of its ``block``,
    and returns their energies: these, added, are those of the whole.
    """
    started = time.perf_counter()
    n = check_two(now, after)
    check_block(block, blocks)
    h = dt * diameter(n)
    if blocks > 1:
        velocities, potential = step_block(now, after, h, block, blocks)
    else:
        positions, velocities, force = after
        drift(now, h, positions, velocities)
        potential = write_forces(positions, force)
        velocities += force * (h / 2)
    return energies(velocities, potential, started)


def step_block(
    now: Floats, after: Floats, h: float, block: int, blocks: int
) -> tuple[Floats, float]:
    """Write the particles of one block. Gives their velocities, and their potential energy."""
    n = now.shape[1]
    rows = rows_after(now, h)
    low, high = rows_of_block(rows, block, blocks)
    below = max(low - 1, 0)
    # Less than `below` is more than any row: these numbers have no sign.
    rows -= np.uint16(below)
    chosen = np.flatnonzero(rows <= high - below if low < high else rows < 0)
    old = np.empty((3, len(chosen), 2), np.float32)
    for taken, plane in zip(old, now, strict=True):
        vectors(plane).take(chosen, out=vectors(taken), mode="clip")
    positions, velocities = np.empty((2, len(chosen), 2), np.float32)
    drift(old, h, positions, velocities)

    order, force, potential = forces_in_order(
        n, positions, rows.take(chosen), low - below, high - below
    )
    velocities = vectors(velocities).take(order).view(np.float32).reshape(-1, 2)
    velocities += force * (h / 2)
    which = chosen.take(order)
    vectors(after[0])[which] = vectors(positions).take(order)
    vectors(after[1])[which] = vectors(velocities)
    vectors(after[2])[which] = vectors(force)
    return velocities, potential


def drift(old: Floats, h: float, positions: Floats, velocities: Floats) -> None:
    """The first half of a step: velocities after half of it, and positions after all of it."""
    np.multiply(old[2], h / 2, out=velocities)
    velocities += old[1]
    np.multiply(velocities, h, out=positions)
    positions += old[0]
    turned = fold(positions.reshape(-1))
    velocities.reshape(-1)[turned] *= -1


def rows_after(old: Floats, h: float) -> Rows:
    """The rows of cells in which the particles will be: `drift`, of one coordinate."""
    y = old[2, :, 1] * np.float32(h / 2)
    y += old[1, :, 1]
    y *= h
    y += old[0, :, 1]
    fold(y)
    return cell_numbers(y, cells_across(len(y)))


def rows_of_block(rows: Rows, block: int, blocks: int) -> tuple[int, int]:
    """The first row of a block, and the first one after it. Blocks have about as many particles each."""
    across = cells_across(len(rows))
    particles_before = np.zeros(across + 1, np.intp)
    np.cumsum(np.bincount(rows, minlength=across), out=particles_before[1:])
    share = [len(rows) * b // blocks for b in (block, block + 1)]
    low, high = particles_before.searchsorted(share).tolist()
    return low, across if block == blocks - 1 else high


def rescale(now: Floats, after: Floats, temperature: float) -> Energies:
    """Copy a state, with velocities multiplied so that its kinetic temperature is ``temperature``.

    In two dimensions that is the kinetic energy per particle. Velocity rescaling: L. V. Woodcock,
    Chem. Phys. Lett. 10, 257 (1971).
    """
    started = time.perf_counter()
    n = check_two(now, after)
    check_temperature(temperature)
    kinetic = kinetic_energy(now[1])
    if n > 0 and kinetic == 0 and temperature > 0:
        raise ValueError("particles at rest have no velocities to rescale")
    after[0] = now[0]
    np.multiply(now[1], math.sqrt(temperature * n / kinetic) if kinetic else 0, out=after[1])
    potential = write_forces(after[0], after[2])
    return energies(after[1], potential, started)


def forces(positions: Floats) -> tuple[Floats, float]:
    """The force on every particle, float32 [N, 2], and the potential energy of them all."""
    if len(positions) and not (positions.min() >= 0 and positions.max() <= 1):
        raise ValueError("positions must lie in the unit box")
    force = np.empty_like(positions)
    return force, write_forces(positions, force)


def write_forces(positions: Floats, force: Floats) -> float:
    """As `forces`, of positions that are known to lie in the box, into an array that exists."""
    n = len(positions)
    across = cells_across(n)
    row = cell_numbers(positions[:, 1], across)
    order, found, potential = forces_in_order(n, positions, row, 0, across)
    vectors(force)[order] = vectors(found)
    return potential


def forces_in_order(
    n: int, positions: Floats, row: Rows, low: int, high: int
) -> tuple[Indices, Floats, float]:
    """Forces on those particles whose ``row`` is ``low`` or more and less than ``high``.

    Those in the rows next to these are there as neighbours only. ``n`` is the number of all the
    particles of the simulation. Gives which particles these are, in the order of their cells, the
    forces in that order, and the potential energy of the pairs whose lower row is among the rows.
    """
    s = diameter(n)
    # A vector in the plane is one complex number: it is gathered at once.
    order, cells, width = sort_by_cell(positions, row, cells_across(n))
    sorted_vectors = vectors(positions).take(order)
    first, last = cells.searchsorted((low * width, high * width)).tolist()
    sums = np.zeros((2, len(order)))
    potential = 0.0
    for i, j in candidate_pairs(cells, width, first, last):
        d = sorted_vectors.take(j)
        d -= sorted_vectors.take(i)
        r2 = d.real**2 + d.imag**2
        near = np.flatnonzero(r2 < s * s)
        if len(near) == 0:
            continue
        i, j, d, r = i.take(near), j.take(near), d.take(near), np.sqrt(r2.take(near))
        gap = 1 - r / s
        own = gap[i.searchsorted(first) :]
        potential += 0.5 * float(np.sum(own * own, dtype=np.float64))
        gap *= WHOLE
        gap /= np.maximum(r, CLOSEST)
        # Newton's third law: each pair is met once, -F for i and +F for j (never below i).
        base = i[0]
        i -= base
        j -= base
        for total, part in zip(sums[:, base:], (d.real, d.imag), strict=True):
            f = np.rint(part * gap)
            on_j, on_i = np.bincount(j, f), np.bincount(i, f)
            total[: len(on_j)] += on_j
            total[: len(on_i)] -= on_i
    force = np.empty((last - first, 2), np.float32)
    for axis, total in enumerate(sums[:, first:last]):
        force[:, axis] = total * (1 / (s * WHOLE))
    return order[first:last], force, potential


def vectors(plane: Floats) -> Vectors:
    return plane.view(np.complex64).reshape(len(plane))


def cells_across(n: int) -> int:
    """How many cells stand side by side. The side of a cell is at least s."""
    return max(math.floor(1 / diameter(n)), 1)


def cell_numbers(coordinate: Floats, across: int) -> Rows:
    numbers = (coordinate * across).astype(np.uint16)
    return np.minimum(numbers, across - 1, out=numbers)


def sort_by_cell(positions: Floats, row: Rows, across: int) -> tuple[Indices, Indices, int]:
    """Which particle comes when all are in the order of their cells, the cells, and their stride.

    One column of empty cells at the far end of the rows stands for the neighbours that the cells at
    the walls lack. Two stable sorts of 16-bit numbers are two radix sorts: faster than one sort of
    cell numbers, and as fast when the particles have mixed.
    """
    column = cell_numbers(positions[:, 0], across)
    order = np.argsort(column, kind="stable")
    order = order.take(np.argsort(row.take(order), kind="stable"))
    width = across + 1
    cells = row.take(order).astype(np.intp)
    cells *= width
    cells += column.take(order)
    return order, cells, width


def candidate_pairs(
    cells: Indices, width: int, first: int, last: int
) -> Iterator[tuple[Indices, Indices]]:
    """Every pair of neighbours of which one is among ``first`` to ``last``, once, some at a time.

    Neighbours are particles in the same or in neighbouring cells. They are numbered in the order of
    their cells, so the partners of each are two ranges: the rest of its own cell and the next one,
    and three cells in a line of the row above. Those before ``first`` are in the row below.
    """
    grid = (int(cells[-1]) // width + 2) * width + 2 if len(cells) else 0
    starts = np.zeros(grid + 1, np.intp)
    np.cumsum(np.bincount(cells, minlength=grid), out=starts[1:])
    cells = cells[:last]
    stops = np.empty((last, 2), np.intp)
    counts = np.empty((last, 2), np.intp)
    stops[:, 0] = starts[2:].take(cells)
    stops[:, 1] = starts[width + 2 :].take(cells)
    counts[:, 0] = stops[:, 0] - np.arange(1, last + 1)
    counts[:, 1] = stops[:, 1] - starts[width - 1 :].take(cells)
    counts[:first, 0] = 0
    stop, count = stops.reshape(-1), counts.reshape(-1)
    ends = count.cumsum()
    begun = done = 0
    while begun < 2 * last:
        until = max(int(ends.searchsorted(done + CANDIDATES_AT_ONCE, "right")), begun + 1)
        some = slice(begun, until)
        i = np.repeat(np.arange(begun, until) >> 1, count[some])
        j = np.repeat(stop[some] - ends[some], count[some])
        j += np.arange(done, ends[until - 1])
        yield i, j
        begun, done = until, ends[until - 1]


def fold(x: Floats) -> Indices:
    """Elastic walls: fold coordinates that have left the box back into it. Gives those to turn round."""
    outside = np.flatnonzero(~((x >= 0) & (x <= 1)))
    image = np.mod(x[outside], 2)
    if np.isnan(image).any():
        raise FloatingPointError("particles have flown to infinity: take a smaller dt")
    odd = image > 1
    x[outside] = np.where(odd, 2 - image, image)
    return outside[odd]


def kinetic_energy(velocities: Floats) -> float:
    v = velocities.reshape(-1)
    return 0.5 * float(np.einsum("i,i->", v, v, dtype=np.float64))


def energies(velocities: Floats, potential: float, started: float) -> Energies:
    kinetic = kinetic_energy(velocities)
    return {
        "kinetic": kinetic,
        "potential": potential,
        "seconds": time.perf_counter() - started,
    }


def check_two(now: Floats, after: Floats) -> int:
    """The number of particles of both states, or a refusal."""
    n = check("now", now)
    if check("after", after) != n:
        raise ValueError(f"now has {n} particles, but after has {after.shape[1]}")
    if np.may_share_memory(now, after):
        raise ValueError(
            "now and after must be different arrays: a step reads one, and writes the other"
        )
    return n


def check(name: str, state: Floats) -> int:
    """The number of particles, or a refusal of what is not a state."""
    if not isinstance(state, np.ndarray):
        raise TypeError(f"{name} must be a numpy array, got {type(state).__name__}")
    if state.dtype != np.float32:
        raise TypeError(f"{name} must be float32, got {state.dtype}")
    if state.ndim != 3 or state.shape[0] != 3 or state.shape[2] != 2:
        raise ValueError(f"{name} must have the shape [3, N, 2], got {list(state.shape)}")
    if not state.flags.c_contiguous:
        raise ValueError(f"{name} must be contiguous")
    return int(state.shape[1])


def check_block(block: int, blocks: int) -> None:
    for name, value in (("block", block), ("blocks", blocks)):
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{name} must be a whole number, got {value!r}")
    if blocks < 1 or not 0 <= block < blocks:
        raise ValueError(f"block must be one of blocks, from 0, got {block} of {blocks}")


def check_temperature(temperature: float) -> None:
    if not 0 <= temperature < math.inf:
        raise ValueError(f"temperature must not be negative, got {temperature}")
