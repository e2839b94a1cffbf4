"""Iterables of Node, as Python has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, final

from isthmus.errors import ProtocolError

if TYPE_CHECKING:
    from isthmus.functions import Functions


@final
class RemoteIterator:
    """An iterator over an iterable or async iterable of JavaScript: for `for`, and in a coroutine for `async for`.

    What the iterable throws is raised as `errors.JavaScriptError`. It is closed, so that JavaScript's `finally` runs,
    by `close()` and `aclose()`, when Python drops it, and when the call has ended that it came with.
    """

    __slots__ = ("__weakref__", "_ended", "_functions", "_id")  # no __del__: functions.py watches

    def __init__(self, functions: Functions, id: int) -> None:
        self._functions = functions
        self._id = id
        self._ended = False

    def __iter__(self) -> RemoteIterator:
        return self

    def __next__(self) -> Any:
        if self._ended:
            raise StopIteration
        try:
            done, value = _step(self._functions.ask(self._id, ("next",), {}))
        except Exception:
            self._ended = True
            raise
        if done:
            self._ended = True
            raise StopIteration(value)
        return value

    def close(self) -> None:
        """Ends it: JavaScript's `return()` is called. Nothing happens if it has ended."""
        if not self._ended:
            self._ended = True
            self._functions.ask(self._id, ("return",), {})

    def __aiter__(self) -> RemoteIterator:
        return self

    async def __anext__(self) -> Any:
        if self._ended:
            raise StopAsyncIteration
        try:
            done, value = _step(await self._functions.begin(self._id, ("next",), {}))
        except Exception:
            self._ended = True
            raise
        if done:
            self._ended = True
            raise StopAsyncIteration
        return value

    async def aclose(self) -> None:
        """`close()` for coroutines."""
        if not self._ended:
            self._ended = True
            await self._functions.begin(self._id, ("return",), {})

    def __repr__(self) -> str:
        return f"<isthmus.RemoteIterator {self._id}{' ended' if self._ended else ''}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an iterator of Node can be neither pickled nor copied")


def _step(answer: Any) -> list[Any]:
    """`[done, value]`, which Node answers to "next"."""
    if not isinstance(answer, list) or len(answer) != 2 or not isinstance(answer[0], bool):
        raise ProtocolError("Node's answer to an iterator is not [done, value]")
    return answer
