"""FastAPI on uvicorn with uvloop and httptools, one process, no access log, binary bodies."""

from __future__ import annotations

import os
import socket
import sys
import threading

import functions
import numpy as np
import uvicorn
from fastapi import FastAPI, Request, Response

app = FastAPI()


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


def end_with_node() -> None:
    """A web server would outlive a client that is killed; its standard input closes then."""
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    threading.Thread(target=end_with_node, daemon=True).start()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", log_level="error", access_log=False
    )
    uvicorn.Server(config).run(sockets=[listener])


main()
