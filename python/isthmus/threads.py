"""`threads: n`: plain functions run in n threads. The main thread receives; the threads answer by themselves."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Lock, Thread
from time import perf_counter_ns
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final, Protocol

from isthmus import kinds
from isthmus._native import allocator
from isthmus.arguments import Function
from isthmus.calls import perform
from isthmus.errors import AbortedError, Cancelled, ClosedError
from isthmus.running import current
from isthmus.seats import Seat, ThreadSeat
from isthmus.streams import Stream

if TYPE_CHECKING:
    from isthmus.server import Server


class Work(Protocol):
    def run(self, seat: Seat) -> bool:
        """True if there is more to do, after what others have to do."""
        ...


class Threads:
    def __init__(self, count: int, server: Server) -> None:
        self.server: Final = server
        self.queue: Final[SimpleQueue[Work]] = SimpleQueue()
        self._seats: list[ThreadSeat] = []
        for number in range(
            1, count + 1
        ):  # daemons: sys.exit() in one does not wait for the others
            Thread(target=self._work, name=f"isthmus-{number}", daemon=True).start()

    def begin(self, kind: int, id: int, function: Function, call: list[Any]) -> None:
        job = self.server.active[id] = Job(self, kind, id, function, call)
        self.queue.put(job)

    def interrupt(self, id: int) -> None:
        """Raises Cancelled in the thread that runs the call, if one does."""
        for seat in self._seats:
            if seat.interrupt(id):
                return

    def ended(self, id: int) -> None:
        """The call has been answered."""
        self.server.active.pop(id, None)
        if self.server.leaving:
            self.server.event_loop().post(lambda: None)  # it looks whether that was the last

    def _work(self) -> None:
        seat = ThreadSeat(self.server.make_codec())
        self._seats.append(seat)
        current.set(seat)
        while True:
            work = self.queue.get()
            try:
                if work.run(seat):
                    self.queue.put(work)
            except ClosedError:
                return  # the main thread sees it too
            except BaseException as error:  # sys.exit(), or a mistake of ours: it ends the worker
                self.server.event_loop().end(error)
                return
            del work


class Job:
    """A call that waits for a thread, or has one."""

    def __init__(
        self, pool: Threads, kind: int, id: int, function: Function, call: list[Any]
    ) -> None:
        self._pool = pool
        self._kind = kind
        self._id = id
        self._function: Function | None = function
        self._call = call
        self._lock = Lock()
        self._seat: Seat | None = None  # where it runs
        self._stream: Stream | None = None  # what became of it
        self._cancelled = False

    # --- on the main thread ---

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            waits = self._function is not None
            if waits:
                self._function, self._call = None, []
            if self._seat is not None:
                self._seat.told = self._id
        if waits:
            self._pool.server.active.pop(self._id, None)
            aborted = AbortedError("the call was aborted before it started")
            server = self._pool.server
            server.answers.fail(server.codec, self._id, aborted)
        elif self._stream is not None:
            self._stream.cancel()

    def interrupt(self) -> None:
        self._pool.interrupt(self._id)

    def credit(self, items: int) -> None:
        if self._stream is not None:
            self._stream.credit(items)

    # --- on a thread of the pool ---

    def run(self, seat: Seat) -> bool:
        with self._lock:
            function, call = self._function, self._call
            self._function, self._call = None, []
            if function is None:
                return False  # it was cancelled
            seat.told = 0
            self._seat = seat
        answers = self._pool.server.answers
        started = perf_counter_ns()
        elapsed = 0
        error: BaseException | None = None
        result = None
        try:
            result = self._perform(seat, function, call)
            elapsed = perf_counter_ns() - started if answers.timed else 0
            if self._goes_on(result, call):
                return False
            if self._kind == kinds.CREATE:
                result = self._pool.server.objects.put(result)
        except SystemExit:
            raise
        except BaseException as raised:
            error = raised
        function, call = None, []
        with self._lock:
            self._seat = None
        if error is None:
            answers.succeed(seat.codec, self._id, result, elapsed)
        else:
            aborted = self._cancelled or seat.interrupted == self._id
            answers.fail(seat.codec, self._id, error, aborted=aborted, elapsed=elapsed)
        self._pool.ended(self._id)
        return False

    def _perform(self, seat: Seat, function: Function, call: list[Any]) -> Any:
        seat.call = call
        allocator(True)
        try:
            try:
                seat.begin(self._id)
                return perform(function, call)
            finally:
                seat.end()
        except Cancelled:
            seat.end()  # it came before the first line of the other one
            raise
        finally:
            seat.call = None

    def _goes_on(self, result: Any, call: list[Any]) -> bool:
        """Whether the result is not the end, but a stream or a coroutine."""
        pool, id = self._pool, self._id
        if type(result) is CoroutineType or (
            self._kind == kinds.STREAM and hasattr(result, "__aiter__")
        ):
            pool.server.event_loop().post(lambda: self._begin_task(call, result))
            return True
        if self._kind != kinds.STREAM:
            return False
        stream = Stream(id, call, result, pool.server.answers, pool.queue.put, pool.ended)
        self._stream = stream
        if self._cancelled:
            stream.cancel()
        stream.start()
        return True

    # --- on the main thread again ---

    def _begin_task(self, call: list[Any], awaited: Any) -> None:
        server = self._pool.server
        server.event_loop().begin(self._kind, self._id, call, awaited)
        if self._cancelled:  # while the function ran that gave the coroutine or async generator
            server.active[self._id].cancel()
