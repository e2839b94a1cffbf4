"""Heat in a square plate: the frames of a simulation, one by one."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Plate = NDArray[np.float32]

made = 0
"""Frames that the last generator has made, and whether it has been closed."""
closed = False


def start(size: int) -> Plate:
    plate = np.zeros((size, size), np.float32)
    plate[size // 4 : size // 2, size // 4 : size // 2] = 1
    return plate


def warm(plate: Plate, dt: float = 0.2) -> None:
    """One step in place, by the five-point Laplacian; the edges stay as cold as they are."""
    inner = plate[1:-1, 1:-1]
    around = plate[:-2, 1:-1] + plate[2:, 1:-1] + plate[1:-1, :-2] + plate[1:-1, 2:]
    inner += np.float32(dt) * (around - 4 * inner)


def pictures(size: int, steps: int) -> Iterator[NDArray[np.uint8]]:
    """Each picture is a new array that nothing else holds: it goes to Node by reference."""
    global made, closed
    made, closed = 0, False
    plate = start(size)
    try:
        for _ in range(steps):
            warm(plate)
            made += 1
            yield (plate * 255).astype(np.uint8)
    finally:
        closed = True


def plates(size: int, steps: int) -> Iterator[Plate]:
    """The same array again and again, changed in place: Node gets copies, which are counted."""
    plate = start(size)
    for _ in range(steps):
        warm(plate)
        yield plate


def state() -> dict[str, int | bool]:
    return {"made": made, "closed": closed}
