"""An exception as the payload of an Error message."""

from __future__ import annotations

import traceback
from contextlib import suppress
from os.path import dirname
from types import TracebackType
from typing import Any, Final

from isthmus.codec import type_name
from isthmus.errors import Cancelled, IsthmusError, StartHookError

OWN_FOLDER: Final = dirname(__file__)
MAX_CAUSES: Final = 16


def describe(error: BaseException, causes: int = MAX_CAUSES) -> dict[str, Any]:
    """The map that src/from-python.ts reads. Somebody waits for it, whatever the exception's class does when looked at."""
    try:
        return _described(error, causes)
    except Exception as problem:
        return {
            "type": type.__dict__["__qualname__"].__get__(type(error)),
            "message": text_of(error),
            "traceback": "",
            "notes": [f"it could not be described: {type(problem).__name__}: {text_of(problem)}"],
            "cause": None,
            "code": None,
        }


def _described(error: BaseException, causes: int) -> dict[str, Any]:
    if isinstance(error, StartHookError) and error.__cause__ is not None:
        # What the hook raised is what its author looks for.
        return {**describe(error.__cause__, causes), **error.details(), "code": error.code}
    cause = error.__cause__
    if cause is None and not error.__suppress_context__:
        cause = error.__context__
    words: dict[str, Any] = {
        "type": type_name(type(error)),
        "message": text_of(error),
        "traceback": printable(traceback_of(error)),
        "notes": notes_of(error),
        "cause": describe(cause, causes - 1) if cause is not None and causes > 0 else None,
        "code": None,
    }
    if isinstance(error, IsthmusError):
        words.update(error.details(), code=error.code)
    elif isinstance(error, Cancelled):
        words["code"] = error.code
    return words


def forget(error: BaseException | None) -> None:
    """Lets go of what the frames of an exception hold: arrays in them are leases."""
    with suppress(Exception):  # of a class with attributes of its own
        for _ in range(MAX_CAUSES):
            if error is None:
                return
            if error.__traceback__ is not None:
                traceback.clear_frames(error.__traceback__)
                error.__traceback__ = None
            error = error.__cause__ or error.__context__


def traceback_of(error: BaseException) -> str:
    """Without our own frames at its two ends: what called the user's code, and what the user called of ours."""
    frames = without_own_frames(error.__traceback__)
    try:
        told = traceback.TracebackException(type(error), error, frames, compact=True)
        while told.stack and told.stack[-1].filename.startswith(OWN_FOLDER):
            told.stack.pop()
        return "".join(told.format(chain=False))
    except Exception:  # a SyntaxError whose line is no number, say
        return "".join(traceback.format_tb(frames))


def without_own_frames(frames: TracebackType | None) -> TracebackType | None:
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(OWN_FOLDER):
        frames = frames.tb_next
    return frames


def text_of(error: BaseException) -> str:
    try:
        return printable(str(error))
    except Exception as problem:
        return f"<str() of the exception raised {type(problem).__name__}>"


def notes_of(error: BaseException) -> list[str]:
    notes = getattr(error, "__notes__", None)
    return (
        [printable(note) for note in notes if isinstance(note, str)]
        if isinstance(notes, list)
        else []
    )


def printable(text: str) -> str:
    """Lone surrogates (undecodable file names) have no place in UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()
