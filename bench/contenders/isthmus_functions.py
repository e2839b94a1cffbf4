"""The same functions for Isthmus. `outbound` makes a new array every time, as a user's function would."""

from __future__ import annotations

import numpy as np
from functions import add, double, echo, inbound, nested, update

__all__ = ["add", "double", "echo", "inbound", "nested", "outbound", "update"]


def outbound(length: int, mark: float) -> np.ndarray:
    x = np.empty(length, np.float32)
    x[0] = x[-1] = mark
    return x
