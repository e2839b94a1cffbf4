"""The worker: joins the channel, imports the target, serves calls."""

from __future__ import annotations

import gc
import os
import platform
import signal
import sys
from collections.abc import Awaitable
from types import ModuleType
from typing import Any, Final

import numpy as np

from isthmus import __version__, _native, hooks, kinds, logs, reports
from isthmus._native import allocator
from isthmus.codec import Codec
from isthmus.dispatch import Dispatch, arguments_error
from isthmus.errors import (
    AbortedError,
    ArenaFullError,
    ClosedError,
    StartHookError,
    TooLargeError,
    UnsupportedValueError,
    VersionError,
)
from isthmus.failure import describe, forget
from isthmus.functions import Functions
from isthmus.objects import Objects
from isthmus.target import load

PROTOCOL: Final = 1
JOIN_TIMEOUT: Final = 30  # seconds


def run(fd: int, here: str | None) -> None:
    """The life of a worker; `here` is the directory that Python put on sys.path."""
    # A terminal's Ctrl-C goes to the whole group, and Node decides. A handler, not SIG_IGN: programs that the user's
    # code starts would inherit that.
    signal.signal(signal.SIGINT, lambda *_: None)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    channel = _native.Channel(fd, JOIN_TIMEOUT)
    functions = Functions(channel, objects := Objects())
    codec = Codec(functions, objects)
    logs.connect(channel)
    reports.connect(channel)
    try:
        module = greet(channel, codec, here)
        Worker(channel, codec, functions, Dispatch(module)).serve()
    except ClosedError:
        pass  # Node has gone, or has hung up


def greet(channel: _native.Channel, codec: Codec, here: str | None) -> ModuleType:
    """Answers Node's Hello once the target is imported. Ends the process if that fails."""
    message = channel.receive()
    if message is None or message[0] != kinds.HELLO:
        raise SystemExit("isthmus: the first message was not a Hello")
    hello = codec.decode(message[2], message[3])
    target = hello["target"]
    try:
        if hello["protocol"] != PROTOCOL or hello["version"] != __version__:
            raise VersionError(hello["version"], __version__)
        module = load(
            target["kind"], target["value"], target.get("name"), hello.get("path") or [], here
        )
        hooks.run(finish)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        words = describe(error)
        if not isinstance(error, VersionError | StartHookError):
            name = (
                target["value"] if target["kind"] != "source" else target.get("name") or "<source>"
            )
            words.update(code="ERR_IMPORT", module=name)
        channel.send(kinds.ERROR, 0, *codec.encode(words))
        raise SystemExit(1) from None
    words = {
        "protocol": PROTOCOL,
        "version": __version__,
        "pid": os.getpid(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "executable": sys.executable,
    }
    channel.send(kinds.HELLO, 0, *codec.encode(words))
    return module


def finish(awaited: Awaitable[Any]) -> None:
    """Waits for what an `async def` that runs at the start returns."""
    import asyncio  # only where it is needed: it takes a while to load

    async def wait() -> None:
        await awaited

    asyncio.run(wait())


class Worker:
    """Calls run one at a time, in the order in which they arrive.

    Arrays are leases, so nothing of a call may be held once it has ended: its arguments are let go before the result
    is sent, and the frames of an exception are cleared.
    """

    def __init__(
        self, channel: _native.Channel, codec: Codec, functions: Functions, dispatch: Dispatch
    ) -> None:
        self._channel = channel
        self._codec = codec
        self._functions = functions
        self._find = dispatch.find

    def serve(self) -> None:
        """Until Node says goodbye. Raises ClosedError when it has gone."""
        receive = self._channel.receive
        answer = self._answer
        functions = self._functions
        while True:
            if functions.dropped:
                functions.flush()
            message = receive()
            if message is None:
                continue
            kind, id, payload, arrays = message
            del message
            if kind == kinds.CALL:
                answer(id, payload, arrays)
            elif kind == kinds.CANCEL:
                self._fail(id, AbortedError("the call was aborted before it started"))
            elif kind == kinds.PRESSURE:
                gc.collect()
                self._channel.trim()
            elif kind == kinds.GOODBYE:
                return

    def _answer(self, id: int, payload: bytes, arrays: list[Any] | BaseException | None) -> None:
        try:
            encoded, sent = self._call(payload, arrays)
        except SystemExit:
            raise  # sys.exit() in a call ends the worker
        except BaseException as error:
            self._fail(id, error)
            return
        try:
            self._channel.send(kinds.RESULT, id, encoded, sent)
        except (ArenaFullError, TooLargeError, UnsupportedValueError) as error:
            self._fail(id, error)

    def _call(
        self, payload: bytes, arrays: list[Any] | BaseException | None
    ) -> tuple[bytes, list[Any] | None]:
        call = self._codec.decode(payload, arrays)
        name = call[0]
        allocator(True)
        function = self._find(name)
        try:
            result = function(*call[1]) if len(call) == 2 else function(*call[1], **call[2])
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is None:
                kwargs = call[2] if len(call) > 2 else {}
                mismatch = arguments_error(function, name, call[1], kwargs, error)
                if mismatch is not None:
                    raise mismatch from None
            raise
        return self._codec.encode(result)

    def _fail(self, id: int, error: BaseException) -> None:
        words = describe(error)
        forget(error)
        try:
            self._channel.send(kinds.ERROR, id, *self._codec.encode(words))
        except ArenaFullError:  # a long traceback goes through the arena
            words.update(message=words["message"][:1000], traceback="", notes=[], cause=None)
            self._channel.send(kinds.ERROR, id, *self._codec.encode(words))
