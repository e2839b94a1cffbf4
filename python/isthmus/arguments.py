"""Whether arguments fit a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from isthmus.errors import ArgumentsError

Function = Callable[..., Any]


def invoke(function: Function, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Calls it. Raises ArgumentsError if the arguments do not fit its signature."""
    try:
        return function(*args, **kwargs)
    except TypeError as error:
        better = mismatch(function, name, args, kwargs, error)
        if better is None:
            raise
        raise better from None


def mismatch(
    function: Function, name: str, args: list[Any], kwargs: dict[str, Any], error: TypeError
) -> ArgumentsError | None:
    """For who has just called it, in that frame: what did not fit, if the function's first line was not reached."""
    if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
        return None
    try:
        return arguments_error(function, name, args, kwargs, error)
    except Exception:
        return None  # a default value whose repr() raises


def arguments_error(
    function: Function, name: str, args: list[Any], kwargs: dict[str, Any], error: TypeError
) -> ArgumentsError | None:
    """For a TypeError that was raised before the function's first line: what did not fit. None if all did."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ArgumentsError(f"{name}: {error}")
    try:
        signature.bind(*args, **kwargs)
    except TypeError as mismatch:
        return ArgumentsError(f"{name}{signature}: {mismatch}")
    return None
