"""Arrays that are pickled: pickled.py pool|joblib|joblib-files WORKERS.

Each worker gets the whole state, as `step` needs it, and gives back the particles of its block: which they
are, and their part of the new state. The parent writes these into the new state.
"""

from __future__ import annotations

import multiprocessing
import sys
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from measure import Technique, first_state, measure
from numpy.typing import NDArray
from physics import DT, Floats, nothing, step


class Part(NamedTuple):
    seconds: float
    which: NDArray[np.int32]
    planes: NDArray[np.complex64]


def vectors(state: Floats) -> NDArray[np.complex64]:
    """A vector in the plane is one complex number: it is gathered and scattered at once."""
    return state.view(np.complex64)[:, :, 0]


_after: Floats | None = None
"""The worker's own array for the new state: made once."""


def run(function: str, now: Floats, block: int, blocks: int) -> Part:
    global _after
    if _after is None or _after.shape != now.shape:
        _after = np.empty(now.shape, np.float32)
    n = now.shape[1]
    if function == "nothing":  # as many particles go back as after a step
        seconds = nothing(now, _after, DT, block, blocks)["seconds"]
        which = np.arange(n * block // blocks, n * (block + 1) // blocks, dtype=np.int32)
    else:
        _after[0] = -1  # where no particle can be
        seconds = step(now, _after, DT, block, blocks)["seconds"]
        which = np.flatnonzero(_after[0, :, 0] >= 0).astype(np.int32)
    return Part(seconds, which, vectors(_after).take(which, axis=1))


class Pickled(Technique):
    def __init__(self, particles: int, workers: int) -> None:
        self.workers = workers
        self.now = first_state(particles)

    def map(self, tasks: list[tuple[str, Floats, int, int]]) -> list[Part]:
        raise NotImplementedError

    def advance(self, function: str) -> float:
        parts = self.map([(function, self.now, b, self.workers) for b in range(self.workers)])
        # A new array: joblib would take one that it has written to a file before for unchanged.
        after = np.empty_like(self.now)
        planes = vectors(after)
        for part in parts:
            for plane, values in zip(planes, part.planes, strict=True):
                plane[part.which] = values
        self.copied = self.workers * self.now.nbytes + sum(
            part.which.nbytes + part.planes.nbytes for part in parts
        )
        if function != "nothing":
            self.now = after
        return max(part.seconds for part in parts)

    def state(self) -> Floats:
        return self.now


class Pool(Pickled):
    def __init__(self, particles: int, workers: int) -> None:
        super().__init__(particles, workers)
        self.pool = multiprocessing.Pool(workers)

    def map(self, tasks: list[tuple[str, Floats, int, int]]) -> list[Part]:
        return self.pool.starmap(run, tasks, chunksize=1)

    def close(self) -> None:
        self.pool.close()
        self.pool.join()


class Joblib(Pickled):
    max_nbytes: str | None = None

    def __init__(self, particles: int, workers: int) -> None:
        super().__init__(particles, workers)
        self.parallel = Parallel(
            n_jobs=workers, batch_size=1, pre_dispatch="all", max_nbytes=self.max_nbytes
        )
        self.parallel.__enter__()

    def map(self, tasks: list[tuple[str, Floats, int, int]]) -> list[Part]:
        return list(self.parallel(delayed(run)(*task) for task in tasks))

    def close(self) -> None:
        self.parallel.__exit__(None, None, None)


class JoblibFiles(Joblib):
    """Arguments of 1 MB and more go to the workers as files in /dev/shm: what joblib does unless told otherwise."""

    max_nbytes = "1M"


techniques = {"pool": Pool, "joblib": Joblib, "joblib-files": JoblibFiles}

if __name__ == "__main__":
    measure(techniques[sys.argv[1]], "step", int(sys.argv[2]))
