"""Functions that run before the first call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, Final, TypeVar

from isthmus.errors import StartHookError
from isthmus.failure import text_of

Hook = TypeVar("Hook", bound=Callable[[], Any])

_hooks: Final[list[Callable[[], Any]]] = []


def on_start(function: Hook) -> Hook:
    """Has a function, plain or `async def`, run when the file has been imported: to load a model, say.

    `spawn()` in Node waits for it, and rejects if it raises. Several run in the order in which they are written.
    Where there is no worker, as under plain `python`, it does not run.
    """
    if not callable(function):
        raise TypeError("on_start marks a function: @isthmus.on_start, without parentheses")
    _hooks.append(function)
    return function


def run(finish: Callable[[Awaitable[Any]], Any]) -> None:
    """Runs what was marked; `finish` waits for what an `async def` returns. Raises StartHookError."""
    while _hooks:
        hook = _hooks.pop(0)
        try:
            result = hook()
            if isawaitable(result):
                finish(result)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            name = getattr(hook, "__name__", None) or repr(hook)
            raise StartHookError(name, f"{type(error).__name__}: {text_of(error)}") from error
