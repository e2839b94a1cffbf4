"""A generator asked item by item, for who cannot iterate one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import functions

_items: Iterator[Any] = iter(())


def begin_numbers() -> None:
    global _items
    _items = functions.numbers()


def begin_frames(size: int) -> None:
    global _items
    _items = functions.frames(size)


def next_item() -> Any:
    return next(_items)
