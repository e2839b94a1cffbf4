"""How the servers of the arms start and end."""

from __future__ import annotations

import os
import socket
import sys
import threading
from typing import Any


def end_with_node() -> None:
    """A server would outlive a client that is killed; its standard input closes then."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def serve_http(app: Any) -> None:
    """uvicorn with uvloop and httptools, one process, no access log, on a free port, which it prints."""
    import uvicorn

    end_with_node()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(2048)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", log_level="error", access_log=False
    )
    uvicorn.Server(config).run(sockets=[listener])
