"""A model for the test: it holds every batch until a file exists, and one with a negative number for ever."""

import os
import time
from contextlib import suppress

import isthmus
import numpy as np
from numpy.typing import NDArray

GATE = os.environ["GATE"]


def hang() -> None:
    """As native code does: it cannot be interrupted."""
    with suppress(BaseException):
        time.sleep(0.001)


@isthmus.batch(max_size=4, max_delay_ms=1)
def predict(rows: NDArray[np.float32]) -> list[dict[str, float]]:
    while not os.path.exists(GATE):
        time.sleep(0.001)
    while (rows < 0).any():
        hang()
    return [{"label": int(row[0]), "probability": 1.0} for row in rows]
