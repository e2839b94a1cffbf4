"""What Isthmus serves: the model as it is."""

from __future__ import annotations

import isthmus
from sentiment import Sentiment


@isthmus.on_start
def load() -> None:
    global model
    model = Sentiment()


def label(text: str) -> str:
    return model.label(text)


def labels(texts: list[str]) -> list[str]:
    return model.labels(texts)
