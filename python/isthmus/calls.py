"""What a message asks for: which function, with which arguments, and what becomes of the result."""

from __future__ import annotations

from collections.abc import Coroutine
from inspect import signature
from types import CoroutineType
from typing import Any

import numpy as np

from isthmus.arguments import Function, invoke
from isthmus.batches import Batched, marked, outcomes, settings_of
from isthmus.dispatch import Dispatch, is_asynchronous
from isthmus.errors import ArgumentsError, FunctionNotFoundError, ProtocolError
from isthmus.objects import Objects

KNOWN = 10_000  # functions; a name may be bound to a new one again and again


class Targets:
    """Names of the module, and methods of objects."""

    def __init__(self, dispatch: Dispatch, objects: Objects) -> None:
        self.dispatch = dispatch
        self._objects = objects
        self._asynchronous: dict[Any, bool] = {}

    def find(self, target: Any) -> Function:
        if isinstance(target, str):
            return self.dispatch.find(target)
        if not isinstance(target, list) or len(target) != 2 or not isinstance(target[0], int):
            raise ProtocolError("what is called is neither a name nor [object, name]")
        number, name = target
        instance = self._objects.get(number)
        kind = type(instance).__qualname__
        if not isinstance(name, str) or name.startswith("_"):
            raise FunctionNotFoundError(
                f"{name!r} of {kind} is private: names with a leading _ cannot be called"
            )
        method = getattr(instance, name, None)
        if not callable(method):
            raise FunctionNotFoundError(f"{kind} has no method {name!r}")
        if marked and settings_of(method) is not None:
            return Batched(method, name)
        return method  # type: ignore[no-any-return]

    def is_asynchronous(self, function: Function) -> bool:
        """Whether a call of it is work for the event loop."""
        key = getattr(function, "__func__", function)
        try:
            known = self._asynchronous.get(key)
        except TypeError:  # not hashable
            return is_asynchronous(key)
        if known is None:
            known = is_asynchronous(key)
            if len(self._asynchronous) < KNOWN:
                self._asynchronous[key] = known
        return known


def perform(function: Function, call: list[Any]) -> Any:
    """Calls it as the payload says. The result may be a coroutine, which then does the rest."""
    name, args = name_of(call), call[1]
    kwargs = (call[2] or {}) if len(call) > 2 else {}
    options = call[3] if len(call) > 3 else {}
    if "batch" in options:
        return _gathered(function, name, args, kwargs, options["batch"])
    into = options.get("into")
    if into is not None and not isinstance(into, np.ndarray):
        raise ArgumentsError(f"{name}: 'into' is not a tensor")
    if options.get("rows") and isinstance(function, Batched):
        function = function.function
    if options.get("each"):
        return _each(function, name, args, kwargs, into)
    if into is not None:
        return _into(function, name, args, kwargs, into)
    return invoke(function, name, args, kwargs)


def is_request(payload: Any) -> bool:
    """Whether it is `[target, args]`, `[target, args, kwargs]` or `[target, args, kwargs | None, options]`."""
    if not isinstance(payload, list) or not 2 <= len(payload) <= 4:
        return False
    target, args, kwargs, options = [*payload, None, None][:4]
    if isinstance(target, list):
        of_object = len(target) == 2 and isinstance(target[0], int) and isinstance(target[1], str)
    else:
        of_object = False
    return (
        (of_object or isinstance(target, str))
        and isinstance(args, list)
        and (kwargs is None or (isinstance(kwargs, dict) and all(map(_is_text, kwargs))))
        and (len(payload) < 4 or _are_options(options))
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_options(options: Any) -> bool:
    if not isinstance(options, dict):
        return False
    each, window = options.get("each", False), options.get("window", 1)
    batch, rows = options.get("batch", 1), options.get("rows", False)
    return (
        isinstance(each, bool)
        and isinstance(rows, bool)
        and isinstance(window, int)
        and 0 <= window < 2**32
        and type(batch) is int
        and 1 <= batch < 2**32
    )


def name_of(call: list[Any]) -> str:
    target = call[0]
    return target if isinstance(target, str) else str(target[1])


def _gathered(
    function: Function, name: str, columns: list[Any], kwargs: dict[str, Any], count: Any
) -> Any:
    if not isinstance(function, Batched):
        raise ArgumentsError(
            f"{name} no longer takes batches: mark the function with @isthmus.batch that took its place"
        )
    return function.gathered(columns, kwargs, count)


# --- each: the same function for every item ---


def _each(function: Function, name: str, args: list[Any], kwargs: dict[str, Any], into: Any) -> Any:
    if not args or not hasattr(args[0], "__len__") or getattr(args[0], "ndim", 1) == 0:
        raise ArgumentsError(f"{name}: a list of items is needed")
    items, *rest = args
    if into is not None and (into.ndim == 0 or len(into) != len(items)):
        raise ArgumentsError(
            f"{name}: 'into' has shape {into.shape}, but there are {len(items)} items"
        )
    if isinstance(function, Batched):
        return _each_at_once(function, name, [_column(items), *rest], kwargs, into)
    results: list[Any] = []
    for index, item in enumerate(items):
        row = None if into is None else into[index, ...]
        try:
            if row is None:
                result = invoke(function, name, [item, *rest], kwargs)
            else:
                result = _into(function, name, [item, *rest], kwargs, row)
        except Exception as error:
            error.add_note(f"in item {index} of {len(items)}")
            raise
        if type(result) is CoroutineType:
            return _each_awaited(result, function, name, items, rest, kwargs, into)
        results.append(result)
    return None if into is not None else results


async def _each_awaited(
    awaited: Coroutine[Any, Any, Any],
    function: Function,
    name: str,
    items: Any,
    rest: list[Any],
    kwargs: dict[str, Any],
    into: Any,
) -> list[Any] | None:
    """One after another, as plain functions would run. `awaited` is that of the first item."""
    results = []
    for index, item in enumerate(items):
        try:
            if index > 0 and into is None:
                awaited = function(item, *rest, **kwargs)
            elif index > 0:
                awaited = _into(function, name, [item, *rest], kwargs, into[index, ...])
            results.append(await awaited)
        except Exception as error:
            error.add_note(f"in item {index} of {len(items)}")
            raise
    return None if into is not None else results


def _each_at_once(
    function: Batched, name: str, args: list[Any], kwargs: dict[str, Any], into: Any
) -> Any:
    """A function that takes batches takes all the items."""
    count = len(args[0])
    result = invoke(function.function, name, args, kwargs)
    if type(result) is CoroutineType:
        return _each_later(result, name, count, into)
    return _one_by_one(result, name, count, into)


def _column(items: Any) -> Any:
    """As Node gathers them: arrays that are alike are rows of one."""
    if isinstance(items, np.ndarray) or not all(isinstance(item, np.ndarray) for item in items):
        return items
    alike = len({(item.dtype, item.shape) for item in items}) == 1
    return np.stack(items) if alike else items


async def _each_later(
    awaited: Coroutine[Any, Any, Any], name: str, count: int, into: Any
) -> list[Any] | None:
    return _one_by_one(await awaited, name, count, into)


def _one_by_one(result: Any, name: str, count: int, into: Any) -> list[Any] | None:
    results = list(outcomes(result, count, name))
    for index, item in enumerate(results):
        if isinstance(item, BaseException):
            item.add_note(f"in item {index} of {count}")
            raise item
        if into is not None:
            write(item, name, into[index, ...], False)
    return None if into is not None else results


# --- into: the result is written where Node wants it ---


def _into(function: Function, name: str, args: list[Any], kwargs: dict[str, Any], into: Any) -> Any:
    if takes_out(function):
        kwargs = {**kwargs, "out": into}
    result = invoke(function, name, args, kwargs)
    if type(result) is CoroutineType:
        return _written_later(result, name, into, "out" in kwargs)
    write(result, name, into, "out" in kwargs)
    return None


async def _written_later(
    awaited: Coroutine[Any, Any, Any], name: str, into: Any, given: bool
) -> None:
    write(await awaited, name, into, given)


def takes_out(function: Function) -> bool:
    """Whether it can be told with `out=` where the result goes."""
    if isinstance(function, np.ufunc):
        return True
    try:
        return "out" in signature(function).parameters
    except (TypeError, ValueError):
        return False


def write(result: Any, name: str, into: np.ndarray[Any, Any], given: bool) -> None:
    """`given`: the function had it as `out`, and may have written it already."""
    if result is into or (given and result is None):
        return
    try:
        array = np.asarray(result)
    except (TypeError, ValueError) as error:
        raise ArgumentsError(f"{name}: the result is no array for 'into': {error}") from error
    if array.shape != into.shape:
        raise ArgumentsError(
            f"{name}: the result has shape {array.shape}, 'into' has shape {into.shape}"
        )
    if not np.can_cast(array.dtype, into.dtype, "same_kind"):
        raise ArgumentsError(
            f"{name}: a result of dtype {array.dtype} does not fit into one of dtype {into.dtype}"
        )
    np.copyto(into, array, casting="same_kind")
