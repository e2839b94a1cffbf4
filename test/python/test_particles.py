"""The physics of examples/particles, against theory and against a reference without tricks."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "particles"))
import particles


def start(n, **options):
    state = np.empty((3, n, 2), np.float32)
    return state, particles.init(state, **options)


def at_rest(positions):
    """A state of particles that do not move yet, with the forces on them."""
    positions = np.asarray(positions, np.float32)
    return np.stack([positions, np.zeros_like(positions), particles.forces(positions)[0]])


def cluster(n=400, seed=3):
    """Overlapping particles in the middle of the box, too slow to reach a wall."""
    rng = np.random.default_rng(seed)
    state = at_rest(0.3 + 0.4 * rng.random((n, 2)))
    state[1] = rng.normal(0, 0.1, (n, 2))
    return state


def shocked(n, seed=5):
    """Thrown towards one corner: most cells are empty, and some hold dozens."""
    rng = np.random.default_rng(seed)
    state = at_rest(rng.random((n, 2)) ** 4)
    state[1] = rng.normal(0, 0.5, (n, 2)) - state[0]
    return state


def stepped(state, steps=1, dt=0.05, blocks=1, order=None):
    """The state after some steps, and the energies of all blocks together."""
    energies = {}
    for _ in range(steps):
        after = np.full_like(state, np.nan)
        parts = [
            particles.step(state, after, dt, block, blocks) for block in order or range(blocks)
        ]
        energies = {name: sum(part[name] for part in parts) for name in parts[0]}
        state = after
    return state, energies


def same_bits(one, other):
    return one.tobytes() == other.tobytes()


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


@pytest.mark.parametrize("at_once", [1, 5, 1000])
def test_forces_do_not_depend_on_how_many_pairs_are_examined_at_once(monkeypatch, at_once):
    positions = shocked(300)[0]
    whole, potential = particles.forces(positions)
    monkeypatch.setattr(particles, "CANDIDATES_AT_ONCE", at_once)
    pieces, potential_of_pieces = particles.forces(positions)
    assert same_bits(whole, pieces)
    assert potential_of_pieces == pytest.approx(potential, rel=1e-12)


def test_forces_do_not_depend_on_the_order_of_the_particles():
    positions = shocked(300)[0]
    order = np.random.default_rng(1).permutation(300)
    force, _ = particles.forces(np.ascontiguousarray(positions[order]))
    assert same_bits(force, particles.forces(positions)[0][order])


STARTS = {
    "lattice": lambda n: start(n, swirl=2.0, temperature=0.3)[0],
    "shock": shocked,
    "one line": lambda n: at_rest(np.random.default_rng(n).random((n, 2)) * [1, 0] + [0, 0.5]),
    "one point": lambda n: at_rest(np.full((n, 2), 0.5)),
    "top edge": lambda n: at_rest(np.random.default_rng(n).random((n, 2)) * [1, 0] + [0, 1]),
}


@pytest.mark.parametrize("arrangement", STARTS)
@pytest.mark.parametrize("n", [0, 1, 2, 5, 300, 2000])
def test_the_state_is_the_same_to_the_last_bit_for_every_number_of_blocks(arrangement, n):
    state = STARTS[arrangement](n)
    state = stepped(state, steps=3)[0]
    whole, energies = state, {}
    for steps in range(1, 7):
        whole, energies = stepped(whole)
        if steps not in (1, 6):
            continue
        for blocks in (2, 3, 7):
            parts, of_parts = stepped(state, steps, blocks=blocks)
            assert same_bits(whole, parts), f"{blocks} blocks, {steps} steps"
            for name in ("kinetic", "potential"):
                assert of_parts[name] == pytest.approx(energies[name], rel=1e-9)


@pytest.mark.parametrize("n", [5, 60])
def test_there_may_be_more_blocks_than_rows_of_cells(n):
    state = start(n)[0]
    assert same_bits(stepped(state)[0], stepped(state, blocks=100)[0])


def test_blocks_may_come_in_any_order():
    state = shocked(500)
    order = [4, 0, 3, 1, 2]
    assert same_bits(stepped(state)[0], stepped(state, blocks=5, order=order)[0])


def test_blocks_write_each_particle_exactly_once():
    state = shocked(500)
    written = np.zeros(500, int)
    for block in range(7):
        after = np.full_like(state, np.nan)
        particles.step(state, after, 0.05, block, 7)
        of_block = np.isfinite(after).all(axis=(0, 2))
        assert np.isnan(after[:, ~of_block]).all()
        written += of_block
    assert (written == 1).all()


def test_blocks_have_as_many_particles_each_as_whole_rows_allow():
    state = start(10_000)[0]
    counts = []
    for block in range(4):
        after = np.full_like(state, np.nan)
        particles.step(state, after, 0.05, block, 4)
        counts.append(int(np.isfinite(after[0, :, 0]).sum()))
    assert sum(counts) == 10_000
    assert max(counts) - min(counts) <= 2 * 130, counts


def test_the_state_that_a_step_reads_stays_as_it_is():
    state, _ = start(500)
    before = state.copy()
    state.flags.writeable = False
    stepped(state)
    stepped(state, blocks=3)
    assert same_bits(state, before)


def test_every_close_pair_is_a_candidate_exactly_once():
    positions = np.random.default_rng(5).random((300, 2), dtype=np.float32)
    across = particles.cells_across(300)
    row = particles.cell_numbers(positions[:, 1], across)
    order, cells, width = particles.sort_by_cell(positions, row, across)
    assert np.all(np.diff(cells) >= 0)
    pairs = [
        tuple(sorted(pair))
        for i, j in particles.candidate_pairs(cells, width, 0, 300)
        for pair in zip(order[i].tolist(), order[j].tolist(), strict=True)
    ]
    assert len(pairs) == len(set(pairs))
    r = np.hypot(*(positions[None] - positions[:, None]).T)
    a, b = np.nonzero(np.triu(r < particles.diameter(300), 1))
    assert set(zip(a.tolist(), b.tolist(), strict=True)) <= set(pairs)


def test_newtons_third_law():
    positions = np.float32([[0.5, 0.5], [0.6, 0.6]])
    force, _ = particles.forces(positions)
    assert np.abs(force).min() > 0
    assert same_bits(force[0], -force[1])
    assert np.dot(force[1], positions[1] - positions[0]) > 0, "it repels"


@pytest.mark.parametrize("state", [cluster(), shocked(400)], ids=["cluster", "shock"])
def test_all_forces_together_are_zero(state):
    """Sums of pairs are exact, so only the rounding of each particle's own force is left."""
    size = np.abs(state[2], dtype=float)
    rest = np.abs(state[2].sum(axis=0, dtype=float))
    assert rest.max() <= np.finfo(np.float32).eps * size.sum()


def test_momentum_is_conserved_away_from_walls():
    state = cluster()
    before = state[1].sum(axis=0, dtype=float)
    push = np.abs(state[2]).sum() * particles.diameter(400) * 0.02
    state, _ = stepped(state, 50, 0.02)
    assert state[0].min() > 0 and state[0].max() < 1
    change = np.abs(state[1].sum(axis=0, dtype=float) - before)
    assert change.max() < 1e-5 * push


def test_energy_error_shrinks_with_the_square_of_dt():
    def worst(dt, time=1.5):
        state, energies = stepped(cluster(), 1, 0)
        energy, errors = total(energies), []
        for _ in range(round(time / dt)):
            state, energies = stepped(state, 1, dt)
            errors.append(abs(total(energies) / energy - 1))
        assert state[0].min() > 0 and state[0].max() < 1
        return max(errors)

    coarse, middle, fine = worst(0.1), worst(0.05), worst(0.025)
    assert 2.5 < coarse / middle < 6
    assert 2.5 < middle / fine < 6


@pytest.mark.parametrize(("n", "blocks"), [(1000, 1), (1000, 3), (20_000, 1)])
def test_energy_is_conserved_over_a_hundred_steps(n, blocks):
    state, energies = start(n)
    _, after = stepped(state, 100, blocks=blocks)
    assert total(after) == pytest.approx(total(energies), rel=2e-3)
    assert after["potential"] != energies["potential"]


def test_energy_is_that_of_the_state():
    state, energies = stepped(start(300)[0])
    assert energies["kinetic"] == pytest.approx(0.5 * np.sum(state[1].astype(float) ** 2))
    assert energies["potential"] == pytest.approx(brute_force(state[0])[1], rel=1e-5)
    assert energies["seconds"] > 0


@pytest.mark.parametrize("n", [300, 3000])
def test_the_third_plane_is_the_forces_at_the_first(n):
    for state in (start(n)[0], stepped(start(n)[0], 3, blocks=2)[0]):
        assert same_bits(state[2], particles.forces(state[0])[0])


def test_time_runs_backwards_too():
    state = cluster()
    there, _ = stepped(state, 20)
    assert np.abs(there[0] - state[0]).max() > 1e-3
    there[1] *= -1
    back, _ = stepped(there, 20)
    np.testing.assert_allclose(back[0], state[0], atol=1e-4)


@pytest.mark.parametrize("blocks", [1, 3])
def test_nothing_leaves_the_box(blocks):
    state, _ = start(2000, temperature=1.0, swirl=2.0)
    for _ in range(100):
        state, _ = stepped(state, 1, 0.1, blocks)
        assert state[0].min() >= 0 and state[0].max() <= 1


@pytest.mark.parametrize("blocks", [1, 2])
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
@pytest.mark.parametrize("axis", [0, 1])
def test_walls_are_elastic(x, v, expected_x, expected_v, axis, blocks):
    """One particle, one step of one unit of time: folded as often as it takes."""
    state = at_rest([[0.5, 0.5]])
    state[0, 0, axis], state[1, 0, axis] = x, v
    expected = at_rest([[0.5, 0.5]])
    expected[0, 0, axis], expected[1, 0, axis] = expected_x, expected_v
    after, energies = stepped(state, 1, 1.0, blocks)
    np.testing.assert_allclose(after, expected, atol=1e-6)
    assert total(energies) == 0.5 * v**2


def test_a_seed_gives_the_same_run_to_the_last_bit():
    first, second, other = (start(3000, seed=seed)[0] for seed in (7, 7, 8))
    assert not np.array_equal(first, other)
    assert same_bits(stepped(first, 5)[0], stepped(second, 5)[0])


def test_rescaling_changes_the_temperature_and_nothing_else():
    state, _ = start(3000, temperature=0.2, swirl=0)
    after = np.empty_like(state)
    energies = particles.rescale(state, after, 0.7)
    assert energies["kinetic"] == pytest.approx(0.7 * 3000, rel=1e-5)
    assert energies["potential"] == pytest.approx(brute_force(state[0])[1], rel=1e-4, abs=1e-6)
    assert same_bits(after[0], state[0]) and same_bits(after[2], state[2])
    ratio = after[1] / state[1]
    assert np.ptp(ratio) < 1e-5 * ratio.mean()
    particles.rescale(after, state, 0)
    assert not state[1].any()
    with pytest.raises(ValueError, match="at rest"):
        particles.rescale(state, after, 0.1)
    for wrong in (-1, math.nan, math.inf):
        with pytest.raises(ValueError, match="temperature"):
            particles.rescale(after, state, wrong)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_few_particles(n):
    state, energies = start(n, temperature=0.1)
    after, later = stepped(state, 20)
    assert np.isfinite(after).all()
    assert total(later) == pytest.approx(total(energies), rel=0.1)


def test_two_particles_at_the_same_point_are_left_there():
    after, energies = stepped(at_rest([[0.5, 0.5], [0.5, 0.5]]))
    assert energies["potential"] == 0.5
    np.testing.assert_array_equal(after, at_rest([[0.5, 0.5], [0.5, 0.5]]))


def test_start_fills_the_box_evenly_at_the_asked_temperature():
    state, _ = start(100_000, temperature=0.3, swirl=0)
    assert np.mean(state[1].astype(float) ** 2) == pytest.approx(0.3, rel=0.02)
    state, _ = start(100_000, temperature=0, swirl=0.5)
    assert np.mean(np.sum(state[1].astype(float) ** 2, axis=1)) == pytest.approx(0.25, rel=0.02)
    counts, _, _ = np.histogram2d(*state[0].T, bins=10, range=[[0, 1], [0, 1]])
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


GOOD = np.zeros((3, 4, 2), np.float32)


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        ([[[0.0]]], TypeError, "must be a numpy array, got list"),
        (GOOD.astype(np.float64), TypeError, "must be float32, got float64"),
        (GOOD[0], ValueError, r"must have the shape \[3, N, 2\], got \[4, 2\]"),
        (GOOD[:2], ValueError, r"got \[2, 4, 2\]"),
        (np.zeros((3, 2, 4), np.float32), ValueError, r"got \[3, 2, 4\]"),
        (np.zeros((3, 8, 2), np.float32)[:, ::2], ValueError, "must be contiguous"),
        (np.zeros((3, 5, 2), np.float32), ValueError, "4 particles, but after has 5"),
        (GOOD, ValueError, "different arrays"),
    ],
)
def test_arrays_that_are_no_state_are_refused(state, error, message):
    with pytest.raises(error, match=message):
        particles.step(GOOD, state)
    with pytest.raises(error):
        particles.rescale(state, GOOD, 1)


@pytest.mark.parametrize(
    ("block", "blocks", "error"),
    [
        (2, 2, ValueError),
        (-1, 2, ValueError),
        (0, 0, ValueError),
        (0, -1, ValueError),
        (0.0, 2, TypeError),
        (0, True, TypeError),
        ("0", 1, TypeError),
    ],
)
def test_blocks_that_there_cannot_be_are_refused(block, blocks, error):
    after = np.full_like(GOOD, np.nan)
    with pytest.raises(error, match="block"):
        particles.step(GOOD, after, 0.05, block, blocks)
    assert np.isnan(after).all()


@pytest.mark.parametrize("blocks", [1, 2])
@pytest.mark.parametrize("plane", [0, 1, 2])
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.filterwarnings("error")
def test_particles_that_flew_to_infinity_are_reported(plane, wrong, blocks):
    state = start(10)[0]
    state[plane, 3] = wrong
    with pytest.raises(FloatingPointError, match="smaller dt"):
        stepped(state, blocks=blocks)


def test_positions_outside_the_box_have_no_forces():
    for outside in (2, -0.1, np.nan):
        with pytest.raises(ValueError, match="unit box"):
            particles.forces(np.full((3, 2), outside, np.float32))


def test_a_negative_temperature_is_refused():
    with pytest.raises(ValueError, match="temperature"):
        start(10, temperature=-1)
