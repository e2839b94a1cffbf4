"""The functions for node-calls-python: an array arrives as `bytes`, and leaves as `bytes` or a bytearray."""

from __future__ import annotations

import functions
import items
import msgspec
import numpy as np
from functions import add
from items import begin_frames, begin_numbers

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
]


def inbound(body: bytes) -> float:
    return functions.inbound(np.frombuffer(body, np.float32))


def outbound(length: int, mark: float) -> bytes:
    return functions.outbound(length, mark).tobytes()


def echo(body: bytes) -> bytearray:
    """`bytes` cannot be written to, so they are copied, once."""
    copy = bytearray(body)
    functions.echo(np.frombuffer(copy, np.float32))
    return copy


def double(body: bytes) -> bytes:
    return functions.double(np.frombuffer(body, np.float32)).tobytes()


def nested(text: str) -> str:
    return msgspec.json.encode(functions.nested(msgspec.json.decode(text))).decode()


def next_item() -> object:
    item = items.next_item()
    return item.tobytes() if isinstance(item, np.ndarray) else item
