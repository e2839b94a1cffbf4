"""ZeroMQ: small messages are copied, which is faster for them; an array is neither copied in nor out."""

from __future__ import annotations

import sys
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
socket = zmq.Context().socket(zmq.DEALER)


def send(call_id: int, result: Any) -> None:
    if isinstance(result, np.ndarray | bytes):
        socket.send(raw.REPLY.pack(call_id, 0, 0), zmq.SNDMORE)
        socket.send(result, copy=False)
    else:
        socket.send(raw.REPLY.pack(call_id, 0, result))


def answer() -> None:
    call_id, operation, a, b = raw.REQUEST.unpack(socket.recv())
    if operation == raw.ADD:
        result: Any = functions.add(a, b)
    elif operation in ARRAYS:
        body = socket.recv(copy=False).buffer
        result = ARRAYS[operation](np.frombuffer(body, np.float32))
    elif operation == raw.OUTBOUND:
        result = functions.outbound(int(a), b)
    elif operation == raw.NESTED:
        result = msgspec.json.encode(
            functions.nested(msgspec.json.decode(socket.recv()))
        )
    else:
        first = a if operation == raw.FRAMES else None
        result = streams.call(call_id, raw.STREAMS[operation], first)
    if result is not NO_ANSWER:
        send(call_id, result)


def main() -> None:
    end_with_node()
    socket.set_hwm(0)
    socket.connect(sys.argv[1])
    socket.send(b"here")
    while True:
        if streams.items is not None and not socket.poll(0):
            for item in streams.batch():
                send(streams.id, item)
        else:
            answer()


main()
