"""Functions and iterables of Node, as Python sees them: functions and iterators."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import numpy as np
from isthmus.errors import JavaScriptError
from numpy.typing import NDArray

Floats = NDArray[np.float64]

listeners: list[Callable[[str], Any]] = []


def descend(
    x: Floats, y: Floats, rate: float, on_step: Callable[[int, float, Floats], bool]
) -> Floats:
    """Least squares by gradient descent, for as long as `on_step` says true."""
    weights = np.zeros(x.shape[1])
    step = 0
    while True:
        residual = x @ weights - y
        if not on_step(step, float(residual @ residual) / len(y), weights):
            return weights
        weights -= rate * 2 / len(y) * (x.T @ residual)
        step += 1


def mean_of(chunks: Iterable[Floats]) -> float:
    """One pass over data that never is in one place."""
    total, count = 0.0, 0
    for chunk in chunks:
        total += float(chunk.sum())
        count += chunk.size
    return total / count


async def longest(load: Callable[[str], Awaitable[str]], names: list[str]) -> str:
    """All of them are loaded at the same time."""
    texts = await asyncio.gather(*(load(name) for name in names))
    return max(texts, key=len)


def first_that_works(load: Callable[[str], str], names: list[str]) -> list[str]:
    problems: list[str] = []
    for name in names:
        try:
            return [*problems, load(name)]
        except JavaScriptError as error:
            problems.append(f"{error.name}: {error.message}")
    return problems


def subscribe(listener: Callable[[str], Any]) -> None:
    listeners.append(listener)


def publish(text: str) -> int:
    for listener in listeners:
        listener(text)
    return len(listeners)
