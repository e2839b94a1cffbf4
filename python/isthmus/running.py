"""What runs at the moment: which call, and whether Node still waits for it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final


class Running:
    """A call that runs; on a thread that runs calls one after another, the same object for each of them."""

    __slots__ = ("call", "id", "interrupted", "interrupted_at", "stream", "told")

    def __init__(self, id: int = 0, call: list[Any] | None = None) -> None:
        #: The call whose code runs, or is suspended. 0: no code of the user runs, and nothing may interrupt.
        self.id = id
        #: The payload: [target, args, kwargs, options], the latter two if they are needed.
        self.call = call
        #: The call of which Node has said that it no longer waits for it.
        self.told = 0
        #: The stream that the thread advances at the moment: it moves between threads.
        self.stream: Running | None = None
        #: The call that Cancelled was raised in, and when.
        self.interrupted = 0
        self.interrupted_at = 0.0

    @property
    def name(self) -> str:
        """What was called: the name of a function or method."""
        target = self.call[0] if self.call else ""
        return target if isinstance(target, str) else str(target[1])

    @property
    def options(self) -> dict[str, Any]:
        call = self.call
        return call[3] if call is not None and len(call) > 3 else {}

    def was_cancelled(self, id: int) -> bool:
        return id in (self.told, self.interrupted)


#: Of the code that asks. Threads of the user have none, unless they were started with a copy of the context.
current: Final[ContextVar[Running | None]] = ContextVar("isthmus.running", default=None)
