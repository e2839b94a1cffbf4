"""What Isthmus serves when single calls become batches."""

from __future__ import annotations

import isthmus
from sentiment import Sentiment


@isthmus.on_start
def load() -> None:
    global model
    model = Sentiment()


@isthmus.batch(max_size=32)
def label(texts: list[str]) -> list[str]:
    return model.labels(texts)
