"""The model, and one that does nothing, for every arm: rows of 19 float32 in, probabilities of leaving out."""

from __future__ import annotations

import os
from pathlib import Path

import lightgbm
import numpy as np

COLUMNS = 19
CHARGES = 17  # the column that the null model returns, so that clients can check what arrived
booster = lightgbm.Booster(model_file=str(Path(os.environ["CHURN_DATA"]) / "model.txt"))


def score(rows: np.ndarray) -> np.ndarray:
    """float32[n, 19] to float32[n]. One thread: client and server share the machine, in every arm."""
    return booster.predict(rows, num_threads=1).astype(np.float32)


def null(rows: np.ndarray) -> np.ndarray:
    return rows[:, CHARGES].copy()


MODELS = {"score": score, "null": null}


def answer(name: str, body: bytes) -> bytes:
    """What the servers do with a request: raw float32 in the machine's byte order, both ways."""
    return MODELS[name](np.frombuffer(body, np.float32).reshape(-1, COLUMNS)).tobytes()
