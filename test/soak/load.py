"""What workers are asked during the soak. Every result is known to the caller, who checks it."""

import asyncio
import contextlib
import gc
import logging
import os
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import isthmus
import numpy as np

Array = np.ndarray[Any, Any]
_log = logging.getLogger("soak")
_kept: Any = None


class _Running:
    """Lives in the frame of a call or generator that somebody else has to end."""


def unfinished() -> int:
    """Frames that are still there; counted by looking, because an interruption may skip any line that counts."""
    gc.collect()
    return sum(type(each) is _Running for each in gc.get_objects())


def pid() -> int:
    return os.getpid()


def double(x: int) -> int:
    return 2 * x


def echo(value: Any) -> Any:
    return value


def refuse(text: str) -> None:
    raise ValueError(text)


# Arrays


def ramp(start: int, length: int) -> Array:
    return np.arange(start, start + length, dtype=np.float64)


def ramp_elsewhere(start: int, length: int) -> Array:
    """Not in shared memory: it is copied when it is sent."""
    with isthmus.allocator(False):
        return np.arange(start, start + length, dtype=np.float64)


def look(a: Array) -> list[float]:
    ends = [float(a[0]), float(a[-1])] if a.size else [0.0, 0.0]
    return [a.size, *ends, float(np.sum(a))]


def scaled(a: Array, factor: float) -> Array:
    return a * factor


def add_to(a: Array, summand: float) -> Array:
    """In place; what comes back is the argument itself."""
    a += summand
    return a


def every_other(a: Array) -> Array:
    return a[::2]


def scaled_rows(a: Array, factor: float, out: Array) -> None:
    np.multiply(a, factor, out=out)


# Streams


def numbers(count: int) -> Iterator[int]:
    _running = _Running()
    yield from range(count)


def frames(count: int, length: int) -> Iterator[Array]:
    _running = _Running()
    for at in range(count):
        yield np.full(length, at, np.float64)


async def frames_later(count: int, length: int) -> AsyncIterator[Array]:
    _running = _Running()
    for at in range(count):
        await asyncio.sleep(0)
        yield np.full(length, at, np.float64)


def fails_after(count: int, text: str) -> Iterator[int]:
    yield from range(count)
    raise ValueError(text)


# Calls that Node gives up


def until_told() -> None:
    _running = _Running()
    context = isthmus.context()
    while not context.cancelled:
        time.sleep(0.0005)


def until_interrupted() -> None:
    _running = _Running()
    while True:
        pass


def sleeping() -> None:
    _running = _Running()
    time.sleep(3600)


async def sleeping_later() -> None:
    _running = _Running()
    await asyncio.sleep(3600)


def deaf() -> None:
    """Only killing the process ends it."""
    isthmus.progress(0)
    while True:
        with contextlib.suppress(isthmus.Cancelled):
            time.sleep(3600)


# Functions and iterables of Node


def ask(f: Any, count: int) -> int:
    return sum(f(at) for at in range(count))


async def ask_all(f: Any, count: int) -> int:
    return sum(await asyncio.gather(*(f(at) for at in range(count))))


def hand_over(f: Any, length: int) -> float:
    """An array to Node and another one back."""
    return float(np.sum(f(np.arange(length, dtype=np.float64))))


def message_of(f: Any) -> str:
    try:
        f()
    except isthmus.errors.JavaScriptError as error:
        return str(error.message)
    return "nothing was thrown"


def keep(f: Any) -> None:
    global _kept
    _kept = f


def ask_kept(x: int) -> int:
    return int(_kept(x))


def total(values: Iterable[float]) -> float:
    return sum(values)


async def total_later(values: Any) -> float:
    result = 0.0
    async for value in values:
        result += value
    return result


def first_of(values: Iterable[float], count: int) -> list[float]:
    found = []
    for value in values:
        found.append(value)
        if len(found) == count:
            break
    return found


# Objects


class Counter:
    def __init__(self, start: int = 0):
        self.count = start

    def add(self, n: int) -> int:
        self.count += n
        return self.count

    def itself(self) -> "Counter":
        return self

    def countdown(self) -> Iterator[int]:
        yield from range(self.count, 0, -1)


def sum_of(a: Counter, b: Counter) -> int:
    return a.count + b.count


# Reports


def progresses(count: int) -> int:
    for at in range(count):
        isthmus.progress((at + 1) / count, f"step {at}")
    return count


def says(count: int) -> int:
    for at in range(count):
        _log.warning("record %d", at)
    return count
