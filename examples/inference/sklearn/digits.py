"""Handwritten digits, read by a forest of scikit-learn."""

import isthmus
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

Images = NDArray[np.float32]

model: RandomForestClassifier
held_out_images: Images
held_out_labels: list[int]


@isthmus.on_start
def train() -> None:
    global model, held_out_images, held_out_labels
    images, labels = load_digits(return_X_y=True)
    images, held_out_images, labels, rest = train_test_split(
        images.astype(np.float32), labels, test_size=500, random_state=0
    )
    held_out_labels = rest.tolist()
    model = RandomForestClassifier(n_estimators=100, random_state=0).fit(images, labels)


@isthmus.batch(max_size=64, max_delay_ms=2)
def classify(images: Images) -> list[dict[str, float]]:
    """Images of 64 numbers from 0 to 16: [n, 64]."""
    return [
        {"digit": int(row.argmax()), "probability": float(row.max())}
        for row in model.predict_proba(images)
    ]


def held_out() -> tuple[Images, list[int]]:
    """Images that the model has not seen, and what they show."""
    return held_out_images, held_out_labels
