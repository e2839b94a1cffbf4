"""Reads MessagePack values, each behind its length, and answers with what msgspec makes of them."""

import struct
import sys
from typing import Any

import msgspec


def ext_hook(code: int, data: memoryview) -> Any:
    if code == 2:
        return int.from_bytes(data, "big", signed=True)
    return msgspec.msgpack.Ext(code, bytes(data))


def large_ints(value: Any) -> Any:
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        length = (value + (value < 0)).bit_length() // 8 + 1
        return msgspec.msgpack.Ext(2, value.to_bytes(length, "big", signed=True))
    if isinstance(value, list):
        return [large_ints(item) for item in value]
    if isinstance(value, dict):
        return {key: large_ints(item) for key, item in value.items()}
    return value


def main() -> None:
    decoder = msgspec.msgpack.Decoder(ext_hook=ext_hook)
    encoder = msgspec.msgpack.Encoder()
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    while header := stdin.read(4):
        value = decoder.decode(stdin.read(*struct.unpack(">I", header)))
        kind = type(value).__name__.encode()
        answer = encoder.encode(large_ints(value))
        stdout.write(struct.pack(">II", len(kind), len(answer)) + kind + answer)
        stdout.flush()


main()
