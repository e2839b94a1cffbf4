"""A header that needs no serialiser, as in raw.ts."""

from __future__ import annotations

import struct

REQUEST = struct.Struct("<IIdd")  # id, operation, two numbers
REPLY = struct.Struct("<IId")  # id, nothing, a number
ADD, INBOUND, OUTBOUND, ECHO, DOUBLE, NUMBERS, FRAMES, STOP, ATTACH = range(9)
STREAMS = {NUMBERS: "numbers", FRAMES: "frames", STOP: "stop"}
ARRAYS = (INBOUND, ECHO, DOUBLE)  # operations whose argument is an array
