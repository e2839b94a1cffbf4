"""Results and errors on their way to Node. Any thread may answer, with a codec of its own."""

from __future__ import annotations

from types import CoroutineType, GeneratorType
from typing import Any

from isthmus import _native, kinds
from isthmus.batches import Answer
from isthmus.codec import Codec
from isthmus.errors import (
    AbortedError,
    ArenaFullError,
    Cancelled,
    ClosedError,
    UnsupportedValueError,
)
from isthmus.failure import describe, forget


class Answers:
    def __init__(self, channel: _native.Channel, timed: bool) -> None:
        self.channel = channel
        #: Node wants to know for how long each function ran.
        self.timed = timed

    def succeed(self, codec: Codec, id: int, result: Any, elapsed: int = 0) -> None:
        """Sends a result, or the reason why it cannot be sent."""
        try:
            payload, arrays = codec.encode(result)
            result = None
            self.channel.send(kinds.RESULT, id, payload, arrays, True, elapsed)
        except ClosedError:
            raise
        except Exception as error:  # also of the user's code: a property of the result that raises
            if type(result) is Answer:
                forget(error)
                self.succeed(codec, id, repaired(result, codec), elapsed)
                return
            self.fail(codec, id, not_a_value(result, error) or error, elapsed=elapsed)

    def fail(
        self,
        codec: Codec,
        id: int,
        error: BaseException,
        *,
        aborted: bool = False,
        elapsed: int = 0,
    ) -> None:
        """`aborted`: whatever it is, it came of a cancellation."""
        words = describe(error)
        if aborted or isinstance(error, Cancelled):
            words["code"] = AbortedError.code
        forget(error)
        try:
            self.channel.send(kinds.ERROR, id, *codec.encode(words), True, elapsed)
        except ArenaFullError:  # a long traceback goes through the arena
            words.update(message=words["message"][:1000], traceback="", notes=[], cause=None)
            self.channel.send(kinds.ERROR, id, *codec.encode(words), True, elapsed)


def repaired(answer: Answer, codec: Codec) -> list[Any]:
    """That of a batch which could not be encoded: only the items fail that cannot be."""
    results, errors, elapsed = answer
    if not isinstance(results, list):
        return list(answer)
    failed: dict[int, Any] = dict(errors or ())
    sound: list[Any] = []
    for index, item in enumerate(results):
        try:
            codec.encode(item)
            sound.append(item)
        except Exception as error:
            failed[index] = describe(not_a_value(item, error) or error)
            forget(error)
            sound.append(None)
    return [sound, [[index, failed[index]] for index in sorted(failed)], elapsed]


def not_a_value(result: Any, error: BaseException) -> UnsupportedValueError | None:
    """A better word for what a call cannot return, but a stream can."""
    try:
        problem = what_to_do_instead(result)
    except Exception:
        return None  # the result's own attributes raise
    if problem is None:
        return None
    better = UnsupportedValueError(problem, "result")
    better.__cause__ = error
    return better


def what_to_do_instead(result: Any) -> str | None:
    if isinstance(result, GeneratorType):
        return (
            f"{result.__qualname__} is a generator function: its values are read with py.stream()"
        )
    if hasattr(result, "__aiter__"):
        name = getattr(result, "__qualname__", type(result).__qualname__)
        return f"{name} is an async generator function: its values are read with py.stream()"
    if hasattr(result, "__next__"):
        return (
            f"an iterator ({type(result).__qualname__}) is read with py.stream(), or return list(…)"
        )
    if isinstance(result, CoroutineType):
        return f"{result.__qualname__} is a coroutine inside of a result: await it there"
    return None
