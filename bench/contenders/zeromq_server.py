"""ZeroMQ: small messages are copied, which is faster for them; an array is neither copied in nor out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import functions
import msgspec
import numpy as np
import raw
import zmq
from calls import NO_ANSWER, Streams
from lifetime import end_with_node

ARRAYS = {
    raw.INBOUND: functions.inbound,
    raw.ECHO: functions.echo,
    raw.DOUBLE: functions.double,
}
streams = Streams()
items: Iterator[np.ndarray] = iter(())
socket = zmq.Context().socket(zmq.DEALER)


def send(call_id: int, result: Any) -> None:
    if isinstance(result, np.ndarray | bytes):
        socket.send(raw.REPLY.pack(call_id, 0, 0), zmq.SNDMORE)
        socket.send(result, copy=False)
    else:
        socket.send(raw.REPLY.pack(call_id, 0, result))


def answer() -> None:
    global items
    call_id, operation, a, b = raw.REQUEST.unpack(socket.recv())
    if operation == raw.ADD:
        result: Any = functions.add(a, b)
    elif operation in ARRAYS:
        body = socket.recv(copy=False).buffer
        result = ARRAYS[operation](np.frombuffer(body, np.float32))
    elif operation == raw.OUTBOUND:
        result = functions.outbound(int(a), b)
    elif operation == raw.FRAMES:
        if b == 1:
            items = functions.frames(int(a))
        result = next(items)
    elif operation == raw.NESTED:
        result = msgspec.json.encode(functions.nested(msgspec.json.decode(socket.recv())))
    else:
        result = streams.call(call_id, raw.STREAMS[operation], None)
    if result is not NO_ANSWER:
        send(call_id, result)


def main() -> None:
    end_with_node()
    socket.set_hwm(1000)  # of messages: a stream of numbers waits for its reader
    socket.connect(sys.argv[1])
    socket.send(b"here")
    while True:
        if streams.items is not None and not socket.poll(0):
            for item in streams.batch():
                send(streams.id, item)
        else:
            answer()


main()
