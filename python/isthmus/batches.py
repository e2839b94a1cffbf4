"""`@isthmus.batch`: functions that take a batch, which Node calls with single items."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from math import isfinite
from time import perf_counter_ns
from types import CoroutineType, FunctionType, MethodType
from typing import Any, Final, NamedTuple, TypeVar, overload

import numpy as np

from isthmus.arguments import invoke
from isthmus.codec import check_array
from isthmus.errors import ArgumentsError, BatchResultError, ProtocolError
from isthmus.failure import describe, forget

MARK: Final = "__isthmus_batch__"
MAX_SIZE: Final = 65_536  # items
MAX_DELAY_MS: Final = 60_000
MAX_CONCURRENCY: Final = 1024  # batches

Function = TypeVar("Function", bound=Callable[..., Any])
Words = dict[str, Any]


class Settings(NamedTuple):
    max_size: int
    max_delay_ms: float
    #: Batches that may run at a time in one worker; None: as many as there are threads, of an `async def` one.
    concurrency: int | None


#: Names of what was marked. While there are none, nobody looks for marks.
marked: Final[set[str]] = set()


@overload
def batch(function: Function, /) -> Function: ...


@overload
def batch(
    *, max_size: int = 32, max_delay_ms: float = 2.0, concurrency: int | None = None
) -> Callable[[Function], Function]: ...


def batch(
    function: Any = None,
    /,
    *,
    max_size: int = 32,
    max_delay_ms: float = 2.0,
    concurrency: int | None = None,
) -> Any:
    """Marks a function that takes a batch: Node calls it with single items, and each call gets its own result.

    Items that come at the same time are gathered, at most `max_size`; none waits longer than `max_delay_ms`
    milliseconds for others, and none waits while the worker is idle. `concurrency` is how many batches may run at a
    time in one worker; by default as many as it has threads, and one of an `async def`.

    Each argument is a column: an array `[n, …]` if the items are arrays, otherwise a list of n values. The function
    returns a list of n results, where an exception fails that item alone, or an array of n rows. It stays what it is:
    Python code calls it with a batch.
    """
    settings = Settings(
        _whole("max_size", max_size, MAX_SIZE),
        _milliseconds(max_delay_ms),
        None if concurrency is None else _whole("concurrency", concurrency, MAX_CONCURRENCY),
    )
    return _marker(settings) if function is None else _marker(settings)(function)


def settings_of(function: Any) -> Settings | None:
    """Of a marked function or method, or of an object whose `__call__` is one."""
    if not marked:
        return None
    inner = function.__func__ if type(function) is MethodType else function
    usual = type(inner) is FunctionType  # and quick
    settings = inner.__dict__.get(MARK) if usual else _found_on(function)
    return settings if isinstance(settings, Settings) else None


def _found_on(value: Any) -> Any:
    try:
        settings = getattr(value, MARK, None)
        if isinstance(settings, Settings):
            return settings
        return getattr(getattr(type(value), "__call__", None), MARK, None)  # noqa: B004
    except Exception:  # of a proxy of the user's code that stands for nothing now
        return None


def _marker(settings: Settings) -> Callable[[Function], Function]:
    def mark(function: Function) -> Function:
        _check_function(function)
        try:
            setattr(function, MARK, settings)
        except AttributeError:
            raise TypeError(
                f"batch cannot mark {function!r}: write a function that calls it, and mark that"
            ) from None
        marked.add(_name_of(function))
        return function

    return mark


def _check_function(function: Any) -> None:
    if isinstance(function, staticmethod | classmethod):
        kind = type(function).__name__
        raise TypeError(f"batch goes below @{kind}: it marks the function itself")
    if not callable(function) or isinstance(function, type):
        raise TypeError(
            "batch marks a function: @isthmus.batch, or with settings @isthmus.batch(max_size=64)"
        )
    for part in (function, getattr(type(function), "__call__", None)):  # noqa: B004
        if inspect.isgeneratorfunction(part) or inspect.isasyncgenfunction(part):
            raise TypeError(
                f"{_name_of(function)} is a generator function: a batch function returns its results, as a list"
            )
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return
    if all(part.kind in (part.KEYWORD_ONLY, part.VAR_KEYWORD) for part in parameters):
        raise TypeError(
            f"{_name_of(function)} takes no batch: it needs a parameter, which gets the items"
        )


def _name_of(function: Any) -> str:
    return str(getattr(function, "__name__", None) or repr(function))


def _whole(name: str, value: Any, most: int) -> int:
    if isinstance(value, bool) or not hasattr(type(value), "__index__"):
        raise TypeError(f"{name} is a whole number, not {value!r}")
    number = int(value)
    if not 1 <= number <= most:
        raise ValueError(f"{name} is from 1 to {most:,}, not {value!r}")
    return number


def _milliseconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"max_delay_ms is a number of milliseconds, not {value!r}")
    number = float(value)
    if not isfinite(number) or not 0 <= number <= MAX_DELAY_MS:
        raise ValueError(f"max_delay_ms is from 0 to {MAX_DELAY_MS:,}, not {value!r}")
    return number


# --- calls ---


class Batched:
    """A marked function, as calls find it. Called plainly, it makes a batch of one."""

    __slots__ = ("__func__", "function", "name")

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self.function = function
        self.name = name
        #: As of a bound method: what it is about, for who asks whether it is asynchronous.
        self.__func__ = getattr(function, "__func__", function)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        columns = [item[None] if isinstance(item, np.ndarray) else [item] for item in args]
        del args
        self._check(columns, kwargs)
        result = invoke(self.function, self.name, columns, {})
        del columns
        return self._one_later(result) if type(result) is CoroutineType else self._one(result)

    async def _one_later(self, awaited: Any) -> Any:
        return self._one(await awaited)

    def _one(self, result: Any) -> Any:
        value = outcomes(result, 1, self.name)[0]
        if isinstance(value, BaseException):
            raise value
        return value

    def gathered(self, columns: list[Any], kwargs: dict[str, Any], count: Any) -> Any:
        """The answer to a batch that Node has gathered, or a coroutine for it."""
        self._check(columns, kwargs)
        if type(count) is not int or count < 1 or not all(_has(each, count) for each in columns):
            raise ProtocolError(f"{self.name}: the columns of a batch are not of its length")
        started = perf_counter_ns()
        try:
            result = invoke(self.function, self.name, columns, {})
        except Exception as error:
            error.add_note(f"in a batch of {count}")
            raise
        if type(result) is CoroutineType:
            return self._later(result, count)
        return self._answer(result, count, started)

    async def _later(self, awaited: Any, count: int) -> Answer:
        started = perf_counter_ns()
        try:
            result = await awaited
        except Exception as error:
            error.add_note(f"in a batch of {count}")
            raise
        return self._answer(result, count, started)

    def _answer(self, result: Any, count: int, started: int) -> Answer:
        elapsed = perf_counter_ns() - started
        return answer(outcomes(result, count, self.name), elapsed)

    def _check(self, columns: list[Any], kwargs: dict[str, Any]) -> None:
        if kwargs:
            raise ArgumentsError(
                f"{self.name} takes batches, and keyword arguments cannot be gathered:"
                f" pass {', '.join(kwargs)} by position"
            )
        if not columns:
            raise ArgumentsError(f"{self.name} takes batches: it needs an argument")


def _has(column: Any, count: int) -> bool:
    if isinstance(column, np.ndarray):
        return column.ndim > 0 and len(column) == count
    return isinstance(column, list) and len(column) == count


# --- results ---


class Answer(list[Any]):
    """What Node gets for a batch: `[results, errors, nanoseconds]`. `errors` is None or pairs of index and words."""


def answer(found: Any, elapsed: int) -> Answer:
    """Of what `outcomes` gave."""
    if not isinstance(found, list):
        return Answer((found, None, elapsed))
    failures = {at: item for at, item in enumerate(found) if isinstance(item, BaseException)}
    if not failures:
        return Answer((found, None, elapsed))
    words: dict[int, Words] = {}  # the same exception may stand for several items
    for error in failures.values():
        if id(error) not in words:
            words[id(error)] = describe(error)
    errors = [[at, words[id(error)]] for at, error in failures.items()]
    for error in failures.values():
        forget(error)
    values = [None if at in failures else item for at, item in enumerate(found)]
    return Answer((values, errors, elapsed))


def outcomes(result: Any, count: int, name: str) -> Any:
    """A list of one value or exception for each item, or an array of two axes or more, a row for each.

    Raises BatchResultError if the result is neither, or of another number.
    """
    found: Any = None
    number = -1
    if isinstance(result, list | tuple) and not hasattr(result, "_fields"):
        found, number = list(result), len(result)
        told = f"{number} result{'' if number == 1 else 's'}"
    elif hasattr(result, "__array__") and not isinstance(result, type | np.generic):
        found = result if isinstance(result, np.ndarray) else np.asarray(result)
        number = len(found) if found.ndim > 0 else -1
        told = f"an array of shape {found.shape}"
    else:
        told = "None" if result is None else f"a value of type {type(result).__qualname__}"
    if number != count:
        items = f"{count} item{'' if count == 1 else 's'}"
        raise BatchResultError(
            f"{name} was given {items} and returned {told}:"
            " return a list with one result for each item, or an array with one row for each"
        )
    return _values(found) if isinstance(found, np.ndarray) else found


def _values(array: np.ndarray[Any, Any]) -> Any:
    """Of one axis, the values; of more, the array itself, unless it only has values that are no numbers."""
    if isinstance(array, np.ma.MaskedArray):
        check_array(array)
    if array.dtype.kind in "OSU":
        return array.tolist()
    if array.ndim == 1:
        return array.tolist() if array.dtype.kind in "biufc" else list(array)
    return check_array(array)
