"""A service that says what it does, and loads its model before it serves."""

import logging

import isthmus
import numpy as np

log = logging.getLogger("service")
log.setLevel(logging.INFO)

weights = np.zeros(0)


@isthmus.on_start
def load() -> None:
    """spawn() resolves when this has returned."""
    global weights
    weights = np.arange(1, 4) / 6
    log.info("model with %d weights", len(weights))


def predict(values: list[float]) -> float:
    if len(values) != len(weights):
        log.warning("%d values for %d weights", len(values), len(weights))
        values = (values + [0.0] * len(weights))[: len(weights)]
    print("predicting", values)
    try:
        return float(weights @ np.asarray(values, dtype=float))
    except ValueError:
        log.exception("no numbers")
        return float("nan")
