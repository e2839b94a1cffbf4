"""gRPC: a message is the bytes of the rows, so nothing is left to (de)serialise. grpc.aio was tried, too: no faster."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
import model
from serving import end_with_node


def handler(name: str) -> grpc.RpcMethodHandler:
    return grpc.unary_unary_rpc_method_handler(lambda body, context: model.answer(name, body))


def main() -> None:
    end_with_node()
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    methods = {name: handler(name) for name in model.MODELS}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("churn", methods)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


main()
