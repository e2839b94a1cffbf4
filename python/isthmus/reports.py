"""What a running call tells Node besides its result: how far it is."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from msgspec.msgpack import Encoder

from isthmus import kinds
from isthmus.errors import ClosedError, ForkedError
from isthmus.failure import printable
from isthmus.running import current

if TYPE_CHECKING:
    from isthmus._native import Channel

_encode: Final = Encoder().encode
_channel: Channel | None = None


def connect(channel: Channel) -> None:
    """From now on reports go to Node."""
    global _channel
    _channel = channel


def progress(fraction: float, text: str | None = None) -> None:
    """Tells Node how far the running call is: `fraction` from 0 to 1, and `text` for a human.

    It waits for nothing: when Node does not keep up, reports are left out. Outside of a call, and when Node does not
    listen, nothing happens.
    """
    fraction = float(fraction)
    if text is not None and not isinstance(text, str):
        raise TypeError(f"text is a string or None, not {type(text).__name__}")
    running = current.get()
    if running is None or _channel is None:
        return
    running = running.stream or running
    if running.id == 0 or not running.options.get("progress"):
        return
    payload = _encode((fraction, None if text is None else printable(text)))
    with suppress(ClosedError, ForkedError):  # nobody listens any more
        _channel.send(kinds.PROGRESS, running.id, payload, None, False)
