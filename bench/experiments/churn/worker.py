"""The same model for Isthmus: one row as bytes, or many as an array."""

from __future__ import annotations

import model
import numpy as np
from model import null, score

__all__ = ["null", "null_one", "score", "score_one"]


def score_one(row: bytes) -> float:
    return float(model.score(np.frombuffer(row, np.float32).reshape(1, -1))[0])


def null_one(row: bytes) -> float:
    return float(np.frombuffer(row, np.float32)[model.CHARGES])
