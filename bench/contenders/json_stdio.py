"""Newline JSON over stdio: reads what there is, answers all of it, writes once."""

from __future__ import annotations

import os
import select
from typing import Any

import msgspec
import numpy as np
from calls import NO_ANSWER, Streams
from functions import FUNCTIONS

CHUNK = 1 << 20


class Request(msgspec.Struct, array_like=True):
    """[id, name, first, second, value]; msgspec turns base64 into bytes, and back, by itself."""

    id: int
    name: str
    first: int | float | bytes | None = None
    second: int | float | None = None
    value: Any = None


decoder = msgspec.json.Decoder(Request)
encoder = msgspec.json.Encoder()
streams = Streams()


def line(call_id: int, result: Any) -> bytes:
    if isinstance(result, np.ndarray):
        result = memoryview(result).cast("B")
    return encoder.encode([call_id, result]) + b"\n"


def answer(request_line: bytes) -> bytes:
    request = decoder.decode(request_line)
    first = request.first
    function = FUNCTIONS.get(request.name)
    if function is None:
        result = streams.call(request.id, request.name, first)
        return b"" if result is NO_ANSWER else line(request.id, result)
    if first is None:
        return line(request.id, function(request.value))
    argument = np.frombuffer(first, np.float32).copy() if isinstance(first, bytes) else first
    result = function(argument) if request.second is None else function(argument, request.second)
    return line(request.id, result)


def write_all(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def main() -> None:
    requests = select.poll()
    requests.register(0, select.POLLIN)
    tail: list[bytes] = []
    while True:
        if streams.items is not None and not requests.poll(0):
            write_all(b"".join(line(streams.id, item) for item in streams.batch()))
            continue
        chunk = os.read(0, CHUNK)
        if not chunk:
            return
        head, newline, rest = chunk.rpartition(b"\n")
        if not newline:
            tail.append(chunk)
            continue
        lines = b"".join([*tail, head]).split(b"\n")
        tail = [rest] if rest else []
        write_all(b"".join(answer(text) for text in lines))


main()
