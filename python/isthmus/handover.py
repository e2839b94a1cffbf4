"""Arrays in the items of a stream: which are handed over, and which are copied.

A frame that Node has received never changes. A generator that is resumed could change an array that it still holds, so:

**An array of an item goes by reference if nobody holds it any more, or any view of its memory, once it is yielded.
Otherwise the item gets a copy, and the copy is counted in `copiedBytes`.**

Nobody holds it::

    yield state * 2                  # fresh
    frame = render(i); yield frame   # a local name that is given another value before it is used again
    yield {"frame": f(x), "i": i}    # in a value that is fresh itself

Somebody holds it, so it is copied::

    state += 1; yield state          # the next step changes it in place
    state = step(state); yield state # the next step reads it; nobody can know that it does not write
    yield self.frames[i]             # a list, an attribute, another thread, a view: whatever refers to it

`yield state.copy()` says the same in the open. Arrays under 64 KiB, and those that do not lie in shared memory, are
copied when they are sent, as everywhere.

Who holds an array is counted: Python's reference counts of the array, and of what it is a view of, less those that
the item itself and dead names of the generator account for. A name is dead at a `yield` if no path of the generator's
bytecode from there reads it before it is assigned (liveness.py).
"""

from __future__ import annotations

from collections import Counter
from sys import getrefcount
from typing import Any, Final

import numpy as np

from isthmus import _native
from isthmus.errors import UnsupportedValueError
from isthmus.liveness import dead_values


def settle(iterator: Any, arrays: list[Any]) -> None:
    """Puts copies in the place of arrays that somebody else holds. Nobody but the list may hold them for the item."""
    for index in range(len(arrays)):
        if (
            arrays[index].nbytes != 0
            and _native.is_shared(arrays[index])
            and _is_held(arrays[index], _accounted(arrays, []))
            and _is_held(arrays[index], _accounted(arrays, dead_values(iterator)))
        ):
            arrays[index] = _copy(arrays[index])


def _copy(array: Any) -> Any:
    try:
        copy = _native.empty(array.shape, array.dtype)
    except UnsupportedValueError:
        return array  # byte-swapped, or of an unusual unit: it is copied when it is sent
    copy[...] = array
    _native.count_copied(array.nbytes)
    return copy


def _accounted(arrays: list[Any], dead: list[int]) -> Counter[int]:
    """By id: the references that the item, and dead names of the generator, have to an array or its memory."""
    counts = Counter(map(id, arrays))
    counts.update(dead)
    seen = set()
    for array in arrays:
        while isinstance(array, np.ndarray) and id(array) not in seen:
            seen.add(id(array))
            array = array.base
            counts[id(array)] += 1
    return counts


def _is_held(array: Any, accounted: Counter[int]) -> bool:
    """Is there a reference to the array, or to what it is a view of, that is not accounted for?"""
    while getrefcount(array) - _OUR_OWN == accounted[id(array)]:
        if type(array) is _native.Lease or not isinstance(array, np.ndarray):
            return type(array) is not _native.Lease
        if array.base is None:
            return False
        array = array.base
    return True


def _references(array: Any) -> int:
    return getrefcount(array)


def _calibrate() -> int:
    """References that the looking itself makes: they depend on the version of Python."""
    arrays = [np.empty(0)]
    return _references(arrays[0]) - 1


_OUR_OWN: Final = _calibrate()
