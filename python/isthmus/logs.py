"""Records of `logging`, told to Node beside whatever the user's handlers do with them."""

from __future__ import annotations

import logging
import traceback
from threading import local
from typing import TYPE_CHECKING, Any, Final

from msgspec.msgpack import Encoder

from isthmus import kinds
from isthmus.failure import printable
from isthmus.running import current

if TYPE_CHECKING:
    from isthmus._native import Channel

LONGEST: Final = (
    64 * 1024
)  # characters of a message, and of a traceback: no log goes through the arena

_encode: Final = Encoder().encode
_call_handlers: Final = logging.Logger.callHandlers


def connect(channel: Channel) -> None:
    """From now on every record that a logger lets through goes to Node as well.

    No handler is added: with one on the root logger, the user's `basicConfig()` would do nothing. When the ring is
    full, logging waits for room, as print() does when a pipe is full.
    """
    busy = _Busy()

    def call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
        # What is logged while a record is described, by the str() of an argument say, is not described in turn.
        if not busy.here:
            try:
                busy.here = True
                running = current.get()
                id = 0 if running is None else (running.stream or running).id
                channel.send(kinds.LOG, id, _encode(describe(record)))
            except Exception:
                pass  # Node has gone, or this is a forked child: logging never fails for that
            finally:
                busy.here = False
        _call_handlers(logger, record)

    logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign, assignment]


class _Busy(local):
    here = False


def describe(record: logging.LogRecord) -> dict[str, Any]:
    """The map that src/log.ts reads."""
    exception = exception_of(record)
    return {
        "level": int(record.levelno),
        "levelName": printable(str(record.levelname)),
        "logger": printable(str(record.name)),
        "message": printable(message_of(record)[:LONGEST]),
        "time": float(record.created),
        "path": printable(str(record.pathname)),
        "line": int(record.lineno),
        "function": printable(str(record.funcName)),
        "thread": printable(str(record.threadName)),
        "exception": None if exception is None else printable(exception[-LONGEST:]),
    }


def message_of(record: logging.LogRecord) -> str:
    """As `getMessage()`, but arguments that do not fit the text are said, not raised."""
    try:
        return record.getMessage()
    except Exception as problem:
        return f"{_text(record.msg)} [arguments {_text(record.args)}: {type(problem).__name__}: {_text(problem)}]"


def exception_of(record: logging.LogRecord) -> str | None:
    if not record.exc_info or record.exc_info[0] is None:
        return record.exc_text
    try:
        return "".join(traceback.format_exception(*record.exc_info))
    except Exception:
        return record.exc_info[0].__name__


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception as problem:
        return f"<str() of {type(value).__name__} raised {type(problem).__name__}>"
