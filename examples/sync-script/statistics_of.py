"""Figures of a column of numbers."""

import numpy as np
from numpy.typing import NDArray


def describe(values: NDArray[np.float64]) -> dict[str, float]:
    low, median, high = np.percentile(values, [5, 50, 95])
    return {"mean": float(values.mean()), "p5": low, "p50": median, "p95": high}


def outliers(values: NDArray[np.float64], limit: float = 3.0) -> list[int]:
    """Indices of what is more than `limit` standard deviations from the mean."""
    return np.flatnonzero(np.abs(values - values.mean()) > limit * values.std()).tolist()
