"""Functions of Node, as Python has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, final

if TYPE_CHECKING:
    from isthmus.functions import Functions


@final
class Callback:
    """A function of JavaScript. It came as an argument, or inside of one.

    Called from a plain function, in any thread, it waits for what JavaScript returns; in a coroutine it returns an
    awaitable. What JavaScript threw is raised as `errors.JavaScriptError`. It can be called until the call has ended
    that it came with, or if it was passed with `keep()`, for as long as Python has it; then it raises
    `errors.CallbackEndedError`.
    """

    __slots__ = ("__weakref__", "_functions", "_id")  # no __del__: functions.py watches

    def __init__(self, functions: Functions, id: int) -> None:
        self._functions = functions
        self._id = id

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._functions.call(self._id, args, kwargs)

    @property
    def number(self) -> int:
        """What Node calls it. Not used again for another function."""
        return self._id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Callback) and other._id == self._id

    def __hash__(self) -> int:
        return hash(("isthmus.Callback", self._id))

    def __repr__(self) -> str:
        return f"<isthmus.Callback {self._id}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a function of Node can be neither pickled nor copied")
