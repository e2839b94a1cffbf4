"""Reviews for when the real ones cannot be fetched: of about the same lengths, with little to learn."""

from __future__ import annotations

import random

PRAISE = ["I love this", "It tastes wonderful", "My family asks for more", "I would buy it again"]
BLAME = ["I did not like it", "It arrived broken", "It tastes stale", "I will not buy it again"]
NEITHER = [
    "I ordered it in March",
    "The bag holds twelve ounces",
    "It comes in a tin",
    "We had it with tea",
    "The shop is near the river",
    "There are three kinds of it",
]

Rows = tuple[list[str], list[str]]


def _rows(count: int, seed: int) -> Rows:
    chance = random.Random(seed)
    texts, labels = [], []
    for _ in range(count):
        label = "great" if chance.random() < 0.65 else "other"
        length = min(60, max(3, round(chance.lognormvariate(2.3, 0.7))))
        opinions = PRAISE if label == "great" else BLAME
        sentences = [chance.choice(NEITHER) for _ in range(length)]
        sentences[chance.randrange(length)] = chance.choice(opinions)
        texts.append(". ".join(sentences) + ".")
        labels.append(label)
    return texts, labels


def reviews() -> tuple[Rows, Rows]:
    return _rows(4000, 1), _rows(1000, 2)
