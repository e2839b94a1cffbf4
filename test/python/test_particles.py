"""The physics of examples/particles, against theory and against a reference without tricks."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "particles"))
import particles


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(particles, "_known", None)


def start(n, **options):
    positions = np.empty((n, 2), np.float32)
    velocities = np.empty((n, 2), np.float32)
    return positions, velocities, particles.init(positions, velocities, **options)


def cluster(n=400, seed=3):
    """Overlapping particles in the middle of the box, too slow to reach a wall."""
    rng = np.random.default_rng(seed)
    positions = (0.3 + 0.4 * rng.random((n, 2))).astype(np.float32)
    velocities = rng.normal(0, 0.1, (n, 2)).astype(np.float32)
    return positions, velocities


def total(energies):
    return energies["kinetic"] + energies["potential"]


def brute_force(positions):
    """Every pair, in float64, straight from the formula in the docstring."""
    x = positions.astype(float)
    s = particles.diameter(len(x))
    d = x[None] - x[:, None]
    r = np.hypot(d[..., 0], d[..., 1])
    gap = np.where(r < s, 1 - r / s, 0)
    np.fill_diagonal(gap, 0)
    direction = d / np.where(r > 0, r, 1)[..., None]
    return -np.sum(gap[..., None] / s * direction, axis=1), 0.25 * np.sum(gap**2)


ARRANGEMENTS = {
    "uniform": lambda rng, n: rng.random((n, 2)),
    "left edge": lambda rng, n: rng.random((n, 2)) * [0, 1],
    "right edge": lambda rng, n: rng.random((n, 2)) * [0, 1] + [1, 0],
    "last floats": lambda rng, n: (
        np.nextafter(np.float32(1), np.float32(0)) - rng.random((n, 2)) / n
    ),
    "round a corner": lambda rng, n: np.maximum(
        1 - 0.5 * rng.random((n, 2)) / np.sqrt(n), np.resize(np.eye(2), (n, 2))
    ),
    "top edge": lambda rng, n: rng.random((n, 2)) * [1, 0] + [0, 1],
    "one cell": lambda rng, n: 0.5 + 0.5 * rng.random((n, 2)) / np.sqrt(n),
    "dense": lambda rng, n: 0.4 + 0.2 * rng.random((n, 2)),
    "corners": lambda rng, n: rng.integers(0, 2, (n, 2)),
}


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
@pytest.mark.parametrize("n", [2, 3, 7, 60, 99, 500])
def test_forces_equal_brute_force(arrangement, n):
    positions = ARRANGEMENTS[arrangement](np.random.default_rng(n), n).astype(np.float32)
    force, potential = particles.forces(positions)
    expected, expected_potential = brute_force(positions)
    strongest = 1 / particles.diameter(n)
    np.testing.assert_allclose(force, expected, rtol=1e-4, atol=1e-4 * strongest)
    assert potential == pytest.approx(expected_potential, rel=1e-5, abs=1e-6)


def test_forces_do_not_depend_on_how_pairs_are_cut_into_blocks(monkeypatch):
    positions, _ = cluster()
    whole, potential = particles.forces(positions)
    monkeypatch.setattr(particles, "CANDIDATES_PER_BLOCK", 5)
    pieces, potential_of_pieces = particles.forces(positions)
    np.testing.assert_allclose(pieces, whole, rtol=1e-4, atol=1e-3)
    assert potential_of_pieces == pytest.approx(potential, rel=1e-6)


def test_every_close_pair_is_a_candidate_exactly_once():
    positions = np.random.default_rng(5).random((300, 2), dtype=np.float32)
    order, cells, width = particles.sort_by_cell(positions)
    assert np.all(np.diff(cells) >= 0)
    pairs = [
        tuple(sorted(pair))
        for i, j in particles.candidate_pairs(cells, width)
        for pair in zip(order[i].tolist(), order[j].tolist(), strict=True)
    ]
    assert len(pairs) == len(set(pairs))
    r = np.hypot(*(positions[None] - positions[:, None]).T)
    a, b = np.nonzero(np.triu(r < particles.diameter(300), 1))
    assert set(zip(a.tolist(), b.tolist(), strict=True)) <= set(pairs)


def test_newtons_third_law():
    positions, _ = cluster(2)
    positions[1] = positions[0] + np.float32(0.1)
    force, _ = particles.forces(positions)
    assert np.abs(force).min() > 0
    np.testing.assert_array_equal(force[0], -force[1])
    assert np.dot(force[1], positions[1] - positions[0]) > 0, "it repels"


def test_momentum_is_conserved_away_from_walls():
    positions, velocities = cluster()
    before = velocities.sum(axis=0, dtype=float)
    push = np.abs(particles.forces(positions)[0]).sum() * particles.diameter(len(positions)) * 0.02
    for _ in range(50):
        particles.step(positions, velocities, 0.02)
    assert positions.min() > 0 and positions.max() < 1
    change = np.abs(velocities.sum(axis=0, dtype=float) - before)
    assert change.max() < 1e-5 * push


def test_energy_error_shrinks_with_the_square_of_dt():
    def worst(dt, time=1.5):
        positions, velocities = cluster()
        energy = total(particles.step(positions, velocities, 0))
        errors = [
            abs(total(particles.step(positions, velocities, dt)) / energy - 1)
            for _ in range(round(time / dt))
        ]
        assert positions.min() > 0 and positions.max() < 1
        return max(errors)

    coarse, middle, fine = worst(0.1), worst(0.05), worst(0.025)
    assert 2.5 < coarse / middle < 6
    assert 2.5 < middle / fine < 6


@pytest.mark.parametrize("n", [1000, 20_000])
def test_energy_is_conserved_over_a_hundred_steps(n):
    positions, velocities, energies = start(n)
    after = particles.step(positions, velocities, 0.05, substeps=100)
    assert total(after) == pytest.approx(total(energies), rel=2e-3)
    assert after["potential"] != energies["potential"]


def test_energy_is_that_of_the_arrays():
    positions, velocities, _ = start(300)
    energies = particles.step(positions, velocities, 0.05)
    assert energies["kinetic"] == pytest.approx(0.5 * np.sum(velocities.astype(float) ** 2))
    assert energies["potential"] == pytest.approx(brute_force(positions)[1], rel=1e-5)
    assert energies["seconds"] > 0


def test_time_runs_backwards_too():
    positions, velocities = cluster()
    there = positions.copy()
    particles.step(positions, velocities, 0.05, substeps=20)
    assert np.abs(positions - there).max() > 1e-3
    velocities *= -1
    particles.step(positions, velocities, 0.05, substeps=20)
    np.testing.assert_allclose(positions, there, atol=1e-4)


def test_nothing_leaves_the_box():
    positions, velocities, _ = start(2000, temperature=1.0, swirl=2.0)
    for _ in range(100):
        particles.step(positions, velocities, 0.1)
        assert positions.min() >= 0 and positions.max() <= 1


@pytest.mark.parametrize(
    ("x", "v", "expected_x", "expected_v"),
    [
        (0.25, 0.5, 0.75, 0.5),
        (0.25, -0.5, 0.25, 0.5),
        (0.75, 0.5, 0.75, -0.5),
        (0.5, 2.25, 0.75, -2.25 + 4.5),
        (0.5, -1.75, 0.75, -1.75),
    ],
)
def test_walls_are_elastic(x, v, expected_x, expected_v):
    """One particle, one step of one unit of time: folded as often as it takes."""
    positions = np.array([[x, 0.5]], np.float32)
    velocities = np.array([[v, 0]], np.float32)
    before = total(particles.step(positions, velocities, 0))
    after = particles.step(positions, velocities, 1.0)
    np.testing.assert_allclose(positions, [[expected_x, 0.5]], atol=1e-6)
    np.testing.assert_allclose(velocities, [[expected_v, 0]])
    assert total(after) == before


def test_arrays_are_updated_in_place():
    memory = np.zeros(4000, np.float32)
    positions, velocities = memory[:2000].reshape(1000, 2), memory[2000:].reshape(1000, 2)
    particles.init(positions, velocities)
    before = memory.copy()
    particles.step(positions, velocities, 0.05)
    assert np.all(np.mean(memory.reshape(2, -1) != before.reshape(2, -1), axis=1) > 0.9)


def test_a_seed_gives_the_same_run_to_the_last_bit():
    first, second, other = start(3000, seed=7), start(3000, seed=7), start(3000, seed=8)
    assert not np.array_equal(first[0], other[0])
    for _ in range(5):
        for positions, velocities, _ in (first, second):
            particles.step(positions, velocities, 0.05)
    for a, b in zip(first[:2], second[:2], strict=True):
        np.testing.assert_array_equal(a, b)


def test_changes_made_between_steps_are_seen():
    """The forces of the last step are known only for the positions of the last step."""
    positions, velocities = cluster()
    particles.step(positions, velocities, 0.05)
    positions[:] = positions[::-1].copy()
    kept = positions.copy(), velocities.copy()
    particles.step(positions, velocities, 0.05)
    particles._known = None
    particles.step(*kept, 0.05)
    np.testing.assert_array_equal(positions, kept[0])
    np.testing.assert_array_equal(velocities, kept[1])


def test_substeps_are_steps():
    one, other = start(500)[:2], start(500)[:2]
    for _ in range(4):
        particles.step(*one, 0.05)
    particles.step(*other, 0.05, substeps=4)
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_few_particles(n):
    positions, velocities, energies = start(n, temperature=0.1)
    after = particles.step(positions, velocities, 0.05, substeps=20)
    assert np.isfinite(positions).all() and np.isfinite(velocities).all()
    assert total(after) == pytest.approx(total(energies), rel=0.1)


def test_two_particles_at_the_same_point_are_left_there():
    positions = np.full((2, 2), 0.5, np.float32)
    velocities = np.zeros((2, 2), np.float32)
    energies = particles.step(positions, velocities, 0.05)
    assert energies["potential"] == 0.5
    np.testing.assert_array_equal(positions, np.full((2, 2), 0.5))


def test_start_fills_the_box_evenly_at_the_asked_temperature():
    _, velocities, _ = start(100_000, temperature=0.3, swirl=0)
    assert np.mean(velocities.astype(float) ** 2) == pytest.approx(0.3, rel=0.02)
    positions, velocities, _ = start(100_000, temperature=0, swirl=0.5)
    assert np.mean(np.sum(velocities.astype(float) ** 2, axis=1)) == pytest.approx(0.25, rel=0.02)
    counts, _, _ = np.histogram2d(*positions.T, bins=10, range=[[0, 1], [0, 1]])
    assert counts.min() > 900 and counts.max() < 1100


def test_the_flow_crosses_no_wall_and_compresses_nothing():
    edge = np.linspace(0, 1, 50, dtype=np.float32)
    for wall in (0, 1):
        for axis in (0, 1):
            positions = np.stack([edge, np.full_like(edge, wall)], axis=1)
            positions = np.ascontiguousarray(positions[:, ::-1] if axis == 0 else positions)
            flow = particles.vortices(positions, np.random.default_rng(1))
            np.testing.assert_allclose(flow[:, axis], 0, atol=1e-5)

    h = 1e-2
    centre = np.random.default_rng(2).uniform(0.1, 0.9, (50, 2)).astype(np.float32)
    divergence = sum(
        particles.vortices(centre + step, np.random.default_rng(1))[:, axis]
        - particles.vortices(centre - step, np.random.default_rng(1))[:, axis]
        for axis, step in enumerate(np.eye(2, dtype=np.float32) * np.float32(h))
    ) / (2 * h)
    np.testing.assert_allclose(divergence, 0, atol=0.05)


@pytest.mark.parametrize(
    ("positions", "velocities", "error"),
    [
        (np.zeros((3, 2)), np.zeros((3, 2), np.float32), TypeError),
        (np.zeros((3, 2), np.float32), np.zeros((4, 2), np.float32), ValueError),
        (np.zeros((3, 3), np.float32), np.zeros((3, 3), np.float32), ValueError),
        (np.zeros((2, 3), np.float32).T, np.zeros((3, 2), np.float32), ValueError),
        (np.full((3, 2), 2, np.float32), np.zeros((3, 2), np.float32), ValueError),
        (np.full((3, 2), np.nan, np.float32), np.zeros((3, 2), np.float32), ValueError),
        (np.zeros((3, 2), np.float32), np.full((3, 2), np.inf, np.float32), FloatingPointError),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_arrays_that_cannot_be_stepped_are_refused(positions, velocities, error):
    with pytest.raises(error):
        particles.step(positions, velocities, 0.05)


def test_a_negative_temperature_is_refused():
    with pytest.raises(ValueError, match="temperature"):
        start(10, temperature=-1)
