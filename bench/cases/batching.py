"""What the cases about batches call: a model with a fixed cost, whatever the number of rows, and one without."""

from time import perf_counter

import isthmus
import numpy as np

__all__ = ["first", "first_of_batch", "model", "model_of_batch"]

FIXED_COST = 0.001  # seconds


def _work() -> None:
    end = perf_counter() + FIXED_COST
    while perf_counter() < end:
        pass


def model(row: np.ndarray) -> float:
    _work()
    return float(row[0])


@isthmus.batch
def model_of_batch(rows: np.ndarray) -> np.ndarray:
    _work()
    return rows[:, 0]


def first(row: np.ndarray) -> float:
    return float(row[0])


@isthmus.batch
def first_of_batch(rows: np.ndarray) -> np.ndarray:
    return rows[:, 0]
