"""The event loop of `async def` functions: one, on the main thread, asleep on the channel's doorbell.

While it runs, messages are received in its turns: `_on_input` is called like for any descriptor that can be read. It
runs for as long as there are tasks, anybody's, or descriptors that somebody waits for; then the main thread goes back
to receive(), which is faster.
"""

from __future__ import annotations

import asyncio
import selectors
from asyncio import events
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from isthmus._native import Channel
from isthmus.tasks import Task

if TYPE_CHECKING:
    from isthmus.server import Server

SPARE_TURNS: Final = 15  # turns without a system call, where nobody waits for a descriptor
OURS: Final = 2  # descriptors: the doorbell's, and the pipe by which other threads wake the loop


class DoorbellSelector(selectors.DefaultSelector):
    """Polls the ring before it sleeps, as receive() does, and reports the doorbell when there is input."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel
        self._turn = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = []
        self._turn = (self._turn + 1) & SPARE_TURNS
        if self._turn == 0 or self.has_others():
            ready = self._select(0)
        until = monotonic() + (3600 if timeout is None else timeout)
        waits = not ready and (timeout is None or timeout > 0)
        if self._channel.poll(until - monotonic() if waits else 0):
            return self._with_doorbell(ready)
        if not waits:
            return ready
        if not self._channel.park():
            return self._with_doorbell(ready)
        try:
            ready = self._select(None if timeout is None else max(0.0, until - monotonic()))
        finally:
            self._channel.unpark()
        return self._with_doorbell(ready) if self._channel.poll(0) else ready

    def has_others(self) -> bool:
        """Whether somebody waits for a descriptor that is not ours."""
        return len(self.get_map()) > OURS

    def _select(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        doorbell = self._channel.event
        return [event for event in super().select(timeout) if event[0].fd != doorbell]

    def _with_doorbell(
        self, ready: list[tuple[selectors.SelectorKey, int]]
    ) -> list[tuple[selectors.SelectorKey, int]]:
        key = self.get_map().get(self._channel.event)
        return ready if key is None else [*ready, (key, selectors.EVENT_READ)]


class Loop:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._selector = DoorbellSelector(server.channel)
        self._runner = asyncio.Runner(
            loop_factory=lambda: asyncio.SelectorEventLoop(self._selector)
        )
        self._loop = self._runner.get_loop()
        server.functions.loop = self._loop
        self._loop.add_reader(server.channel.event, self._on_input)
        self._loop.set_task_factory(self._make_task)
        self._tasks: set[asyncio.Task[None]] = set()
        self._has_others = False  # tasks that are no calls; looked for only then
        self._turning = False
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Until nobody needs it."""
        self.turn_later()
        self._loop.run_forever()
        self._raise_failure()

    def wait_for(self, awaitable: Awaitable[Any]) -> None:
        """Before there are calls. What else it has started goes on afterwards."""

        async def wait() -> None:
            await awaitable

        self._loop.run_until_complete(wait())

    def is_needed(self, ending: int = 0) -> bool:
        """`ending`: tasks that have nothing more to do."""
        if self._server.finished():
            return False
        return (
            self._server.threads is not None
            or bool(self._tasks)
            or self._selector.has_others()
            or self._runs_others(ending)
        )

    def _runs_others(self, ending: int) -> bool:
        """Whether there are tasks that the user's code has made."""
        if self._has_others or self._loop.get_task_factory() != self._make_task:
            self._has_others = len(asyncio.all_tasks(self._loop)) > ending
        return self._has_others

    def _make_task(self, loop: Any, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        self._has_others = True
        return asyncio.Task(coroutine, loop=loop, **options)

    def begin(self, kind: int, id: int, call: list[Any], awaited: Any) -> None:
        """A coroutine or an async generator answers the call, as a task."""
        task = Task(self._server, kind, id, call, awaited)
        self._server.active[id] = task
        task.task = asyncio.Task(self._run(task), loop=self._loop, name=task.running.name)
        self._tasks.add(task.task)

    def post(self, function: Callable[[], object]) -> None:
        """From another thread: runs it here."""
        with suppress(RuntimeError):  # it is closed: the worker ends
            self._loop.call_soon_threadsafe(self._here, function)

    def end(self, error: BaseException) -> None:
        """From any thread: the worker ends with that."""

        def end_with() -> None:
            self._failure = error
            self._loop.stop()

        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(end_with)

    def close(self) -> None:
        """Cancels the tasks that are left, and waits for them."""
        self._loop.remove_reader(self._server.channel.event)
        self._runner.close()

    async def _run(self, task: Task) -> None:
        try:
            await task.run()
        except SystemExit:
            raise  # asyncio lets it through
        except BaseException as error:  # a mistake of ours, or the channel is closed
            self._failure = error
        self._tasks.discard(asyncio.current_task(self._loop))
        self._stop_if_idle(1)

    def _on_input(self) -> None:
        self._here(self._server.take_in)
        self.turn_later()

    def turn_later(self) -> None:
        """Streams of plain generators have their turn between those of the loop."""
        if self._server.has_ready() and not self._turning:
            self._turning = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._turning = False
        self._here(self._server.turn)
        self.turn_later()

    def _here(self, function: Callable[[], object]) -> None:
        """Runs what may run plain functions: for those, no loop is running."""
        events._set_running_loop(None)
        try:
            function()
        except SystemExit:
            raise
        except BaseException as error:
            self._failure = error
        finally:
            events._set_running_loop(self._loop)
        self._stop_if_idle()

    def _stop_if_idle(self, ending: int = 0) -> None:
        if self._failure is not None or not self.is_needed(ending):
            self._loop.stop()

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
