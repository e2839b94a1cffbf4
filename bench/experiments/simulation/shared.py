"""Arrays in memory that all processes map: shared.py pool|joblib|pipes|semaphores WORKERS.

What travels is which of the two states is the present one, and back the seconds that a block took.
"""

from __future__ import annotations

import mmap
import multiprocessing
import os
import struct
import sys
import tempfile
from multiprocessing.shared_memory import SharedMemory

import numpy as np
from joblib import Parallel, delayed
from measure import Technique, first_state, measure
from physics import DT, Floats, nothing, step

functions = {"step": step, "nothing": nothing}
codes = list(functions)

states: list[Floats] = []
"""The two states, in a worker and in the parent."""


def run(function: str, now: int, block: int, blocks: int) -> float:
    return functions[function](states[now], states[1 - now], DT, block, blocks)["seconds"]


class Shared(Technique):
    """Two states in `multiprocessing.shared_memory`. Workers are forked, so that they have them already."""

    def __init__(self, particles: int, workers: int) -> None:
        self.workers = workers
        self.now = 0
        first = first_state(particles)
        self.memory = [SharedMemory(create=True, size=first.nbytes) for _ in range(2)]
        states[:] = [np.ndarray(first.shape, np.float32, one.buf) for one in self.memory]
        states[0][:] = first
        states[1].fill(0)

    def map(self, function: str) -> list[float]:
        raise NotImplementedError

    def advance(self, function: str) -> float:
        seconds = self.map(function)
        if function != "nothing":
            self.now = 1 - self.now
        return max(seconds)

    def state(self) -> Floats:
        return states[self.now]

    def close(self) -> None:
        states.clear()
        for one in self.memory:
            one.close()
            one.unlink()


class Pool(Shared):
    def __init__(self, particles: int, workers: int) -> None:
        super().__init__(particles, workers)
        self.pool = multiprocessing.Pool(workers)

    def map(self, function: str) -> list[float]:
        tasks = [(function, self.now, block, self.workers) for block in range(self.workers)]
        return self.pool.starmap(run, tasks, chunksize=1)

    def close(self) -> None:
        self.pool.close()
        self.pool.join()
        super().close()


class Pipes(Shared):
    """Two pipes for each worker: two bytes go there, eight come back."""

    def __init__(self, particles: int, workers: int) -> None:
        super().__init__(particles, workers)
        self.ends: list[tuple[int, int]] = []
        self.processes = []
        for block in range(workers):
            commands, command = os.pipe()
            answer, answers = os.pipe()
            self.ends.append((command, answer))
            mine = (commands, answers)
            process = multiprocessing.Process(target=self.serve, args=(mine, block), daemon=True)
            process.start()
            self.processes.append(process)
            for end in mine:
                os.close(end)

    def serve(self, ends: tuple[int, int], block: int) -> None:
        commands, answers = ends
        for other in self.ends:
            for end in other:
                os.close(end)
        while command := os.read(commands, 2):
            seconds = run(codes[command[0]], command[1], block, self.workers)
            os.write(answers, struct.pack("d", seconds))

    def map(self, function: str) -> list[float]:
        command = bytes((codes.index(function), self.now))
        for end, _ in self.ends:
            os.write(end, command)
        return [struct.unpack("d", os.read(end, 8))[0] for _, end in self.ends]

    def close(self) -> None:
        for ends in self.ends:
            for end in ends:
                os.close(end)
        for process in self.processes:
            process.join()
        super().close()


class Semaphores(Shared):
    """A semaphore to start each worker and one for all that are done; the rest is in shared memory."""

    def __init__(self, particles: int, workers: int) -> None:
        super().__init__(particles, workers)
        board = mmap.mmap(-1, mmap.PAGESIZE)
        self.command = np.frombuffer(board, np.int64, 2)
        self.seconds = np.frombuffer(board, np.float64, workers, offset=16)
        self.starts = [multiprocessing.Semaphore(0) for _ in range(workers)]
        self.done = multiprocessing.Semaphore(0)
        self.processes = [
            multiprocessing.Process(target=self.serve, args=(block,), daemon=True)
            for block in range(workers)
        ]
        for process in self.processes:
            process.start()

    def serve(self, block: int) -> None:
        start = self.starts[block]
        while True:
            start.acquire()
            code, now = self.command.tolist()
            if code < 0:
                return
            self.seconds[block] = run(codes[code], now, block, self.workers)
            self.done.release()

    def map(self, function: str) -> list[float]:
        self.command[:] = codes.index(function), self.now
        for start in self.starts:
            start.release()
        for _ in self.starts:
            self.done.acquire()
        return self.seconds.tolist()

    def close(self) -> None:
        self.command[0] = -1
        for start in self.starts:
            start.release()
        for process in self.processes:
            process.join()
        super().close()


class Joblib(Technique):
    """Both states are `numpy.memmap`s of files in memory, as joblib's documentation has it for arrays that workers write to."""

    def __init__(self, particles: int, workers: int) -> None:
        self.workers = workers
        first = first_state(particles)
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm")
        self.now, self.after = (
            np.memmap(f"{self.folder.name}/{name}", np.float32, "w+", shape=first.shape)
            for name in ("one", "other")
        )
        self.now[:] = first
        self.parallel = Parallel(n_jobs=workers, batch_size=1, pre_dispatch="all")
        self.parallel.__enter__()

    def advance(self, function: str) -> float:
        tasks = (
            delayed(functions[function])(self.now, self.after, DT, block, self.workers)
            for block in range(self.workers)
        )
        parts = self.parallel(tasks)
        if function != "nothing":
            self.now, self.after = self.after, self.now
        return max(part["seconds"] for part in parts)

    def state(self) -> Floats:
        return self.now

    def close(self) -> None:
        self.parallel.__exit__(None, None, None)
        self.folder.cleanup()


techniques = {"pool": Pool, "joblib": Joblib, "pipes": Pipes, "semaphores": Semaphores}

if __name__ == "__main__":
    measure(techniques[sys.argv[1]], "step", int(sys.argv[2]))
