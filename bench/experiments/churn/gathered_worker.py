"""The same model for Isthmus: Node calls with single rows, Python is given as many as have come together."""

from __future__ import annotations

import isthmus
import model
import numpy as np

__all__ = ["null", "score"]


@isthmus.batch(max_size=256)
def score(rows: np.ndarray) -> np.ndarray:
    return model.score(rows)


@isthmus.batch(max_size=256)
def null(rows: np.ndarray) -> np.ndarray:
    return model.null(rows)
