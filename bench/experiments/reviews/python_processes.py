"""Python's multiprocessing, a model in each of N processes: python_processes.py N."""

from __future__ import annotations

import multiprocessing
import sys

from arm_report import ArmReport
from sentiment import Sentiment, reviews

model: Sentiment


def load() -> None:
    global model
    model = Sentiment()


def label(text: str) -> str:
    return model.label(text)


def main() -> None:
    report = ArmReport()
    texts = reviews()
    labels = []
    with multiprocessing.Pool(int(sys.argv[1]), load) as pool:
        for one in pool.imap(label, texts, chunksize=4):
            report.mark("first")
            labels.append(one)
        report.mark("last")
    report.write(labels)


if __name__ == "__main__":
    main()
