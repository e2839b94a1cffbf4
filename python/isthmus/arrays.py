"""Explicit placement of arrays in shared memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import index
from typing import TYPE_CHECKING, Any, SupportsIndex

from isthmus.errors import UnsupportedPythonError
from isthmus.preflight import interpreter_problem

if problem := interpreter_problem():
    raise UnsupportedPythonError(problem)

import numpy as np

from isthmus import _native

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

Shape = SupportsIndex | Sequence[SupportsIndex]


def empty(shape: Shape, dtype: DTypeLike = float) -> NDArray[Any]:
    """An uninitialised array in shared memory, whatever its size.

    Raises ArenaFullError when the budget is used up, UnsupportedValueError for a dtype that cannot cross.
    """
    return _native.empty(_tuple(shape), dtype)


def zeros(shape: Shape, dtype: DTypeLike = float) -> NDArray[Any]:
    """An array of zeros in shared memory. Raises as `empty` does."""
    return _native.empty(_tuple(shape), dtype, zeroed=True)


def full(shape: Shape, fill_value: object, dtype: DTypeLike | None = None) -> NDArray[Any]:
    """An array in shared memory filled with one value, of the value's dtype unless one is given."""
    array = _native.empty(_tuple(shape), np.asarray(fill_value).dtype if dtype is None else dtype)
    array[...] = fill_value
    return array


def asarray(values: ArrayLike, dtype: DTypeLike | None = None) -> NDArray[Any]:
    """The array itself if it lies in shared memory already; otherwise a counted copy that does."""
    source = np.asarray(values, dtype)
    if _native.is_shared(source):
        return source
    array = _native.empty(source.shape, source.dtype.newbyteorder("="))
    array[...] = source
    _native.count_copied(array.nbytes)
    return array


def is_shared(array: NDArray[Any]) -> bool:
    """Whether the array lies in shared memory, so that it crosses without a copy."""
    return _native.is_shared(array)


def stats() -> dict[str, int]:
    """Figures of this worker: bytes copied and sent by reference, memory, leases, doorbell."""
    return _native.stats()


@contextmanager
def allocator(on: bool = True) -> Iterator[None]:
    """Turns placement of large numpy arrays in shared memory on or off, in the current context.

    It is on while a call runs, and off in threads that you start and while your module is imported.
    """
    before = _native.allocator(on)
    try:
        yield
    finally:
        _native.allocator(before)


def _tuple(shape: Shape) -> tuple[int, ...]:
    return tuple(map(index, shape)) if isinstance(shape, Sequence) else (index(shape),)
