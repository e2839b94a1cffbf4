"""Arrays in the items of a stream: which are handed over, and which are copied.

A frame that Node has received never changes. A generator that is resumed could change an array that it still holds, so:

**An array of an item goes by reference if nobody can change it once it is yielded: nobody holds it any more, or any
view of its memory; or whoever does holds it read-only. Otherwise the item gets a copy, counted in `copiedBytes`.**

Nobody holds it::

    yield state * 2                  # fresh
    frame = render(i); yield frame   # a local name that is given another value before it is used again
    yield {"frame": f(x), "i": i}    # in a value that is fresh itself

Somebody holds it, so it is copied::

    state += 1; yield state          # the next step changes it in place
    state = step(state); yield state # the next step reads it; nobody can know that it does not write
    yield self.frames[i]             # a list, an attribute, another thread, a view: whatever refers to it

An array that the next step reads, and does not write, is handed over when it says so::

    state = step(state)
    state.flags.writeable = False
    yield state

Arrays under 64 KiB, and those that do not lie in shared memory, are
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
            and _may_change(arrays[index], _accounted(arrays, []))
            and _may_change(arrays[index], _accounted(arrays, dead_values(iterator)))
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


def _may_change(array: Any, accounted: Counter[int]) -> bool:
    """Does a reference that is not accounted for, to the array or what it is a view of, let somebody write to it?"""
    while isinstance(array, np.ndarray):
        if getrefcount(array) - _OUR_OWN != accounted[id(array)] and array.flags.writeable:
            return True
        if array.base is None:
            return False
        array = array.base
    return type(array) is not _native.Lease or getrefcount(array) - _OUR_OWN != accounted[id(array)]


def _references(array: Any) -> int:
    return getrefcount(array)


def _calibrate() -> int:
    """References that the looking itself makes: they depend on the version of Python."""
    arrays = [np.empty(0)]
    return _references(arrays[0]) - 1


_OUR_OWN: Final = _calibrate()
