"""Arrays in shared memory between Node.js and Python.

A worker's file is plain Python and needs nothing from here: results of numpy are born in shared memory by
themselves. This is for explicit placement::

    import isthmus

    state = isthmus.zeros((1_000_000, 3), "float32")   # in shared memory, whatever its size
    with isthmus.allocator(False):                     # temporaries that should not be there
        ...

or about the call that is running: `context()`, `progress()`, `Cancelled`. `on_start` marks what is to run first.
"""

# This file and those that __main__ imports before its checks use the syntax of Python 3.6 only, so that an
# interpreter which is too old can say so. Names are loaded when they are first used: numpy may be missing.

__version__ = "0.1.0"

# Where the names are. No module is called like one of them: importing it would put it in the place of the name.
_HOME = {
    "Callback": "callbacks",
    "Cancelled": "errors",
    "RemoteIterator": "iterators",
    "allocator": "arrays",
    "asarray": "arrays",
    "batch": "batches",
    "context": "contexts",
    "empty": "arrays",
    "full": "arrays",
    "is_shared": "arrays",
    "on_start": "hooks",
    "progress": "reports",
    "stats": "arrays",
    "zeros": "arrays",
}

__all__ = [
    "Callback",
    "Cancelled",
    "RemoteIterator",
    "__version__",
    "allocator",
    "asarray",
    "batch",
    "context",
    "empty",
    "errors",
    "full",
    "is_shared",
    "on_start",
    "progress",
    "stats",
    "zeros",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from isthmus import errors
    from isthmus.arrays import allocator, asarray, empty, full, is_shared, stats, zeros
    from isthmus.batches import batch
    from isthmus.callbacks import Callback
    from isthmus.contexts import context
    from isthmus.errors import Cancelled
    from isthmus.hooks import on_start
    from isthmus.iterators import RemoteIterator
    from isthmus.reports import progress


def __getattr__(name):  # type: ignore[no-untyped-def]
    import importlib

    if name == "errors":
        return importlib.import_module("isthmus.errors")
    if name in _HOME:
        return getattr(importlib.import_module("isthmus." + _HOME[name]), name)
    raise AttributeError(f"module 'isthmus' has no attribute {name!r}")


def __dir__():  # type: ignore[no-untyped-def]
    return __all__
