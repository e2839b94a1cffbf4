"""A client process: client.py WAY ADDRESS once | warm SECONDS. Its last line on stdout is the result.

`here` is the model in the client's own process, without any way to it. No numpy unless the way needs it.
"""

from __future__ import annotations

import json
import os
import sys
from array import array
from collections.abc import Callable
from time import perf_counter_ns

COLUMNS = 19
CHARGES = 17
MANY = 1000
TOLERANCE = 1e-6
WARM_CALLS = {1: 2000, MANY: 50}
WARM_SHARE = 0.3
FEWEST_CALLS = 20

Call = Callable[[str, bytes], bytes]


def open_fastapi(port: str) -> Call:
    """One kept-alive connection, binary bodies."""
    import httpx

    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)
    headers = {"content-type": "application/octet-stream"}

    def call(name: str, body: bytes) -> bytes:
        response = client.post(f"/{name}", content=body, headers=headers)
        if response.status_code != 200:
            raise RuntimeError(f"{name}: HTTP {response.status_code}")
        return response.content

    return call


def open_grpc(port: str) -> Call:
    """One channel; a message is the bytes of the rows."""
    import grpc

    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    methods = {name: channel.unary_unary(f"/churn/{name}") for name in ("score", "null")}
    return lambda name, body: methods[name](body)


def open_here(_: str) -> Call:
    import model

    return model.answer


WAYS = {"fastapi": open_fastapi, "grpc": open_grpc, "here": open_here}


def read(name: str) -> bytes:
    with open(os.path.join(os.environ["CHURN_DATA"], name), "rb") as file:
        return file.read()


def floats(data: bytes) -> array[float]:
    return array("f", data)


def rows_from(rows: bytes, at: int, count: int) -> bytes:
    return rows[at * COLUMNS * 4 : (at + count) * COLUMNS * 4]


def check(found: array[float], expected: array[float]) -> None:
    if len(found) != len(expected) or any(
        abs(one - other) > TOLERANCE for one, other in zip(found, expected, strict=True)
    ):
        raise ValueError(f"the answer is {found[:3]} …, and should be {expected[:3]} …")


def measure(call: Call, name: str, count: int, rows: bytes, seconds: float) -> dict[str, float]:
    total = len(rows) // (COLUMNS * 4)
    expected = floats(read("expected.f32")) if name == "score" else floats(rows)[CHARGES::COLUMNS]

    def timed(at: int) -> int:
        start = perf_counter_ns()
        found = floats(call(name, rows_from(rows, at, count)))
        taken = perf_counter_ns() - start
        check(found, expected[at : at + count])
        return taken

    def place(round: int) -> int:
        return round % total if count == 1 else round * 7 % (total - count)

    end = perf_counter_ns() + seconds * 1e9 * WARM_SHARE
    for i in range(WARM_CALLS[count]):
        if perf_counter_ns() >= end:
            break
        timed(place(i))
    taken = []
    end = perf_counter_ns() + seconds * 1e9
    while len(taken) < FEWEST_CALLS or perf_counter_ns() < end:
        taken.append(timed(place(len(taken))))
    taken.sort()
    return {
        "p50": taken[(len(taken) - 1) // 2] / 1000,
        "p99": taken[-(-99 * len(taken) // 100) - 1] / 1000,
        "calls": len(taken),
    }


def main() -> None:
    way, address, mode, *rest = sys.argv[1:]
    rows = read("rows.f32")
    call = WAYS[way](address)
    if mode == "once":
        print(json.dumps(floats(call("score", rows_from(rows, 0, 1)))[0]))
        return
    seconds = float(rest[0])
    cells = {
        f"{name}.{size}": measure(call, name, count, rows, seconds)
        for size, count in (("one", 1), ("many", MANY))
        for name in ("null", "score")
    }
    probabilities = floats(call("score", rows_from(rows, 0, MANY))).tolist()
    print(json.dumps({"cells": cells, "probabilities": probabilities}))


main()
