"""What a function may know about the call that it serves."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import final

from isthmus.running import Running, current


@final
class Context:
    """One call: whether Node still waits for it, and until when.

    Outside of a call it is one that is never cancelled and has no deadline, so that a file runs without Node too.
    """

    __slots__ = ("_cancelled", "_id", "_running", "call", "deadline")

    def __init__(self, running: Running) -> None:
        self._running = running
        self._id = running.id
        self._cancelled = False
        #: The name that was called; "" outside of a call.
        self.call: str = running.name
        #: Seconds on the clock of `time.monotonic()`, or None.
        self.deadline: float | None = running.options.get("deadline")

    @property
    def cancelled(self) -> bool:
        """Whether Node no longer waits for the call: its signal was aborted, its time is up, its stream was left."""
        if not self._cancelled and self._id != 0 and self._running.id == self._id:
            self._cancelled = self._running.was_cancelled(self._id) or _ask(self._id) > 0
        return self._cancelled

    @property
    def remaining(self) -> float | None:
        """Seconds until the deadline, at least 0; None if there is none."""
        return None if self.deadline is None else max(0.0, self.deadline - monotonic())

    def __repr__(self) -> str:
        state = " cancelled" if self.cancelled else ""
        return f"<isthmus.Context {self.call or 'of no call'}{state}>"


def context() -> Context:
    """The context of the call that runs here: in a function, a coroutine, a generator, or a thread of the pool."""
    running = current.get()
    if running is None or running.id == 0:
        return _NONE
    return Context(running.stream or running)


def _never(_id: int) -> int:
    return 0


def ask_with(cancelled: Callable[[int], int]) -> None:
    """For the worker: how to find out whether a message in the queue cancels a call."""
    global _ask
    _ask = cancelled


_ask: Callable[[int], int] = _never
_NONE = Context(Running())
