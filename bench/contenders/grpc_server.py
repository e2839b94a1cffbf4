"""gRPC, synchronous or on asyncio. Messages are bytes, so nothing is left to (de)serialise."""

from __future__ import annotations

import struct
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import functions
import grpc
import grpc.aio
import msgspec
import numpy as np
import uvloop
from lifetime import end_with_node

NUMBER = struct.Struct("<d")
NUMBERS = struct.Struct("<dd")
OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
]


def array(body: bytes) -> np.ndarray:
    """A message cannot be written to, and the functions write: so it is copied, once."""
    return np.frombuffer(body, np.float32).copy()


def add(body: bytes) -> bytes:
    return NUMBER.pack(functions.add(*NUMBERS.unpack(body)))


def inbound(body: bytes) -> bytes:
    return NUMBER.pack(functions.inbound(np.frombuffer(body, np.float32)))


def outbound(body: bytes) -> bytes:
    length, mark = NUMBERS.unpack(body)
    return functions.outbound(int(length), mark).tobytes()


def echo(body: bytes) -> bytes:
    return functions.echo(array(body)).tobytes()


def double(body: bytes) -> bytes:
    return functions.double(np.frombuffer(body, np.float32)).tobytes()


def nested(body: bytes) -> bytes:
    return msgspec.json.encode(functions.nested(msgspec.json.decode(body)))


def numbers(_: bytes) -> Iterator[bytes]:
    return map(NUMBER.pack, functions.numbers())


def frames(body: bytes) -> Iterator[bytes]:
    return (frame.tobytes() for frame in functions.frames(int(NUMBERS.unpack(body)[0])))


CALLS: tuple[Callable[[bytes], bytes], ...] = (
    add,
    inbound,
    outbound,
    echo,
    double,
    nested,
)
STREAMS: tuple[Callable[[bytes], Iterator[bytes]], ...] = (numbers, frames)


def serve_sync(address: str) -> None:
    def unary(call: Callable[[bytes], bytes]) -> Any:
        return grpc.unary_unary_rpc_method_handler(lambda body, _: call(body))

    def stream(items: Callable[[bytes], Iterator[bytes]]) -> Any:
        return grpc.unary_stream_rpc_method_handler(lambda body, _: items(body))

    server = grpc.server(ThreadPoolExecutor(max_workers=2), options=OPTIONS)
    methods = {call.__name__: unary(call) for call in CALLS}
    methods |= {items.__name__: stream(items) for items in STREAMS}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("bench", methods)])
    server.add_insecure_port(address)
    server.start()
    print("listening", flush=True)
    server.wait_for_termination()


async def serve_aio(address: str) -> None:
    def unary(call: Callable[[bytes], bytes]) -> Any:
        async def handle(body: bytes, _: Any) -> bytes:
            return call(body)

        return grpc.unary_unary_rpc_method_handler(handle)

    def stream(items: Callable[[bytes], Iterator[bytes]]) -> Any:
        async def handle(body: bytes, _: Any) -> AsyncIterator[bytes]:
            for item in items(body):
                yield item

        return grpc.unary_stream_rpc_method_handler(handle)

    server = grpc.aio.server(options=OPTIONS)
    methods = {call.__name__: unary(call) for call in CALLS}
    methods |= {items.__name__: stream(items) for items in STREAMS}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("bench", methods)])
    server.add_insecure_port(address)
    await server.start()
    print("listening", flush=True)
    await server.wait_for_termination()


def main() -> None:
    end_with_node()
    kind, address = sys.argv[1:]
    if kind == "aio":
        uvloop.run(serve_aio(address))
    else:
        serve_sync(address)


main()
