"""Arrays in shared memory between Node.js and Python.

A worker's file is plain Python and needs nothing from here: results of numpy are born in shared memory by
themselves. These functions are for explicit placement::

    import isthmus

    state = isthmus.zeros((1_000_000, 3), "float32")   # in shared memory, whatever its size
    with isthmus.allocator(False):                     # temporaries that should not be there
        ...
"""

# This file and those that __main__ imports before its checks use the syntax of Python 3.6 only, so that an
# interpreter which is too old can say so. Names are loaded when they are first used: numpy may be missing.

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "allocator",
    "asarray",
    "empty",
    "errors",
    "full",
    "is_shared",
    "stats",
    "zeros",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from isthmus import errors
    from isthmus.arrays import allocator, asarray, empty, full, is_shared, stats, zeros


def __getattr__(name):  # type: ignore[no-untyped-def]
    import importlib

    if name == "errors":
        return importlib.import_module("isthmus.errors")
    if name in __all__:
        return getattr(importlib.import_module("isthmus.arrays"), name)
    raise AttributeError(f"module 'isthmus' has no attribute {name!r}")


def __dir__():  # type: ignore[no-untyped-def]
    return __all__
