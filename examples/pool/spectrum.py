"""Work on rows, and what each worker keeps for itself."""

import os

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]

window: NDArray[np.float32] | None = None


def use_window(taper: NDArray[np.float32]) -> int:
    """For every later call in this worker."""
    global window
    window = taper.copy()
    return os.getpid()


def power(rows: Rows) -> Rows:
    """Power spectrum of each row."""
    if window is not None:
        rows = rows * window
    return np.abs(np.fft.rfft(rows, axis=1)).astype(np.float32) ** 2


def total(rows: Rows) -> float:
    return float(rows.sum(dtype=np.float64))


def loudest(rows: Rows) -> list[int]:
    return rows.argmax(axis=1).tolist()  # type: ignore[no-any-return]
