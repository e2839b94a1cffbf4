"""The exception that the payload of an Error message stands for. Node writes it in src/to-python.ts."""

from __future__ import annotations

from typing import Any, Final

from isthmus.errors import (
    BlockedError,
    CallbackEndedError,
    IsthmusError,
    JavaScriptError,
    ObjectGoneError,
    UnsupportedValueError,
)

MAX_CAUSES: Final = 16

#: What Node's half of Isthmus throws. All else is the user's.
_TYPED: Final[dict[str, type[IsthmusError]]] = {
    error.code: error
    for error in (BlockedError, CallbackEndedError, ObjectGoneError, UnsupportedValueError)
}


def from_node(payload: Any, causes: int = MAX_CAUSES) -> IsthmusError:
    """The map has `type`, `message`, `traceback`, `code` and `cause`, another such map.

    It comes from another process: what is not as it should be is left out.
    """
    words = payload if isinstance(payload, dict) else {}
    name, message, stack, code = (
        text if isinstance(text, str) else None
        for text in map(words.get, ("type", "message", "traceback", "code"))
    )
    error = error_of(name or "Error", message or "", stack, code)
    cause = words.get("cause")
    if isinstance(cause, dict) and causes > 0:
        error.__cause__ = from_node(cause, causes - 1)
    return error


def error_of(name: str, message: str, stack: str | None, code: str | None) -> IsthmusError:
    typed = _TYPED.get(code) if code is not None else None
    if typed is not None:
        return typed(message)
    error = JavaScriptError(name, message, stack or "", code)
    at = error.stack.find("\n    at ")  # ahead of it V8 repeats name and message
    if at >= 0:
        error.add_note(f"in JavaScript:{error.stack[at:]}")
    return error
