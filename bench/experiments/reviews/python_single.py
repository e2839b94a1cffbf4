"""Python alone, one review after another: python_single.py [SIZE], in batches of SIZE sorted by length."""

from __future__ import annotations

import sys

from arm_report import ArmReport
from sentiment import Sentiment, reviews


def main() -> None:
    report = ArmReport()
    texts = reviews()
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    model = Sentiment()
    report.mark("ready")
    labels = [""] * len(texts)
    order = range(len(texts))
    if size > 1:
        order = sorted(order, key=lambda at: len(texts[at]))
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        for at, label in zip(rows, model.labels([texts[at] for at in rows]), strict=True):
            labels[at] = label
        report.mark("first")
    report.mark("last")
    report.write(labels)


main()
