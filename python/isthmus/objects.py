"""Instances that Node made with create(): they stay in the worker, and Node has their ids."""

from __future__ import annotations

from itertools import count
from threading import Lock
from typing import Any

from isthmus.errors import ObjectGoneError


class Objects:
    """What may be used from any thread. An id is not used again."""

    def __init__(self) -> None:
        self._instances: dict[int, Any] = {}
        #: By `id()`: an instance that is returned to Node goes as the object that Node has already.
        self._numbers: dict[int, list[int]] = {}
        self._next = count(1)
        self._lock = Lock()

    def put(self, instance: Any) -> int:
        """The id of a new object. An instance that is put twice is two objects, and each is dropped by itself."""
        with self._lock:
            number = next(self._next)
            self._instances[number] = instance
            self._numbers.setdefault(id(instance), []).append(number)
        return number

    def get(self, number: int) -> Any:
        """The instance. Raises ObjectGoneError if it was dropped, or never was."""
        try:
            return self._instances[number]
        except KeyError:
            raise ObjectGoneError(f"the worker has no object {number}: it was dropped") from None

    def number_of(self, instance: object) -> int | None:
        """The id under which Node knows an instance."""
        return next(iter(self._numbers.get(id(instance), ())), None)

    def drop(self, number: int) -> None:
        """Node no longer uses it. Nothing happens if it is gone already."""
        with self._lock:
            instance = self._instances.pop(number, None)
            numbers = self._numbers.get(id(instance))
            if numbers is not None and number in numbers:
                numbers.remove(number)
                if not numbers:
                    del self._numbers[id(instance)]
        del instance  # its finalizer is the user's code: it does not run under the lock

    def __len__(self) -> int:
        return len(self._instances)
