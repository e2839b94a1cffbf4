"""FastAPI on uvicorn with uvloop and httptools, one process, no access log, binary bodies."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from itertools import islice

import functions
import msgspec
import numpy as np
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from lifetime import end_with_node

app = FastAPI()

NUMBERS_OF_CHUNK = 256


async def body_array(request: Request) -> np.ndarray:
    """Streams the body into memory of its final size: `await request.body()` would join chunks once more."""
    body = np.empty(int(request.headers["content-length"]), np.uint8)
    view = memoryview(body)
    filled = 0
    async for chunk in request.stream():
        view[filled : filled + len(chunk)] = chunk
        filled += len(chunk)
    return body.view(np.float32)


def binary(array: np.ndarray) -> Response:
    return Response(memoryview(array).cast("B"), media_type="application/octet-stream")


@app.post("/add")
async def add(args: list[int]) -> int:
    return functions.add(*args)


@app.post("/inbound")
async def inbound(request: Request) -> float:
    return functions.inbound(await body_array(request))


@app.post("/outbound")
async def outbound(args: list[float]) -> Response:
    return binary(functions.outbound(int(args[0]), args[1]))


@app.post("/echo")
async def echo(request: Request) -> Response:
    return binary(functions.echo(await body_array(request)))


@app.post("/double")
async def double(request: Request) -> Response:
    return binary(functions.double(await body_array(request)))


@app.post("/nested")
async def nested(request: Request) -> Response:
    args = msgspec.json.decode(await request.body())
    return Response(msgspec.json.encode(functions.nested(*args)), media_type="application/json")


@app.post("/numbers")
async def numbers() -> StreamingResponse:
    async def lines() -> AsyncIterator[bytes]:
        items = functions.numbers()
        while True:
            yield b"".join(b"%d\n" % item for item in islice(items, NUMBERS_OF_CHUNK))
            await asyncio.sleep(
                0
            )  # an endless body has to give way, or nobody hears that the client has left

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@app.post("/frames")
async def frames(args: list[int]) -> StreamingResponse:
    async def bodies() -> AsyncIterator[memoryview]:
        for frame in functions.frames(args[0]):
            yield memoryview(frame).cast("B")
            await asyncio.sleep(0)

    return StreamingResponse(bodies(), media_type="application/octet-stream")


def main() -> None:
    end_with_node()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", log_level="error", access_log=False
    )
    uvicorn.Server(config).run(sockets=[listener])


main()
