"""gRPC on asyncio: a review is the request, its label the response, both as UTF-8. The model has a thread of its own."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import grpc.aio
import uvloop
from sentiment import Sentiment
from serving import end_with_node

model = Sentiment()
thread = ThreadPoolExecutor(1)


async def label(request: bytes, _: grpc.aio.ServicerContext) -> bytes:
    loop = asyncio.get_running_loop()
    return (await loop.run_in_executor(thread, model.label, request.decode())).encode()


async def main() -> None:
    end_with_node()
    server = grpc.aio.server()
    methods = {"Label": grpc.unary_unary_rpc_method_handler(label)}
    handler = grpc.method_handlers_generic_handler("reviews.Sentiment", methods)
    server.add_generic_rpc_handlers([handler])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


uvloop.run(main())
