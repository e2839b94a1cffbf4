"""The worker: joins the channel, imports the target, and has the server serve calls."""

from __future__ import annotations

import os
import platform
import signal
import sys
from types import ModuleType
from typing import Any, Final

import numpy as np

from isthmus import __version__, _native, contexts, hooks, kinds, logs, reports
from isthmus.calls import Targets
from isthmus.codec import Codec
from isthmus.dispatch import Dispatch
from isthmus.errors import (
    ClosedError,
    ProtocolError,
    StartHookError,
    UnsupportedValueError,
    VersionError,
)
from isthmus.failure import describe
from isthmus.functions import Functions
from isthmus.objects import Objects
from isthmus.server import Server
from isthmus.target import load

PROTOCOL: Final = 1
JOIN_TIMEOUT: Final = 30  # seconds
MALFORMED: Final = (
    "isthmus: {}, so this worker ends. Something may have written to memory that is not its own, "
    "as a C extension can that writes beyond the end of an array; if nothing did, please report it"
)


def run(fd: int, here: str | None) -> None:
    """The life of a worker; `here` is the directory that Python put on sys.path."""
    # A terminal's Ctrl-C goes to the whole group, and Node decides. A handler, not SIG_IGN: programs that the user's
    # code starts would inherit that.
    signal.signal(signal.SIGINT, lambda *_: None)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    channel = _native.Channel(fd, JOIN_TIMEOUT)
    contexts.ask_with(channel.cancelled)
    logs.connect(channel)
    reports.connect(channel)
    try:
        server = greet(channel, here)
        server.serve()
        server.close()
    except ProtocolError as error:
        raise SystemExit(MALFORMED.format(error)) from None
    except ClosedError:
        pass  # Node has gone, or has hung up


def greet(channel: _native.Channel, here: str | None) -> Server:
    """Answers Node's Hello once the target is imported and its hooks have run. Ends the process if that fails."""
    message = channel.receive()
    if message is None or message[0] != kinds.HELLO:
        raise SystemExit("isthmus: the first message was not a Hello")
    codec = Codec()
    try:
        hello = codec.decode(message[2], message[3])
    except UnsupportedValueError:
        hello = None
    if not is_hello(hello):
        raise SystemExit("isthmus: the Hello is malformed")
    try:
        if hello["protocol"] != PROTOCOL or hello["version"] != __version__:
            raise VersionError(hello["version"], __version__)
        dispatch = Dispatch(imported(hello, here))
        server = make_server(channel, dispatch, hello)
        hooks.run(lambda awaitable: server.event_loop().wait_for(awaitable))
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        channel.send(kinds.ERROR, 0, *codec.encode(why_not(error, hello["target"])))
        raise SystemExit(1) from None
    words = {
        "protocol": PROTOCOL,
        "version": __version__,
        "pid": os.getpid(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "executable": sys.executable,
        "asynchronous": dispatch.asynchronous(),
        "batches": dispatch.batches(),
    }
    channel.send(kinds.HELLO, 0, *codec.encode(words))
    return server


def is_hello(payload: Any) -> bool:
    """Whether it is a map of `protocol`, `version`, `target` and, where they are given, `path`, `threads`, `timed`."""
    words = payload if isinstance(payload, dict) else {}
    target = words.get("target")
    path, threads = words.get("path") or [], words.get("threads") or 0
    return (
        "protocol" in words
        and "version" in words
        and isinstance(target, dict)
        and isinstance(target.get("kind"), str)
        and isinstance(target.get("value"), str)
        and isinstance(path, list)
        and all(isinstance(folder, str) for folder in path)
        and isinstance(threads, int)
    )


def imported(hello: dict[str, Any], here: str | None) -> ModuleType:
    target = hello["target"]
    path = hello.get("path") or []
    return load(target["kind"], target["value"], target.get("name"), path, here)


def make_server(channel: _native.Channel, dispatch: Dispatch, hello: dict[str, Any]) -> Server:
    objects = Objects()
    functions = Functions(channel, objects)
    return Server(
        channel,
        lambda: Codec(functions, objects),
        Targets(dispatch, objects),
        functions,
        objects,
        threads=hello.get("threads") or 0,
        timed=bool(hello.get("timed")),
    )


def why_not(error: BaseException, target: dict[str, Any]) -> dict[str, Any]:
    words = describe(error)
    if not isinstance(error, VersionError | StartHookError):
        name = target["value"] if target["kind"] != "source" else target.get("name") or "<source>"
        words.update(code="ERR_IMPORT", module=name)
    return words
