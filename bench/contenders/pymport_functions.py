"""The functions for pymport: an array arrives as a memoryview of Node's memory."""

from __future__ import annotations

import functions
import numpy as np
from functions import add, nested, outbound
from items import begin_frames, begin_numbers, next_item

__all__ = [
    "add",
    "begin_frames",
    "begin_numbers",
    "double",
    "echo",
    "inbound",
    "nested",
    "next_item",
    "outbound",
    "update",
]


def _array(view: memoryview) -> np.ndarray:
    return np.frombuffer(view, np.float32)


def inbound(view: memoryview) -> float:
    return functions.inbound(_array(view))


def echo(view: memoryview) -> np.ndarray:
    return functions.echo(_array(view))


def double(view: memoryview) -> np.ndarray:
    return functions.double(_array(view))


def update(view: memoryview) -> None:
    functions.update(_array(view))
