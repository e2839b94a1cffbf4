"""Calls that Python makes: of functions and iterables that came from Node."""

from __future__ import annotations

import sys
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from isthmus import kinds
from isthmus.callbacks import Callback
from isthmus.codec import Codec
from isthmus.errors import UnsupportedValueError
from isthmus.from_node import from_node
from isthmus.iterators import RemoteIterator

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

    from isthmus._native import Channel
    from isthmus.codec import Arrays
    from isthmus.objects import Objects

#: Set in the id of a call whose answer the worker's `receive()` delivers; otherwise a thread waits for it.
DELIVERED: Final = 1 << 31


class Functions:
    """Used by every thread. No locks: what threads share is changed by single operations of lists and dicts.

    When Python no longer has a function, Node is told, but not by a finalizer: those run at any moment, in the middle
    of a message as well. The watch on a function puts itself on a list, without a line of Python that an interruption
    could hit, and whoever sends next, or the worker before it waits, tells Node: `flush()`.
    """

    def __init__(self, channel: Channel, objects: Objects | None = None) -> None:
        #: The worker's event loop, once it runs. Its thread calls `deliver()`.
        self.loop: AbstractEventLoop | None = None
        #: Watches of what Python no longer has. `flush()` is due when it is not empty.
        self.dropped: deque[_Watch] = deque()
        self._channel = channel
        self._objects = objects
        self._watches: dict[int, _Watch] = {}
        self._codecs: list[Codec] = []
        self._requests = count()
        self._awaited: dict[int, Future[Any]] = {}

    # --- what the codec makes of ids ---

    def callback(self, id: int) -> Callback:
        callback = Callback(self, id)
        self._watch(id, callback)
        return callback

    def iterator(self, id: int) -> RemoteIterator:
        iterator = RemoteIterator(self, id)
        self._watch(id, iterator)
        return iterator

    def _watch(self, id: int, thing: Callback | RemoteIterator) -> None:
        watch = self._watches[id] = _Watch(thing, self.dropped.append)
        watch.id = id

    def flush(self) -> None:
        """Tells Node which functions it may forget; what finds no room in the ring is told next time."""
        dropped = self.dropped
        while dropped:
            try:
                watch = dropped[0]
            except IndexError:
                return  # another thread was faster
            # Removed only now, because this can be interrupted; Node does not mind being told twice.
            if not self._channel.send(kinds.DROP, watch.id, b"", None, False):
                return
            self._watches.pop(watch.id, None)
            try:
                dropped.remove(watch)
            except ValueError:
                return  # another thread is at it

    # --- calling ---

    def call(self, function: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result; in a coroutine an awaitable of it."""
        loop = running_loop()
        if loop is None:
            return self.ask(function, args, kwargs)
        return self.begin(function, args, kwargs, loop)

    def ask(self, function: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result. This thread waits; others go on, and the main thread may be one of either."""
        request = next(self._requests) % (DELIVERED - 1) + 1
        try:
            self._channel.expect(request)
            self._send(request, function, args, kwargs)
            return self._wait(request)
        except BaseException:
            self._channel.forget(request)
            raise

    def begin(
        self,
        function: int,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        loop: AbstractEventLoop | None = None,
    ) -> Future[Any]:
        """A future of the result; the call is made at once."""
        loop = loop or running_loop()
        if loop is None:
            raise RuntimeError("this is for coroutines: there is no running event loop")
        request = next(self._requests) % (DELIVERED - 1) + 1
        if loop is not self.loop:
            return self._begin_in_other_loop(loop, request, function, args, kwargs)
        request |= DELIVERED
        future = self._awaited[request] = loop.create_future()
        try:
            self._send(request, function, args, kwargs)
        except BaseException:
            del self._awaited[request]
            raise
        future.add_done_callback(lambda _: self._awaited.pop(request, None))
        return future

    def deliver(
        self, kind: int, id: int, payload: bytes, arrays: Arrays | BaseException | None
    ) -> None:
        """The answer to a call that a coroutine made: Result and Error messages that `receive()` returns."""
        future = self._awaited.pop(id, None)
        if future is None or future.done():
            return  # its task was cancelled
        try:
            future.set_result(self._read(kind, payload, arrays))
        except Exception as error:
            future.set_exception(error)

    def _begin_in_other_loop(
        self,
        loop: AbstractEventLoop,
        request: int,
        function: int,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Future[Any]:
        """For `asyncio.run()` in the user's code, which keeps the thread from the worker: another one waits."""
        try:
            self._channel.expect(request)
            self._send(request, function, args, kwargs)
        except BaseException:
            self._channel.forget(request)
            raise
        future = loop.run_in_executor(None, self._wait, request)
        future.add_done_callback(
            lambda _: self._channel.forget(request)
        )  # which ends the wait, if it goes on
        return future

    def _wait(self, request: int) -> Any:
        receive_answer = self._channel.receive_answer
        while True:
            message = receive_answer(request)
            if message is not None:
                kind, _, payload, arrays = message
                return self._read(kind, payload, arrays)

    def _send(
        self, request: int, function: int, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        if self.dropped:
            self.flush()
        codec = self._take_codec()
        try:
            payload, arrays = codec.encode([function, args, kwargs] if kwargs else [function, args])
        except UnsupportedValueError:
            codec.encode(args, "args")  # raises with the path that the caller knows
            codec.encode(kwargs, "kwargs")
            raise
        self._channel.send(kinds.CALL, request, payload, arrays)
        self._codecs.append(codec)

    def _read(self, kind: int, payload: bytes, arrays: Arrays | BaseException | None) -> Any:
        codec = self._take_codec()
        value = codec.decode(payload, arrays)
        self._codecs.append(codec)
        if kind == kinds.ERROR:
            raise from_node(value)
        return value

    def _take_codec(self) -> Codec:
        """For one value; a call may come in the middle of encoding another. One that has failed is not put back."""
        try:
            return self._codecs.pop()
        except IndexError:
            return Codec(self, self._objects)


class _Watch(ref[Any]):
    __slots__ = ("id",)

    id: int


def running_loop() -> AbstractEventLoop | None:
    """The event loop of the coroutine that is running in this thread."""
    asyncio = sys.modules.get("asyncio")  # a worker without coroutines need not import it
    if asyncio is None:
        return None
    try:
        loop: AbstractEventLoop | None = asyncio._get_running_loop()
        # A function that a loop calls back is no coroutine.
        return loop if loop is not None and asyncio.current_task(loop) is not None else None
    except AttributeError:
        return None  # another thread is importing it
