"""A header that needs no serialiser, as in raw.ts."""

from __future__ import annotations

import struct

REQUEST = struct.Struct("<IIdd")  # id, operation, two numbers
REPLY = struct.Struct("<IId")  # id, nothing, a number
ADD, INBOUND, OUTBOUND, ECHO, DOUBLE, NUMBERS, FRAMES, STOP, ATTACH, NESTED, UPDATE = range(11)
STREAMS = {NUMBERS: "numbers", FRAMES: "frames", STOP: "stop"}
