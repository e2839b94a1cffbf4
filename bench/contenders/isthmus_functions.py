"""The same functions for Isthmus. `outbound` makes a new array every time, as a user's function would."""

from __future__ import annotations

import numpy as np


def add(a: int, b: int) -> int:
    return a + b


def inbound(x: np.ndarray) -> float:
    return float(x[0]) + float(x[-1])


def outbound(length: int, mark: float) -> np.ndarray:
    x = np.empty(length, np.float32)
    x[0] = x[-1] = mark
    return x


def echo(x: np.ndarray) -> np.ndarray:
    x[:16] += 1
    return x


def double(x: np.ndarray) -> np.ndarray:
    return x * 2
