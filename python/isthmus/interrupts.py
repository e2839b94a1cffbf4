"""Grade three of cancellation on the main thread: Cancelled is raised in what runs.

Node sends Interrupt(id) and then SIGURG. Python runs the handler of a signal between two instructions of the main
thread, or when a system call was broken off by it; there it asks whether the call that runs is the one that the queue
says. So an interrupt cannot land in another call, however late the signal comes: it is the queue that names the call.

It cannot land in our own code either. On the main thread `Running.id` is set right before the user's code, and cleared
right after it, in the same `try`: before its `except` has cleared it, Python does not look for signals. In a task it
stays set while the task is suspended, so the frames tell: only below the coroutine of the current task it is raised.
"""

from __future__ import annotations

import signal
import sys
from _thread import start_new_thread
from collections.abc import Collection
from threading import main_thread
from time import monotonic, sleep
from types import FrameType
from typing import Any, Final

from isthmus.errors import Cancelled
from isthmus.running import Running, current
from isthmus.seats import AGAIN, Seat

SOON: Final = 0.005  # seconds
INTERRUPT: Final = 2  # what channel.cancelled() says when an Interrupt is queued


class Interrupts:
    def __init__(self, channel: Any, main: Seat, active: Collection[int]) -> None:
        """`active`: tasks among others, each of which may be the next to run."""
        self._cancelled = channel.cancelled
        self._main = main
        self._active = active
        main.catch_up = self._catch_up
        signal.signal(signal.SIGURG, self._handle)

    def _catch_up(self) -> None:
        """The signal came before the code that it was meant for."""
        self._main.missed = False
        self._raise_if_meant(self._main)

    def _handle(self, _signal: int, frame: FrameType | None) -> None:
        running = current.get() or self._main
        if running is not self._main and not _in_a_task(frame):
            running = self._main
        if running.id == 0:
            self._main.missed = True
            if any(self._cancelled(id) == INTERRUPT for id in tuple(self._active)):
                # A task that is just about to run would not see it. No timer of `threading`: its locks may be taken.
                start_new_thread(_signal_again, ())
        else:
            self._raise_if_meant(running)

    def _raise_if_meant(self, running: Running) -> None:
        id = running.id
        if id == 0 or self._cancelled(id) != INTERRUPT:
            return
        now = monotonic()
        if running.interrupted == id and now - running.interrupted_at < AGAIN:
            return
        running.interrupted, running.interrupted_at = id, now
        raise Cancelled("the call was aborted")


def _signal_again() -> None:
    sleep(SOON)
    signal.pthread_kill(main_thread().ident or 0, signal.SIGURG)


def _in_a_task(frame: FrameType | None) -> bool:
    """Is that the code of the task that runs, and not asyncio's around it?"""
    asyncio = sys.modules.get("asyncio")
    try:
        task = asyncio.current_task() if asyncio is not None else None
    except RuntimeError:  # no loop runs
        return False
    outermost = getattr(task.get_coro(), "cr_frame", None) if task is not None else None
    while frame is not None and outermost is not None:
        if frame is outermost:
            return True
        frame = frame.f_back
    return False
