"""MessagePack in frames, over a Unix socket or stdio."""

from __future__ import annotations

import struct
from typing import Any

import frames
import msgspec
import numpy as np
from calls import NO_ANSWER, Streams
from functions import FUNCTIONS


class Request(msgspec.Struct, array_like=True):
    """[id, name, first, second, value]; an array is a view of the frame, not a copy."""

    id: int
    name: str
    first: int | float | memoryview | None = None
    second: int | float | None = None
    value: Any = None


decoder = msgspec.msgpack.Decoder(Request)
encoder = msgspec.msgpack.Encoder()
streams = Streams()


def bin_header(array: np.ndarray) -> bytes:
    """The MessagePack header of a byte string: the bytes themselves then go out uncopied."""
    return b"\xc6" + struct.pack(">I", array.nbytes)


def append(call_id: int, result: Any, parts: frames.Parts) -> None:
    if isinstance(result, np.ndarray):
        head = b"\x92" + encoder.encode(call_id) + bin_header(result)
        prefix = frames.PREFIX.pack(len(head) + result.nbytes)
        parts += (prefix, head, memoryview(result).cast("B"))
    else:
        body = encoder.encode((call_id, result))
        parts += (frames.PREFIX.pack(len(body)), body)


def answer(frame: memoryview, parts: frames.Parts) -> None:
    request = decoder.decode(frame)
    first = request.first
    function = FUNCTIONS.get(request.name)
    if function is None:
        result = streams.call(request.id, request.name, first)
    elif first is None:
        result = function(request.value)
    else:
        argument = np.frombuffer(first, np.float32) if isinstance(first, memoryview) else first
        result = (
            function(argument) if request.second is None else function(argument, request.second)
        )
    if result is not NO_ANSWER:
        append(request.id, result, parts)


frames.main(answer, streams, append)
