"""The functions for pythonia, whose messages are JSON: an array is base64."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator

import functions
import numpy as np
from functions import add, nested, numbers

__all__ = [
    "add",
    "double",
    "echo",
    "frames",
    "inbound",
    "nested",
    "numbers",
    "outbound",
]


def _array(text: str) -> np.ndarray:
    return np.frombuffer(bytearray(b64decode(text)), np.float32)


def _text(array: np.ndarray) -> str:
    return b64encode(memoryview(array).cast("B")).decode("ascii")


def inbound(text: str) -> float:
    return functions.inbound(_array(text))


def outbound(length: int, mark: float) -> str:
    return _text(functions.outbound(length, mark))


def echo(text: str) -> str:
    return _text(functions.echo(_array(text)))


def double(text: str) -> str:
    return _text(functions.double(_array(text)))


def frames(size: int) -> Iterator[str]:
    return map(_text, functions.frames(size))
