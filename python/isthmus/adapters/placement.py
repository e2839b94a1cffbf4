"""Where results of a runtime are put."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus import _native, arrays

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


def empty(shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    """An uninitialised array in shared memory; where there is no worker, as under plain `python`, in ordinary memory.

    Raises ArenaFullError when the budget is used up.
    """
    try:
        return arrays.empty(shape, dtype)
    except RuntimeError:
        return np.empty(shape, dtype)


def stays(array: NDArray[Any]) -> bool:
    """Whether an array can stay where it lies: in shared memory, or anywhere if there is no worker."""
    try:
        return _native.is_shared(array)
    except RuntimeError:
        return True


def copied(values: NDArray[Any]) -> NDArray[Any]:
    """The array itself if it can stay where it lies; otherwise a counted copy in shared memory."""
    return values if stays(values) else arrays.asarray(values)


def count(array: NDArray[Any]) -> NDArray[Any]:
    """Counts an array that a runtime had to copy to where it lies now."""
    with suppress(RuntimeError):
        _native.count_copied(array.nbytes)
    return array
