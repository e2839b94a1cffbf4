"""Exceptions of Isthmus. Each has the stable ``code`` that Node sees.

::

    IsthmusError
    ├── ClosedError             ERR_CLOSED              Node has gone, or the channel was closed
    │   └── ProtocolError       ERR_PROTOCOL            because Node sent a malformed message
    ├── VersionError            ERR_VERSION             Node's half is of another version
    ├── ForkedError             ERR_FORKED              a forked child cannot use its parent's channel
    ├── RingFullError           ERR_RING_FULL           no room, and it was asked not to wait
    ├── DeadlineError           ERR_TIMEOUT             (also a TimeoutError)
    ├── SystemCallError         ERR_SYSTEM              the operating system refused (also an OSError)
    ├── ArenaFullError          ERR_ARENA_FULL          the memory budget is used up (also a MemoryError)
    ├── TooLargeError           ERR_TOO_LARGE           larger than an arena (also a ValueError)
    ├── UnknownBlockError       ERR_UNKNOWN_BLOCK       a tensor that was given up
    ├── FunctionNotFoundError   ERR_FUNCTION_NOT_FOUND  no public function of that name (also a LookupError)
    ├── ArgumentsError          ERR_ARGUMENTS           they do not fit the signature (also a TypeError)
    ├── BatchResultError        ERR_BATCH_RESULT        not one result for each item of a batch (also a ValueError)
    ├── UnsupportedValueError   ERR_VALUE               a value that cannot cross (also a TypeError)
    ├── AbortedError            ERR_ABORTED             Node no longer waits for the call
    ├── StartHookError          ERR_ON_START            a function marked with `on_start` failed
    ├── JavaScriptError         ERR_JAVASCRIPT          what a function of Node threw
    ├── CallbackEndedError      ERR_CALLBACK_ENDED      the call has ended that the function came with
    ├── BlockedError            ERR_BLOCKED             Node waits in callSync() and can run nothing else
    ├── ObjectGoneError         ERR_OBJECT_GONE         Node has dropped the object (also a LookupError)
    └── UnsupportedPythonError  ERR_EXTENSION           not in this interpreter (also an ImportError)

`Cancelled` is none of them: it interrupts what runs, like KeyboardInterrupt, and `except Exception` does not stop it.
"""

from __future__ import annotations

from typing import ClassVar


class IsthmusError(Exception):
    """Everything that Isthmus itself raises."""

    code: ClassVar[str] = "ERR_ISTHMUS"

    def details(self) -> dict[str, object]:
        """What Node is told besides the message."""
        return {}


class ClosedError(IsthmusError):
    code = "ERR_CLOSED"


class ProtocolError(ClosedError):
    code = "ERR_PROTOCOL"


class VersionError(IsthmusError):
    code = "ERR_VERSION"

    def __init__(self, node: str, python: str) -> None:
        super().__init__(
            f"Node's half of isthmus is version {node}, Python's half is {python}: install one version"
        )
        self.node = node
        self.python = python

    def details(self) -> dict[str, object]:
        return {"node": self.node, "python": self.python}


class ForkedError(IsthmusError):
    code = "ERR_FORKED"


class RingFullError(IsthmusError):
    code = "ERR_RING_FULL"


class DeadlineError(IsthmusError, TimeoutError):
    code = "ERR_TIMEOUT"


class SystemCallError(IsthmusError, OSError):
    code = "ERR_SYSTEM"


class ArenaFullError(IsthmusError, MemoryError):
    """The budget of shared memory is used up. All figures are bytes."""

    code = "ERR_ARENA_FULL"

    def __init__(
        self, requested: int, used: int, limit: int, holders: list[dict[str, int]] | None = None
    ) -> None:
        self.requested = requested
        self.used = used
        self.limit = limit
        #: The largest blocks of this process: ``bytes``, references here (``refs``), leases of Node (``lent``).
        self.holders = holders or []
        largest = ", ".join(
            f"{holder['bytes']:,} ({holder['lent']} lent)" for holder in self.holders
        )
        super().__init__(
            f"no shared memory for {requested:,} bytes: {used:,} of {limit:,} are used"
            + (f"; the largest blocks here: {largest}" if largest else "")
        )

    def details(self) -> dict[str, object]:
        return {"requested": self.requested, "used": self.used, "limit": self.limit}


class TooLargeError(IsthmusError, ValueError):
    code = "ERR_TOO_LARGE"


class UnknownBlockError(IsthmusError):
    code = "ERR_UNKNOWN_BLOCK"


class FunctionNotFoundError(IsthmusError, LookupError):
    code = "ERR_FUNCTION_NOT_FOUND"


class ArgumentsError(IsthmusError, TypeError):
    code = "ERR_ARGUMENTS"


class BatchResultError(IsthmusError, ValueError):
    code = "ERR_BATCH_RESULT"


class UnsupportedValueError(IsthmusError, TypeError):
    """``path`` names the value: ``result.items[3].mask``."""

    code = "ERR_VALUE"

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path

    def details(self) -> dict[str, object]:
        return {"path": self.path}


class AbortedError(IsthmusError):
    code = "ERR_ABORTED"


class StartHookError(IsthmusError):
    """``hook`` is the function's name; what it raised is the cause."""

    code = "ERR_ON_START"

    def __init__(self, hook: str, problem: str = "") -> None:
        super().__init__(hook, problem)
        self.hook = hook
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.hook}, which was to run at the start, failed: {self.problem}"

    def details(self) -> dict[str, object]:
        return {"hook": self.hook}


class JavaScriptError(IsthmusError):
    """What a function of Node threw, or rejected with; its `cause` in JavaScript is ``__cause__`` here."""

    code = "ERR_JAVASCRIPT"

    def __init__(
        self, name: str, message: str, stack: str = "", js_code: str | None = None
    ) -> None:
        super().__init__(name, message, stack, js_code)
        #: Of its class: ``TypeError``; or the type of a thrown value that is no error: ``string``.
        self.name = name
        self.message = message
        #: As V8 prints it; empty for a value that is no error.
        self.stack = stack
        #: Its ``code`` in JavaScript, if it has one: ``ENOENT``.
        self.js_code = js_code

    def __str__(self) -> str:
        return f"{self.name}: {self.message}" if self.message else self.name

    def details(self) -> dict[str, object]:
        told = {
            "name": self.name,
            "message": self.message,
            "stack": self.stack,
            "code": self.js_code,
        }
        return {"javascript": told}


class CallbackEndedError(IsthmusError):
    code = "ERR_CALLBACK_ENDED"


class BlockedError(IsthmusError):
    code = "ERR_BLOCKED"


class ObjectGoneError(IsthmusError, LookupError):
    code = "ERR_OBJECT_GONE"


class UnsupportedPythonError(IsthmusError, ImportError):
    code = "ERR_EXTENSION"


class Cancelled(BaseException):
    """Interrupts what runs for a call that Node no longer waits for. Clean up, and let it pass."""

    code: ClassVar[str] = AbortedError.code


#: For the extension, which knows codes.
by_code: dict[str, type[IsthmusError]] = {
    error.code: error
    for error in (
        ClosedError,
        ProtocolError,
        ForkedError,
        RingFullError,
        DeadlineError,
        SystemCallError,
        ArenaFullError,
        TooLargeError,
        UnknownBlockError,
        UnsupportedValueError,
    )
}
