"""Whether a parcel will be late: LightGBM, on data that is made up here."""

import isthmus
import lightgbm
import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]

FEATURES = ["distance", "weight", "hour", "rain", "express"]

model: lightgbm.Booster
held_out_rows: Rows
held_out_late: NDArray[np.bool_]


def parcels(count: int, seed: int) -> tuple[Rows, NDArray[np.bool_]]:
    random = np.random.default_rng(seed)
    rows = random.uniform(size=(count, len(FEATURES)))
    distance, weight, hour, rain, express = rows.T
    risk = 3 * distance + weight * rain + (hour > 0.7) - 2 * express * distance - 1.2
    return rows, risk + 0.3 * random.standard_normal(count) > 0


@isthmus.on_start
def train() -> None:
    global model, held_out_rows, held_out_late
    held_out_rows, held_out_late = parcels(1000, seed=2)
    data = lightgbm.Dataset(*parcels(5000, seed=1), feature_name=FEATURES)
    settings = {"objective": "binary", "seed": 0, "deterministic": True, "verbosity": -1}
    model = lightgbm.train(settings, data, num_boost_round=100)


@isthmus.batch(max_size=128, max_delay_ms=1)
def risk(rows: Rows) -> NDArray[np.float64]:
    """The probability of each parcel to be late: [n, 5] → [n]."""
    return model.predict(rows)  # type: ignore[return-value]


@isthmus.batch(max_size=32)
def reasons(rows: Rows) -> NDArray[np.float64]:
    """What each feature adds to the log-odds (SHAP values), the base value last: [n, 5] → [n, 6]."""
    return model.predict(rows, pred_contrib=True)  # type: ignore[return-value]


def features() -> list[str]:
    return FEATURES


def held_out() -> tuple[Rows, NDArray[np.bool_]]:
    return held_out_rows, held_out_late
