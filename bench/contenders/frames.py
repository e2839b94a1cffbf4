"""Length-prefixed frames (uint32, little endian), served by a blocking loop: no event loop to pay for.

Small frames are read many at a time and answered with one write. A large frame is read straight into memory of its
own, placed so that the frame ends on a multiple of 8 and its array is aligned.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from calls import Streams

READ_BYTES = 1 << 20
JOINED_BYTES = 65_536
MAX_PARTS = 1024  # of one writev
PREFIX = struct.Struct("<I")

Parts = list[Any]
Answer = Callable[[memoryview, Parts], None]
Item = Callable[[int, Any, Parts], None]


def write(sink: int, parts: Parts) -> None:
    if sum(len(part) for part in parts) < JOINED_BYTES:
        parts = [b"".join(parts)]
    views = [memoryview(part) for part in parts]
    while views:
        count = os.writev(sink, views[:MAX_PARTS])
        while views and count >= len(views[0]):
            count -= len(views.pop(0))
        if count:
            views[0] = views[0][count:]


def read_large(source: int, length: int, start: memoryview) -> memoryview:
    before = -length % 8
    # Not a bytearray, which would be cleared first.
    frame = memoryview(np.empty(before + length, np.uint8))[before:]
    frame[: len(start)] = start
    filled = len(start)
    while filled < length:
        count = os.readv(source, [frame[filled:]])
        if count == 0:
            raise EOFError
        filled += count
    return frame


def serve(source: int, sink: int, streams: Streams, answer: Answer, item: Item) -> None:
    """`answer` appends the parts of a frame's answer, `item` those of one item of a stream."""
    requests = select.poll()
    requests.register(source, select.POLLIN)
    buffer = memoryview(bytearray(READ_BYTES))
    filled = 0
    while True:
        parts: Parts = []
        if streams.items is not None and not requests.poll(0):
            for value in streams.batch():
                item(streams.id, value, parts)
            write(sink, parts)
            continue
        count = os.readv(source, [buffer[filled:]])
        if count == 0:
            return
        filled += count
        at = 0
        while filled - at >= PREFIX.size:
            (length,) = PREFIX.unpack_from(buffer, at)
            end = at + PREFIX.size + length
            if end > filled:
                if PREFIX.size + length <= READ_BYTES // 2:
                    break
                frame = read_large(source, length, buffer[at + PREFIX.size : filled])
                at = filled
            else:
                frame = buffer[at + PREFIX.size : end]
                at = end
            answer(frame, parts)
        if at < filled:
            buffer[: filled - at] = bytes(buffer[at:filled])
        filled -= at
        if parts:
            write(sink, parts)


def serve_connection(path: str, streams: Streams, answer: Answer, item: Item) -> None:
    """Serves the one who connects to this Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(1)
        print("listening", flush=True)
        connection, _ = listener.accept()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    serve(connection.fileno(), connection.fileno(), streams, answer, item)


def main(answer: Answer, streams: Streams, item: Item) -> None:
    """Behind the Unix socket that the command line names, or over stdio if it names none."""
    if len(sys.argv) > 1:
        serve_connection(sys.argv[1], streams, answer, item)
    else:
        serve(0, 1, streams, answer, item)
