"""What a server of messages does when it is asked for a stream: it sends items until it is asked to stop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from functions import STREAMS

NO_ANSWER = object()
BATCH_BYTES = 65_536
NUMBER_BYTES = 256  # so many numbers travel together that writing them costs less than making them


class Streams:
    """The stream that is under way, if there is one."""

    def __init__(self) -> None:
        self.id = 0
        self.items: Iterator[Any] | None = None

    def call(self, call_id: int, name: str, first: Any) -> object:
        """Begins a stream, which is no answer, or ends the one there is."""
        if name == "stop":
            self.items = None
            return 0
        self.id = call_id
        self.items = STREAMS[name]() if first is None else STREAMS[name](int(first))
        return NO_ANSWER

    def batch(self) -> list[Any]:
        """The next items, as many as are worth a write."""
        items: list[Any] = []
        size = 0
        while self.items and size < BATCH_BYTES:
            item = next(self.items)
            items.append(item)
            size += item.nbytes if isinstance(item, np.ndarray) else NUMBER_BYTES
        return items
