"""Raw bytes over a Unix socket: a header of a fixed size, then the bytes of the array."""

from __future__ import annotations

from typing import Any

import frames
import functions
import numpy as np
import raw
from calls import NO_ANSWER, Streams

FUNCTIONS = {
    raw.INBOUND: functions.inbound,
    raw.ECHO: functions.echo,
    raw.DOUBLE: functions.double,
}
streams = Streams()


def append(call_id: int, result: Any, parts: frames.Parts) -> None:
    if isinstance(result, np.ndarray):
        prefix = frames.PREFIX.pack(raw.REPLY.size + result.nbytes)
        parts += (prefix + raw.REPLY.pack(call_id, 0, 0), memoryview(result).cast("B"))
    else:
        parts.append(frames.PREFIX.pack(raw.REPLY.size) + raw.REPLY.pack(call_id, 0, result))


def answer(frame: memoryview, parts: frames.Parts) -> None:
    call_id, operation, a, b = raw.REQUEST.unpack_from(frame)
    if operation == raw.ADD:
        return append(call_id, functions.add(a, b), parts)
    if operation in FUNCTIONS:
        array = np.frombuffer(frame[raw.REQUEST.size :], np.float32)
        return append(call_id, FUNCTIONS[operation](array), parts)
    if operation == raw.OUTBOUND:
        return append(call_id, functions.outbound(int(a), b), parts)
    result = streams.call(call_id, raw.STREAMS[operation], a if operation == raw.FRAMES else None)
    if result is not NO_ANSWER:
        append(call_id, result, parts)
    return None


frames.main(answer, streams, append)
