"""One large array summed by row chunks in a pool of 2, as Python's own libraries do it.

Usage: reduce_rivals.py <rival> <rows> <columns>. Commands come on stdin, one JSON list per line; each is
answered with one line of JSON:

    ["start"]             starts the pool and has its workers do something; answers the milliseconds
    ["place"]             makes the array, of 0.25, where a user of this rival has it
    ["sum", row, value]   writes `value` into the row's first element, then sums all; answers [ns, sum]

Writing the element is not timed. How many chunks is best was found by trying, for each rival by itself.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from multiprocessing import Pool, resource_tracker
from multiprocessing.shared_memory import SharedMemory
from tempfile import TemporaryDirectory
from time import perf_counter_ns
from typing import Any, ClassVar

import numpy as np
from joblib import Parallel, delayed

WORKERS = 2

Shape = tuple[int, int]


def total(x: np.ndarray) -> float:
    return float(x.sum(dtype=np.float64))


def identity(i: int) -> int:
    return i


def chunks(x: np.ndarray, count: int) -> list[np.ndarray]:
    rows = -(-len(x) // count)
    return [x[start : start + rows] for start in range(0, len(x), rows)]


class Alone:
    """No pool: what the sum takes by itself. Also what the others have in common."""

    def __init__(self, shape: Shape, stack: ExitStack) -> None:
        self.shape = shape
        self.stack = stack

    def start(self) -> None:
        pass

    def place(self) -> np.ndarray:
        return np.full(self.shape, 0.25, np.float32)

    def sum(self, x: np.ndarray) -> float:
        return total(x)


class PoolPickle(Alone):
    """Chunks travel through pipes: small ones, so that pickling, writing, reading and summing overlap."""

    def start(self) -> None:
        self.pool = self.stack.enter_context(Pool(WORKERS))
        self.pool.map(identity, range(2 * WORKERS), chunksize=1)

    def sum(self, x: np.ndarray) -> float:
        return sum(self.pool.imap_unordered(total, chunks(x, 512)))


_attached: dict[str, SharedMemory] = {}


def total_attached(name: str, shape: Shape, first: int, last: int) -> float:
    if name not in _attached:
        _attached[name] = SharedMemory(name)
    return total(np.ndarray(shape, np.float32, _attached[name].buf)[first:last])


class PoolSharedMemory(PoolPickle):
    """The user names, attaches and unlinks the memory, and sends bounds instead of rows."""

    def start(self) -> None:
        resource_tracker.ensure_running()  # one for all; else each worker starts its own, which complains
        super().start()

    def place(self) -> np.ndarray:
        self.memory = SharedMemory(create=True, size=4 * self.shape[0] * self.shape[1])
        self.stack.callback(self.memory.unlink)
        x: np.ndarray = np.ndarray(self.shape, np.float32, self.memory.buf)
        x.fill(0.25)
        return x

    def sum(self, x: np.ndarray) -> float:
        rows = len(x) // 16
        tasks = [(self.memory.name, self.shape, i, i + rows) for i in range(0, len(x), rows)]
        return sum(self.pool.starmap(total_attached, tasks, chunksize=1))


class JoblibMemmap(Alone):
    """An array in the heap: joblib writes each chunk to /dev/shm, and workers map it.

    Not in a `with Parallel() as parallel` block: what was written would stay until the end of the block. The
    workers stay without one, too.
    """

    options: ClassVar[dict[str, Any]] = {}
    count = 16

    def parallel(self) -> Parallel:
        return Parallel(WORKERS, **self.options)

    def start(self) -> None:
        self.parallel()(delayed(identity)(i) for i in range(2 * WORKERS))

    def sum(self, x: np.ndarray) -> float:
        return sum(self.parallel()(delayed(total)(chunk) for chunk in chunks(x, self.count)))


class JoblibPickle(JoblibMemmap):
    options: ClassVar[dict[str, Any]] = {"max_nbytes": None}
    count = 256


class JoblibMemmapInput(JoblibMemmap):
    """The array is a memmap of a file in /dev/shm from the start: joblib sends its name and an offset."""

    count = 2

    def place(self) -> np.ndarray:
        folder = self.stack.enter_context(TemporaryDirectory(dir="/dev/shm"))
        x = np.memmap(f"{folder}/x", np.float32, "w+", shape=self.shape)
        x.fill(0.25)
        return x


RIVALS: dict[str, type[Alone]] = {
    "numpy-alone": Alone,
    "pool-pickle": PoolPickle,
    "pool-shared-memory": PoolSharedMemory,
    "joblib-memmap": JoblibMemmap,
    "joblib-pickle": JoblibPickle,
    "joblib-memmap-input": JoblibMemmapInput,
}


def serve(rival: Alone) -> None:
    x = np.empty((0, 0), np.float32)
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        start = perf_counter_ns()
        if command == "start":
            rival.start()
            answer: Any = (perf_counter_ns() - start) / 1e6
        elif command == "place":
            x = rival.place()
            answer = None
        else:
            row, value = arguments
            x[row, 0] = value
            start = perf_counter_ns()
            seen = rival.sum(x)
            answer = [perf_counter_ns() - start, seen]
        print(json.dumps(answer), flush=True)


def main(name: str, rows: int, columns: int) -> None:
    with ExitStack() as stack:
        serve(RIVALS[name]((rows, columns), stack))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
