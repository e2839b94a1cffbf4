"""Streams of plain iterables: generators, iterators, lists.

A stream is advanced wherever there is time: on the main thread between calls, or as a job of the pool. Never in two
threads at once: `_queued` is set by whoever gives it to a thread, and cleared, under the lock, by the thread that
leaves it without credit.

What one step costs is what a stream costs, so `advance` is written out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Lock
from time import monotonic, perf_counter_ns
from types import GeneratorType
from typing import TYPE_CHECKING, Any, Final

from isthmus import kinds
from isthmus._native import allocator
from isthmus.errors import AbortedError, Cancelled, ClosedError, UnsupportedValueError
from isthmus.handover import settle
from isthmus.running import Running

if TYPE_CHECKING:
    from isthmus.answers import Answers
    from isthmus.seats import Seat

BURST: Final = 100e-6  # seconds for which one stream runs before something else may
DEFAULT_WINDOW: Final = 1


class Stream:
    """One stream. `ready` is told when there is something to do and nobody does it; `ended` when it has been answered."""

    def __init__(
        self,
        id: int,
        call: list[Any],
        values: Any,
        answers: Answers,
        ready: Callable[[Stream], None],
        ended: Callable[[int], None],
    ) -> None:
        self.running = Running(id, [call[0], None, None, call[3] if len(call) > 3 else {}])
        self._id = id
        self._answers = answers
        self._send = answers.channel.send
        self._ready = ready
        self._ended = ended
        self._iterator = iterator_of(values, self.running.name)
        self._allowed = int(self.running.options.get("window", DEFAULT_WINDOW))
        self._sent = 0
        self._cancelled = False
        self._over = False
        self._lock = Lock()
        self._queued = False
        self._elapsed = 0
        self._timed = answers.timed

    # --- on the main thread ---

    def credit(self, items: int) -> None:
        """Node allows more items."""
        self._allowed += items  # nobody else writes it
        self._wake()

    def cancel(self) -> None:
        """Node no longer reads: the generator is closed as soon as it is not running."""
        self._cancelled = True
        self.running.told = self._id
        self._wake()

    def interrupt(self) -> None:
        """Whoever reads that does not run the generator, and its cancellation is on the way."""

    def start(self) -> None:
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            if self._queued or self._over:
                return
            self._queued = True
        self._ready(self)

    # --- on any thread, one at a time ---

    def run(self, seat: Seat) -> bool:
        """Advances it. True if there is more to do at once: whoever runs it then does so again, later."""
        seat.stream = self.running
        seat.call = self.running.call
        try:
            if self._cancelled:
                self._close(seat, AbortedError("the stream was left"))
            else:
                self._advance(seat)
        except Cancelled as error:
            seat.end()  # it came before the first line of end()
            self._fail(seat, error)
        finally:
            seat.stream = None
            seat.call = None
        with self._lock:
            more = not self._over and (self._cancelled or self._allowed > self._sent)
            self._queued = more
        return more

    def _advance(self, seat: Seat) -> None:
        """Items for as long as there is credit, in a burst."""
        id = self._id
        step = self._iterator.__next__
        encode = seat.codec.encode
        send = self._send
        quick = seat.lock is None
        timed = self._timed
        until = 0.0
        started = 0
        while self._allowed > self._sent and not self._cancelled:
            allocator(True)  # another thread resumes it, or it was switched off before a yield
            try:
                if timed:
                    started = perf_counter_ns()
                if quick:
                    seat.id = id
                    if seat.missed:
                        seat.catch_up()
                    item = step()
                    seat.id = 0
                else:
                    seat.begin(id)
                    item = step()
                    seat.end()
            except BaseException as error:
                if quick:
                    seat.id = 0
                else:
                    seat.end()
                self._end(seat, error)
                return
            if timed:
                self._elapsed += perf_counter_ns() - started
            try:
                payload, arrays = encode(item, "item")
                del item
                if arrays is not None:
                    settle(self._iterator, arrays)
                send(kinds.ITEM, id, payload, arrays)
                arrays = None  # not kept while the next item is made
            except ClosedError:
                raise
            except Exception as error:
                self._close(seat, error)
                return
            self._sent += 1
            now = monotonic()
            if until == 0.0:
                until = now + BURST
            elif now > until:
                return

    def _end(self, seat: Seat, error: BaseException) -> None:
        """What next() raised."""
        if isinstance(error, StopIteration):
            value = error.value
            error.__traceback__ = None
            self._finish()
            self._answers.succeed(seat.codec, self._id, value, self._elapsed)
            self._ended(self._id)
        elif isinstance(error, SystemExit):
            raise error
        else:
            self._fail(seat, error)

    def _close(self, seat: Seat, reason: BaseException) -> None:
        """The generator's `finally` runs; what it raises there is the answer."""
        try:
            allocator(True)
            seat.begin(self._id)
            close = getattr(self._iterator, "close", None)
            if callable(close):
                close()
            seat.end()
        except BaseException as error:
            seat.end()
            if isinstance(error, SystemExit):
                raise
            reason = error
        self._fail(seat, reason)

    def _fail(self, seat: Seat, error: BaseException) -> None:
        if self._over:
            return
        self._finish()
        aborted = self._cancelled or seat.interrupted == self._id
        self._answers.fail(seat.codec, self._id, error, aborted=aborted, elapsed=self._elapsed)
        self._ended(self._id)

    def _finish(self) -> None:
        self._over = True
        self._iterator = iter(())  # lets the generator go, and what its frame holds


def iterator_of(values: Any, name: str) -> Iterator[Any]:
    """Anything that can be iterated, but text and bytes, which would be streams of characters by mistake."""
    if type(values) is GeneratorType:
        return values
    if not isinstance(values, str | bytes | bytearray):
        try:
            return iter(values)
        except TypeError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
                raise
    raise UnsupportedValueError(
        f"{name} returned a value of type {type(values).__qualname__}, which is not a stream:"
        " it is read with py.call(), or the function must yield"
    )
