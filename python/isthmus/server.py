"""The main thread: it receives, and runs what belongs on it."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable
from time import monotonic, perf_counter_ns
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final, Protocol

from isthmus import _native, kinds
from isthmus._native import allocator
from isthmus.answers import Answers, not_a_value
from isthmus.arguments import Function, mismatch
from isthmus.batches import Answer
from isthmus.calls import Targets, is_request, name_of, perform
from isthmus.codec import Codec
from isthmus.errors import AbortedError, ProtocolError, UnsupportedValueError
from isthmus.functions import Functions
from isthmus.interrupts import Interrupts
from isthmus.objects import Objects
from isthmus.running import current
from isthmus.seats import Seat
from isthmus.streams import Stream

if TYPE_CHECKING:
    from isthmus.loop import Loop
    from isthmus.threads import Threads

MESSAGES: Final = 32  # that are handled before a stream or the event loop has its turn
SECONDS: Final = 1e-3  # likewise

Arrays = list[Any] | BaseException | None


class Active(Protocol):
    """What can be told something while it is under way: a job of a thread, a task, a stream."""

    def cancel(self) -> None: ...
    def interrupt(self) -> None: ...
    def credit(self, items: int) -> None: ...


class Server:
    """Plain functions run here one after another, in the order in which they arrive; or in the threads of the pool.

    Arrays are leases, so nothing of a call may be held once it has ended: its arguments are let go before the result
    is sent, and the frames of an exception are cleared.
    """

    def __init__(
        self,
        channel: _native.Channel,
        make_codec: Callable[[], Codec],
        targets: Targets,
        functions: Functions,
        objects: Objects,
        threads: int = 0,
        timed: bool = False,
    ) -> None:
        self.channel = channel
        #: Threads need one each.
        self.make_codec = make_codec
        self.codec = make_codec()
        self.targets = targets
        self.functions = functions
        self.objects = objects
        self.answers = Answers(channel, timed)
        self.seat = Seat(self.codec)
        #: By id, whatever has begun and is not answered; but for the plain call that the main thread runs.
        self.active: dict[int, Active] = {}
        Interrupts(channel, self.seat, self.active)
        self.leaving = False
        self.loop: Loop | None = None
        self.threads: Threads | None = None
        self._ready: deque[Stream] = deque()
        self._dispatch = targets.dispatch
        self._timed = timed
        current.set(self.seat)
        if threads > 1:
            from isthmus.threads import Threads

            self.threads = Threads(threads, self)

    def serve(self) -> None:
        """Until Node says goodbye. Raises ClosedError when it has gone."""
        receive = self.channel.receive
        answer = self._answer
        dropped = self.functions.dropped
        if self.threads is not None:
            self.event_loop()
        self._run_what_has_begun()
        while not self.finished():
            while True:
                if dropped:
                    self.functions.flush()
                message = receive()
                if message is None:
                    continue
                kind, id, payload, arrays = message
                del message
                if kind != kinds.CALL:
                    self.handle(kind, id, payload, arrays)
                    break
                if answer(id, payload, arrays):
                    break
            self._run_what_has_begun()

    def close(self) -> None:
        """Tasks that no call waits for end."""
        if self.loop is not None:
            self.loop.close()

    def finished(self) -> bool:
        return self.leaving and not self.active

    def _run_what_has_begun(self) -> None:
        """Tasks and streams, for as long as there are any with something to do."""
        while True:
            if self.loop is not None and self.loop.is_needed():
                self.loop.run()
            elif self._ready:
                self.turn()
                self.take_in()
            else:
                return

    def take_in(self) -> None:
        """What has come, for a while."""
        if self.functions.dropped:
            self.functions.flush()
        until = 0.0
        for _ in range(MESSAGES):
            message = self.channel.receive(0)
            if message is None:
                return
            kind, id, payload, arrays = message
            del message
            self.handle(kind, id, payload, arrays)
            del payload, arrays
            now = monotonic()
            if until == 0.0:
                until = now + SECONDS
            elif now > until:
                return

    def turn(self) -> bool:
        """Advances the stream that has waited longest. True if there are more to advance."""
        if self._ready:
            stream = self._ready.popleft()
            if stream.run(self.seat):
                self._ready.append(stream)
        return bool(self._ready)

    def has_ready(self) -> bool:
        return bool(self._ready)

    def ready(self, stream: Stream) -> None:
        """It is to be advanced."""
        self._ready.append(stream)
        if self.loop is not None:
            self.loop.turn_later()

    def ended(self, id: int) -> None:
        """It has been answered."""
        self.active.pop(id, None)

    def event_loop(self) -> Loop:
        if self.loop is None:
            from isthmus.loop import Loop

            self.loop = Loop(self)
        return self.loop

    # --- messages ---

    def handle(self, kind: int, id: int, payload: bytes, arrays: Arrays) -> None:
        if kind in (kinds.CALL, kinds.STREAM, kinds.CREATE):
            if self.threads is None and kind == kinds.CALL:
                self._answer(id, payload, arrays)
            else:
                self._begin(kind, id, payload, arrays)
        elif kind == kinds.CREDIT:
            stream = self.active.get(id)
            if stream is not None:
                stream.credit(credit_of(self.codec, payload))
        elif kind == kinds.CANCEL:
            running = self.active.get(id)
            if running is not None:  # or it has been answered
                running.cancel()
        elif kind == kinds.INTERRUPT:
            running = self.active.get(id)
            if running is not None:
                running.interrupt()
        elif kind in (kinds.RESULT, kinds.ERROR):
            self.functions.deliver(kind, id, payload, arrays)
        elif kind == kinds.DROP:
            self.objects.drop(id)
        elif kind == kinds.PRESSURE:
            gc.collect()
            self.channel.trim()
        elif kind == kinds.GOODBYE:
            self.leaving = True

    def _begin(self, kind: int, id: int, payload: bytes, arrays: Arrays) -> None:
        """Whatever is not a plain call on this thread."""
        try:
            call = self.codec.decode(payload, arrays)
            if not is_request(call):
                raise malformed_request()
            if kind != kinds.CALL and self.channel.cancelled(id):
                raise AbortedError("the call was aborted before it started")
            function = self.targets.find(call[0])
            if self.threads is not None and not self.targets.is_asynchronous(function):
                self.threads.begin(kind, id, function, call)
                return
            result = self._perform(id, function, call)
            if type(result) is CoroutineType or (
                kind == kinds.STREAM and hasattr(result, "__aiter__")
            ):
                self.event_loop().begin(kind, id, call, result)
            elif kind == kinds.STREAM:
                stream = Stream(id, call, result, self.answers, self.ready, self.ended)
                self.active[id] = stream
                stream.start()
            else:
                if kind == kinds.CREATE:
                    result = self.objects.put(result)
                del call
                self.answers.succeed(self.codec, id, result)
        except SystemExit:
            raise
        except BaseException as error:
            self._failed(id, error, 0)

    def _perform(self, id: int, function: Function, call: list[Any]) -> Any:
        seat = self.seat
        allocator(True)
        seat.call = call
        try:
            seat.begin(id)
            return perform(function, call)
        finally:
            seat.id = 0  # not end(): a signal could come on the way there
            seat.call = None

    # --- a plain call, here: the path that must be short ---

    def _answer(self, id: int, payload: bytes, arrays: Arrays) -> bool:
        """Calls, and sends the result. True if it is not over: the function was a coroutine's."""
        started = perf_counter_ns() if self._timed else 0
        seat = self.seat
        call: list[Any] | None = None
        function = result = None
        try:
            call = self.codec.decode(payload, arrays)
            target = call[0]
            if type(call[1]) is not list:  # an iterable of Node would be asked for its items
                raise malformed_request()
            if type(target) is str:
                function = self._dispatch.find(target)
            else:
                function = self.targets.find(target)
            allocator(True)
            seat.call = call
            seat.id = id
            if seat.missed:
                seat.catch_up()
            if len(call) == 2:
                result = function(*call[1])
            elif len(call) == 3:
                result = function(*call[1], **(call[2] or {}))
            else:
                result = perform(function, call)
            seat.id = 0
            seat.call = None
            if type(result) is CoroutineType:
                self.event_loop().begin(kinds.CALL, id, call, result)
                return True
            call = None
            payload, arrays = self.codec.encode(result)
            result = None
            if started:
                elapsed = perf_counter_ns() - started
                self.channel.send(kinds.RESULT, id, payload, arrays, True, elapsed)
            else:
                self.channel.send(kinds.RESULT, id, payload, arrays)
        except SystemExit:
            seat.id = 0
            raise  # sys.exit() in a call ends the worker
        except BaseException as raised:
            seat.id = 0
            seat.call = None
            if type(result) is Answer:  # of a batch, and something in it cannot be encoded
                self.answers.succeed(self.codec, id, result, elapsed_since(started))
                return False
            error = explained(raised, function, call, result)
            call = function = result = None
            self._failed(id, error, started)
        return False

    def _failed(self, id: int, error: BaseException, started: int) -> None:
        aborted = self.seat.interrupted == id
        if aborted:
            self.seat.interrupted = 0
        self.answers.fail(self.codec, id, error, aborted=aborted, elapsed=elapsed_since(started))


def elapsed_since(started: int) -> int:
    return perf_counter_ns() - started if started else 0


def explained(
    error: BaseException, function: Any, call: list[Any] | None, result: Any
) -> BaseException:
    """A better error, where there is one. `call`: what was being called, `result`: what could not be encoded."""
    better: BaseException | None = None
    unread = call is None and function is None and type(error) is TypeError  # it is nil
    if unread or (call is not None and not is_request(call)):
        better = malformed_request()
    elif (
        call is not None and function is not None and isinstance(error, TypeError) and len(call) < 4
    ):
        kwargs = call[2] if len(call) > 2 and call[2] else {}
        better = mismatch(function, name_of(call), call[1], kwargs, error)
    elif call is None and isinstance(error, UnsupportedValueError):
        better = not_a_value(result, error)
    return better or error


def malformed_request() -> ProtocolError:
    return ProtocolError("the call is not [target, args, kwargs, options]")


def credit_of(codec: Codec, payload: bytes) -> int:
    try:
        items = codec.decode(payload, None)
    except UnsupportedValueError as error:
        raise ProtocolError("a Credit is not MessagePack") from error
    if not isinstance(items, int) or not 0 <= items < 2**32:
        raise ProtocolError("a Credit is not a number of items")
    return items
