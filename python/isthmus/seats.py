"""Where the user's code runs: the main thread has one seat, every thread of the pool has one.

Between `begin` and `end` runs what Node may interrupt. An exception that is set in a thread from outside
(PyThreadState_SetAsyncExc) comes at some later instruction, perhaps when the call that was meant has ended. So it is
set under the seat's lock, while the seat says that it runs that call, and `end` takes it back under the same lock.
It can still come inside of `end`, which then starts again: an exception that has come does not come twice.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock, get_ident
from time import monotonic

from isthmus import _native
from isthmus.codec import Codec
from isthmus.errors import Cancelled
from isthmus.running import Running

AGAIN = 1.0  # seconds for cleaning up, before it is interrupted again


class Seat(Running):
    """Of the main thread, which is interrupted by a signal: see interrupts.py."""

    __slots__ = ("catch_up", "codec", "lock", "missed")

    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.codec = codec
        self.lock: Lock | None = None
        #: A signal came while nothing of the user ran: whoever sets `id` looks at it afterwards, and catches up.
        self.missed = False
        self.catch_up: Callable[[], None] = _nothing

    def begin(self, id: int) -> None:
        self.id = id
        if self.missed:
            self.catch_up()

    def end(self) -> None:
        self.id = 0


class ThreadSeat(Seat):
    """Of the thread that makes it."""

    __slots__ = ("_guard", "_ident", "_sent")

    def __init__(self, codec: Codec) -> None:
        super().__init__(codec)
        self.lock = self._guard = Lock()
        self._ident = get_ident()
        self._sent = False

    def begin(self, id: int) -> None:
        with self._guard:
            self.id = id

    def end(self) -> None:
        while True:
            try:
                with self._guard:
                    self.id = 0
                    if self._sent:
                        self._sent = False
                        _native.interrupt(self._ident, None)
                return
            except Cancelled:
                continue  # it came here, when what it was meant for had ended

    def interrupt(self, id: int) -> bool:
        """From another thread. False if it does not run that."""
        with self._guard:
            if self.id != id:
                return False
            now = monotonic()
            if self.interrupted != id or now - self.interrupted_at > AGAIN:
                self.interrupted, self.interrupted_at = id, now
                self._sent = True
                _native.interrupt(self._ident, Cancelled)
            return True


def _nothing() -> None:
    pass
