"""MessagePack over a Unix socket, served by a blocking loop: no event loop to pay for.

Small frames are read many at a time and answered with one write. A large frame is received straight
into memory of its own, placed so that the frame ends on a multiple of 8 and its array is aligned.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import Any

import msgspec
import numpy as np
from functions import FUNCTIONS

READ_BYTES = 1 << 20
PREFIX = struct.Struct("<I")


class Request(msgspec.Struct, array_like=True):
    """[id, name, first, second]; an array is a view of the frame, not a copy."""

    id: int
    name: str
    first: int | float | memoryview
    second: int | float | None = None


decoder = msgspec.msgpack.Decoder(Request)
encoder = msgspec.msgpack.Encoder()


def bin_header(array: np.ndarray) -> bytes:
    """The MessagePack header of a byte string: the bytes themselves then go out uncopied."""
    return b"\xc6" + struct.pack(">I", array.nbytes)


def answer(frame: memoryview, parts: list[Any]) -> None:
    """Appends the parts of the reply frame."""
    request = decoder.decode(frame)
    first = request.first
    argument = np.frombuffer(first, np.float32) if isinstance(first, memoryview) else first
    function = FUNCTIONS[request.name]
    result = function(argument) if request.second is None else function(argument, request.second)
    if isinstance(result, np.ndarray):
        head = b"\x92" + encoder.encode(request.id) + bin_header(result)
        parts += (PREFIX.pack(len(head) + result.nbytes), head, memoryview(result).cast("B"))
    else:
        body = encoder.encode((request.id, result))
        parts += (PREFIX.pack(len(body)), body)


def send(connection: socket.socket, parts: list[Any]) -> None:
    if sum(len(part) for part in parts) < 65_536:
        connection.sendall(b"".join(parts))
    else:
        for part in parts:
            connection.sendall(part)


def receive_large(connection: socket.socket, length: int, start: memoryview) -> memoryview:
    before = -length % 8
    frame = memoryview(np.empty(before + length, np.uint8))[
        before:
    ]  # not cleared first, as a bytearray is
    frame[: len(start)] = start
    filled = len(start)
    while filled < length:
        count = connection.recv_into(frame[filled:])
        if count == 0:
            raise EOFError
        filled += count
    return frame


def serve(connection: socket.socket) -> None:
    buffer = memoryview(bytearray(READ_BYTES))
    filled = 0
    while count := connection.recv_into(buffer[filled:]):
        filled += count
        at = 0
        parts: list[Any] = []
        while filled - at >= PREFIX.size:
            (length,) = PREFIX.unpack_from(buffer, at)
            end = at + PREFIX.size + length
            if end > filled:
                if PREFIX.size + length <= READ_BYTES // 2:
                    break
                frame = receive_large(connection, length, buffer[at + PREFIX.size : filled])
                at = filled
            else:
                frame = buffer[at + PREFIX.size : end]
                at = end
            answer(frame, parts)
        if at < filled:
            buffer[: filled - at] = bytes(buffer[at:filled])
        filled -= at
        if parts:
            send(connection, parts)


def main() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(sys.argv[1])
        listener.listen(1)
        print("listening", flush=True)
        connection, _ = listener.accept()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    serve(connection)


main()
