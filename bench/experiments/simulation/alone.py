"""One process: a loop over `step`, with numpy or compiled. alone.py step|compiled."""

from __future__ import annotations

import sys

import numpy as np
from measure import Technique, first_state, measure
from physics import DT, Floats, nothing, step

functions = {"step": step, "nothing": nothing}


class Alone(Technique):
    def __init__(self, particles: int, workers: int) -> None:
        self.now = first_state(particles)
        self.after = np.empty_like(self.now)

    def advance(self, function: str) -> float:
        seconds = functions[function](self.now, self.after, DT)["seconds"]
        if function != "nothing":
            self.now, self.after = self.after, self.now
        return seconds

    def state(self) -> Floats:
        return self.now


if __name__ == "__main__":
    if sys.argv[1] == "compiled":
        import compiled

        functions["compiled"] = compiled.step
    measure(Alone, sys.argv[1], 1)
