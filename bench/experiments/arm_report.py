"""What an arm written in Python reports: moments on the clock that all processes share, labels, figures."""

from __future__ import annotations

import json
import os
import time


class ArmReport:
    def __init__(self) -> None:
        self._marks: dict[str, int] = {}
        self._figures: dict[str, float] = {}

    def mark(self, name: str) -> None:
        """Only the first time counts: `mark("first")` may stand in a loop."""
        self._marks.setdefault(name, time.monotonic_ns())

    def figure(self, name: str, value: float) -> None:
        self._figures[name] = value

    def write(self, labels: list[str]) -> None:
        report = {"marks": self._marks, "labels": labels, "figures": self._figures}
        with open(os.environ["ISTHMUS_ARM_REPORT"], "w") as file:
            json.dump(report, file)
