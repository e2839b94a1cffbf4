"""What the cases about streams, cancellation, callbacks and pools call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from time import perf_counter, perf_counter_ns

import isthmus
import numpy as np

__all__ = [
    "add",
    "callbacks",
    "callbacks_awaited",
    "checksum",
    "forever",
    "frames",
    "interruptions",
    "nap",
    "numbers",
    "plus_one",
    "total",
]

FRAME = (2000, 3000)  # of float32: 24 MB
MARKS = 1000

_interruptions = 0


def add(a: int, b: int) -> int:
    return a + b


def total(x: np.ndarray) -> float:
    return float(x.sum(dtype=np.float64))


def plus_one(x: np.ndarray) -> np.ndarray:
    return x + 1


def checksum(n: int) -> int:
    """Work that takes about a millisecond and holds the GIL; Node knows the answer."""
    value = 0
    for i in range(n):
        value += i
    return value


async def nap(i: int) -> int:
    await asyncio.sleep(0.002)
    return i


def numbers() -> Iterator[int]:
    i = 0
    while True:
        yield i
        i += 1


def frames(count: int, pages_apart: int = 0) -> Iterator[np.ndarray]:
    """New arrays, of which only the ends are written: what a frame costs to make is not the bridge's.

    Memory exists once it is written: with `pages_apart` one element of each so many pages is.
    """
    for i in range(count):
        frame = np.empty(FRAME, np.float32)
        if pages_apart:
            frame.reshape(-1)[:: 1024 * pages_apart] = i % MARKS
        frame[0, 0] = frame[-1, -1] = i % MARKS
        yield frame


def forever() -> None:
    """Says that it runs, and then cannot be asked to stop."""
    global _interruptions
    isthmus.progress(0)
    try:
        while True:
            pass
    except isthmus.Cancelled:
        _interruptions += 1
        raise


def interruptions() -> int:
    return _interruptions


def callbacks(increment: Callable[[int], int], seconds: float) -> np.ndarray:
    """Round trips in ns, one after another."""
    samples: list[int] = []
    end = perf_counter() + seconds
    i = 0
    while perf_counter() < end:
        i += 1
        start = perf_counter_ns()
        answer = increment(i)
        samples.append(perf_counter_ns() - start)
        if answer != i + 1:
            raise ValueError(f"increment({i}) is {answer}")
    return np.array(samples, np.float64)


async def callbacks_awaited(
    increment: Callable[[int], Awaitable[int]], seconds: float
) -> np.ndarray:
    """The same from a coroutine."""
    samples: list[int] = []
    end = perf_counter() + seconds
    i = 0
    while perf_counter() < end:
        i += 1
        start = perf_counter_ns()
        answer = await increment(i)
        samples.append(perf_counter_ns() - start)
        if answer != i + 1:
            raise ValueError(f"increment({i}) is {answer}")
    return np.array(samples, np.float64)
