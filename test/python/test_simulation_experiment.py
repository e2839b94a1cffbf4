"""The arms of the experiment with the simulation: whoever runs a step, and in how many blocks, the state is the same.

joblib and numba are not among the packages of the tests. What is tested here is the rest: joblib's arms are not, and
the compiled step runs as the plain Python that it is.
"""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "bench" / "experiments"
PARTICLES, WORKERS, STEPS = 600, 2, 3
OWN = ("physics", "measure", "pickled", "shared", "compiled", "arm_report")


@pytest.fixture
def arms(tmp_path, monkeypatch):
    """Imports a module of the experiment; its folder has a first state."""
    for folder in (FOLDER, FOLDER / "simulation"):
        monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("SIMULATION_FOLDER", str(tmp_path))
    joblib, numba = ModuleType("joblib"), ModuleType("numba")
    joblib.Parallel = joblib.delayed = None
    numba.njit = lambda **_: lambda function: function
    monkeypatch.setitem(sys.modules, "joblib", joblib)
    monkeypatch.setitem(sys.modules, "numba", numba)
    import physics

    state = np.empty((3, PARTICLES, 2), np.float32)
    physics.init(state)
    state.tofile(tmp_path / f"{PARTICLES}-first.f32")
    yield __import__
    for name in OWN:
        sys.modules.pop(name, None)


def alone(arms):
    physics, measure = arms("physics"), arms("measure")
    now = measure.first_state(PARTICLES)
    after = np.empty_like(now)
    for _ in range(STEPS):
        physics.step(now, after)
        now, after = after, now
    return now


@pytest.mark.parametrize(
    "technique", ["pickled.Pool", "shared.Pool", "shared.Pipes", "shared.Semaphores"]
)
def test_every_technique_has_the_state_of_one_process_and_an_empty_step_changes_nothing(
    arms, technique
):
    module, name = technique.split(".")
    expected = alone(arms)
    distributed = getattr(arms(module), name)(PARTICLES, WORKERS)
    for _ in range(STEPS):
        assert distributed.advance("step") > 0
        assert distributed.advance("nothing") >= 0
    found = distributed.state().copy()
    copied = distributed.copied
    distributed.close()
    assert np.array_equal(found, expected)
    # Each worker is sent all, and gives back its part: three planes, and 4 bytes for each particle.
    pickles = found.nbytes * (WORKERS + 1) + 4 * PARTICLES
    assert copied == (pickles if module == "pickled" else 0)


def test_the_compiled_step_is_that_of_numpy_but_for_rounding_whatever_the_number_of_blocks(arms):
    compiled, measure = arms("compiled"), arms("measure")
    ends = []
    for blocks in (1, 3):
        now = measure.first_state(PARTICLES)
        after = np.empty_like(now)
        for _ in range(STEPS):
            energies = [compiled.step(now, after, 0.05, block, blocks) for block in range(blocks)]
            now, after = after, now
        ends.append(now)
    assert np.array_equal(*ends)
    expected = alone(arms)
    assert np.abs(ends[0] - expected).max(axis=(1, 2)) == pytest.approx(0, abs=1e-3)
    assert np.abs(ends[0][0] - expected[0]).max() < 1e-6
    kinetic = 0.5 * float(np.sum(np.square(expected[1], dtype=np.float64)))
    assert sum(one["kinetic"] for one in energies) == pytest.approx(kinetic, rel=1e-5)
    potential = arms("particles").forces(expected[0])[1]
    assert sum(one["potential"] for one in energies) == pytest.approx(potential, rel=1e-4)
