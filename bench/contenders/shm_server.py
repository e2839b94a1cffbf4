"""Arrays in files of /dev/shm that Node makes. A request over the Unix socket names them by their number."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterator
from typing import Any

import frames
import functions
import numpy as np
import raw
from calls import NO_ANSWER, Streams

# shm-typed-array keeps the length in front of the array; a file of Node's own has nothing there.
OFFSET = int(sys.argv[3])
arrays: dict[int, np.ndarray] = {}
marks: Iterator[int] = iter(())
streams = Streams()


def attach(number: int) -> int:
    with open(f"/dev/shm/{sys.argv[2]}{number}", "r+b") as file:
        arrays[number] = np.frombuffer(mmap.mmap(file.fileno(), 0), np.float32, offset=OFFSET)
    return 0


def mark_ends(array: np.ndarray, mark: float) -> int:
    array[0] = array[-1] = mark
    return 0


def outbound(number: int, mark: float) -> int:
    array = arrays[number]
    if array[len(array) // 2] == 0:
        array[:] = 0.25
    return mark_ends(array, mark)


def call(call_id: int, operation: int, a: float, b: float) -> Any:
    """A result that is an array is in its file already: 0 says so."""
    global marks
    if operation == raw.ADD:
        return functions.add(a, b)
    number = int(a)
    if operation == raw.INBOUND:
        return functions.inbound(arrays[number])
    if operation == raw.ECHO:
        functions.echo(arrays[number])
        return 0
    if operation == raw.UPDATE:
        functions.update(arrays[number])
        return 0
    if operation == raw.DOUBLE:
        np.multiply(arrays[number], 2, out=arrays[int(b)])
        return 0
    if operation == raw.OUTBOUND:
        return outbound(number, b)
    if operation == raw.FRAMES:
        if b == 1:
            marks = functions.numbers()
        return mark_ends(arrays[number], next(marks))
    if operation == raw.ATTACH:
        return attach(number)
    return streams.call(call_id, raw.STREAMS[operation], None)


def append(call_id: int, result: Any, parts: frames.Parts) -> None:
    parts.append(frames.PREFIX.pack(raw.REPLY.size) + raw.REPLY.pack(call_id, 0, result))


def answer(frame: memoryview, parts: frames.Parts) -> None:
    call_id, operation, a, b = raw.REQUEST.unpack(frame)
    result = call(call_id, operation, a, b)
    if result is not NO_ANSWER:
        append(call_id, result, parts)


frames.main(answer, streams, append)
