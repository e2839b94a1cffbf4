"""Calls of `async def` functions and async generators: each is a task of the event loop."""

from __future__ import annotations

import asyncio
from time import monotonic, perf_counter_ns
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

from isthmus import kinds
from isthmus._native import allocator
from isthmus.errors import AbortedError
from isthmus.handover import settle
from isthmus.running import Running, current
from isthmus.streams import DEFAULT_WINDOW, Stream

if TYPE_CHECKING:
    from isthmus.server import Server

BURST: Final = (
    100e-6  # seconds for which an async generator runs without waiting, before others may
)


class Task:
    def __init__(self, server: Server, kind: int, id: int, call: list[Any], awaited: Any) -> None:
        # The arguments are the coroutine's; here only what a context tells.
        self.running = Running(0, [call[0], None, None, call[3] if len(call) > 3 else {}])
        self.task: asyncio.Task[None] | None = None
        self._server = server
        self._kind = kind
        self._id = id
        self._awaited = awaited
        self._started = 0
        self._stream: Stream | None = None  # what became of it
        self._allowed = int(self.running.options.get("window", DEFAULT_WINDOW))
        self._sent = 0
        self._credit: asyncio.Event | None = None

    # --- from messages ---

    def cancel(self) -> None:
        self.running.told = self._id
        if self._stream is not None:
            self._stream.cancel()
        elif self._started != 0 and self.task is not None:
            self.task.cancel()

    def interrupt(self) -> None:
        """It waits for something, or the message would not have been read: it is told again."""
        self.cancel()

    def credit(self, items: int) -> None:
        self._allowed += items
        if self._stream is not None:
            self._stream.credit(items)
        elif self._credit is not None:
            self._credit.set()

    # --- the task ---

    async def run(self) -> None:
        server, running, id = self._server, self.running, self._id
        answers, codec = server.answers, server.codec
        self._started = perf_counter_ns()
        awaited, self._awaited = self._awaited, None
        current.set(running)
        allocator(True)
        try:
            if running.told:
                await _give_up(awaited)
                raise AbortedError("the call was aborted before it started")
            running.id = id
            result = await awaited if type(awaited) is CoroutineType else awaited
            running.id = 0
            del awaited
            if self._kind == kinds.CREATE:
                result = server.objects.put(result)
            elif self._kind == kinds.STREAM:
                if not hasattr(result, "__aiter__"):
                    self._become_plain(result)
                    return
                await self._send_items(result)
                result = None
        except SystemExit:
            raise
        except BaseException as error:
            running.id = 0
            server.active.pop(id, None)
            aborted = bool(running.told) or running.interrupted == id
            answers.fail(codec, id, error, aborted=aborted, elapsed=self._elapsed())
            return
        server.active.pop(id, None)
        answers.succeed(codec, id, result, self._elapsed())

    def _elapsed(self) -> int:
        return perf_counter_ns() - self._started if self._server.answers.timed else 0

    def _become_plain(self, values: Any) -> None:
        """A coroutine that returned something to iterate over: the main thread does, as with any generator."""
        server = self._server
        call = self.running.call or []
        self._stream = Stream(self._id, call, values, server.answers, server.ready, server.ended)
        if self.running.told:
            self._stream.cancel()
        self._stream.start()

    async def _send_items(self, generator: Any) -> None:
        try:
            await self._send_all(generator.__aiter__())
        finally:
            self.running.id = self._id
            try:
                await _give_up(generator)
            finally:
                self.running.id = 0

    async def _send_all(self, generator: Any) -> None:
        running, id = self.running, self._id
        encode, send = self._server.codec.encode, self._server.channel.send
        self._credit = asyncio.Event()
        until = monotonic() + BURST
        while True:
            while self._allowed <= self._sent:
                self._credit.clear()
                await self._credit.wait()
            allocator(True)
            try:
                running.id = id
                item = await generator.__anext__()
                running.id = 0
            except StopAsyncIteration:
                running.id = 0
                return
            payload, arrays = encode(item, "item")
            del item
            if arrays is not None:
                settle(generator, arrays)
            send(kinds.ITEM, id, payload, arrays)
            del payload, arrays
            self._sent += 1
            if monotonic() > until:
                await asyncio.sleep(0)
                until = monotonic() + BURST


async def _give_up(awaited: Any) -> None:
    """Closes a coroutine that was never awaited, or an async generator, whose `finally` runs."""
    if type(awaited) is CoroutineType:
        frame = awaited.cr_frame
        for argument in list(frame.f_locals.values()) if frame is not None else ():
            if type(argument) is CoroutineType:  # one of ours: it was to await the user's
                argument.close()
        awaited.close()
        return
    close = getattr(awaited, "aclose", None)
    if callable(close):
        await close()
