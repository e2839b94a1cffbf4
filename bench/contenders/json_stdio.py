"""Newline JSON over stdio: reads what there is, answers all of it, writes once."""

from __future__ import annotations

import os

import msgspec
import numpy as np
from functions import FUNCTIONS

CHUNK = 1 << 20


class Request(msgspec.Struct, array_like=True):
    """[id, name, first, second]; msgspec turns base64 into bytes, and back, by itself."""

    id: int
    name: str
    first: int | float | bytes
    second: int | float | None = None


decoder = msgspec.json.Decoder(Request)
encoder = msgspec.json.Encoder()


def answer(line: bytes) -> bytes:
    request = decoder.decode(line)
    first = request.first
    argument = np.frombuffer(first, np.float32).copy() if isinstance(first, bytes) else first
    function = FUNCTIONS[request.name]
    result = function(argument) if request.second is None else function(argument, request.second)
    if isinstance(result, np.ndarray):
        result = memoryview(result).cast("B")
    return encoder.encode([request.id, result]) + b"\n"


def write_all(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def main() -> None:
    tail: list[bytes] = []
    while chunk := os.read(0, CHUNK):
        head, newline, rest = chunk.rpartition(b"\n")
        if not newline:
            tail.append(chunk)
            continue
        lines = b"".join([*tail, head]).split(b"\n")
        tail = [rest] if rest else []
        write_all(b"".join(answer(line) for line in lines))


main()
