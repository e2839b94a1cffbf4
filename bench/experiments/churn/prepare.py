"""Fetches the data, trains the model, and leaves both for the arms: prepare.py FOLDER.

FOLDER gets model.txt, rows.f32 (held-out rows, float32[n, 19]), expected.f32 (their probabilities). Prints facts as JSON.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path

import lightgbm
import modeldata
import numpy as np
import pandas

Table = tuple[np.ndarray, np.ndarray, list[int], str]
SEED = 5
COLUMNS = 19
PACKAGES = ("lightgbm", "numpy", "fastapi", "uvicorn", "httpx", "grpcio")
ROUNDS = 150
SETTINGS = {
    "objective": "binary",
    "num_leaves": 8,
    "learning_rate": 0.05,
    "seed": SEED,
    "deterministic": True,
    "num_threads": 1,
    "verbose": -1,
}


def codes(column: pandas.Series) -> np.ndarray:
    values = column.cat.codes if isinstance(column.dtype, pandas.CategoricalDtype) else column
    with np.errstate(invalid="ignore"):  # R's missing value is a signalling NaN
        return values.to_numpy(dtype=np.float32, na_value=np.nan)


def telco() -> Table:
    """Features, labels, which columns are categories, and a name for the source."""
    origin = modeldata.fetch()
    table = modeldata.table("wa_churn")
    left = (table.pop("churn") == "Yes").to_numpy().astype(np.int8)
    categories = [
        at
        for at, name in enumerate(table.columns)
        if isinstance(table[name].dtype, pandas.CategoricalDtype)
    ]
    rows = np.column_stack([codes(table[name]) for name in table.columns])
    return rows, left, categories, f"Telco churn, wa_churn of {origin}"


def substitute(why: modeldata.NotFetchedError) -> Table:
    """As many rows, of which about a quarter leave, by chance and by a third of the features."""
    random = np.random.default_rng(SEED)
    rows = random.standard_normal((7043, COLUMNS), np.float32)
    tendency = rows[:, ::3] @ random.standard_normal(len(range(0, COLUMNS, 3))) - 1.6
    left = (random.random(len(rows)) < 1 / (1 + np.exp(-tendency))).astype(np.int8)
    return rows, left, [], f"GENERATED, because the real one cannot be had: {why}"


def data() -> Table:
    try:
        return telco()
    except modeldata.NotFetchedError as error:
        print(f"{error}\nusing generated rows instead", file=sys.stderr)
        return substitute(error)


def split(left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are learnt from, and the 30 % that are held out; of those who left, as many in a hundred."""
    random = np.random.default_rng(SEED)
    known, held_out = [], []
    for label in (0, 1):
        rows = random.permutation(np.flatnonzero(left == label))
        edge = round(len(rows) * 0.7)
        known.append(rows[:edge])
        held_out.append(rows[edge:])
    return random.permutation(np.concatenate(known)), random.permutation(np.concatenate(held_out))


def auc(left: np.ndarray, probability: np.ndarray) -> float:
    """How often one who left has a higher probability than one who stayed; as high counts half."""
    stayed = np.sort(probability[left == 0])
    gone = probability[left == 1]
    below = np.searchsorted(stayed, gone, "left") + np.searchsorted(stayed, gone, "right")
    return float(below.mean() / 2 / len(stayed))


def main() -> None:
    folder = Path(sys.argv[1])
    rows, left, categories, source = data()
    known, held_out = split(left)
    training = lightgbm.Dataset(rows[known], left[known], categorical_feature=categories)
    booster = lightgbm.train(SETTINGS, training, ROUNDS)
    booster.save_model(folder / "model.txt")
    expected = booster.predict(rows[held_out], num_threads=1).astype(np.float32)
    rows[held_out].tofile(folder / "rows.f32")
    expected.tofile(folder / "expected.f32")
    facts = {
        "data": f"{source}; {len(rows):,} rows of {rows.shape[1]} features, {len(held_out):,} of them held out",
        "model": f"LightGBM, {ROUNDS} trees of {SETTINGS['num_leaves']} leaves, one thread",
        "AUC on the held-out rows": f"{auc(left[held_out], expected):.3f}",
        "packages": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES),
    }
    print(json.dumps(facts))


main()
