"""Names that Node may call, and the callables behind them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from difflib import get_close_matches
from types import ModuleType
from typing import Any

from isthmus.batches import Batched, Settings, settings_of
from isthmus.errors import FunctionNotFoundError


class Dispatch:
    """Public callables of one module: those in `__all__` if it has one, otherwise those without a leading `_`.

    Dotted names go through attributes: `linalg.norm`. Modules that the module only imported are not on the way: with
    `import os`, nobody calls `os.system` from Node.
    """

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._namespace = module.__dict__
        self._found: dict[str, Callable[..., Any]] = {}
        self._batched: dict[str, Batched] = {}

    def find(self, name: str) -> Callable[..., Any]:
        """The callable of that name as it is now: a function that was rebound in the module is seen."""
        found = self._found.get(name)
        if found is self._namespace.get(name) and found is not None:
            return found  # type: ignore[no-any-return]
        return self._look_up(name)

    def names(self) -> list[str]:
        """The public callables at the top of the module."""
        public = self._namespace.get("__all__") or self._namespace
        return sorted(
            name
            for name in public
            if self._is_public(name) and callable(getattr(self._module, name, None))
        )

    def asynchronous(self) -> list[str]:
        """Those among them that are coroutine functions or async generator functions."""
        return [name for name in self.names() if is_asynchronous(getattr(self._module, name))]

    def batches(self) -> dict[str, Settings]:
        """Those that are marked with `@isthmus.batch`."""
        found = {name: settings_of(getattr(self._module, name)) for name in self.names()}
        return {name: settings for name, settings in found.items() if settings is not None}

    def _is_public(self, name: str) -> bool:
        public = self._namespace.get("__all__")
        return not name.startswith("_") and (public is None or name in public)

    def _look_up(self, name: str) -> Callable[..., Any]:
        if not isinstance(name, str):
            raise FunctionNotFoundError(f"the name of a function is a string, not {name!r}")
        batched = self._batched.get(name)
        if batched is not None and batched.function is self._namespace.get(name):
            return batched
        first, *rest = name.split(".")
        if not self._is_public(first) or any(part.startswith("_") for part in rest):
            raise self._not_found(name)
        value: Any = self._module
        try:
            for part in (first, *rest):
                value = getattr(value, part)
                if isinstance(value, ModuleType) and not self._owns(value):
                    raise self._not_found(name)
        except AttributeError:
            raise self._not_found(name) from None
        if not callable(value):
            raise FunctionNotFoundError(
                f"{name!r} is not a function: it is of type {type(value).__name__}"
            )
        if settings_of(value) is not None:
            batched = Batched(value, rest[-1] if rest else name)
            if not rest:
                self._batched[name] = batched
            return batched
        if not rest:
            self._found[name] = value
        return value  # type: ignore[no-any-return]

    def _owns(self, module: ModuleType) -> bool:
        return module.__name__.startswith(f"{self._module.__name__}.")

    def _not_found(self, name: str) -> FunctionNotFoundError:
        where = f"module {self._module.__name__!r}"
        if name.startswith("_") or "._" in name:
            return FunctionNotFoundError(
                f"{name!r} of {where} is private: names with a leading _ cannot be called"
            )
        if name in self._namespace and callable(self._namespace[name]):
            return FunctionNotFoundError(f"{name!r} of {where} is not in its __all__")
        first = self._namespace.get(name.partition(".")[0])
        if isinstance(first, ModuleType) and not self._owns(first):
            return FunctionNotFoundError(
                f"{name!r}: {first.__name__} is only imported by {where}; write a function that calls it"
            )
        close = get_close_matches(name, self.names(), 3)
        hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
        return FunctionNotFoundError(f"{where} has no public function {name!r}{hint}")


def is_asynchronous(function: Any) -> bool:
    """An `async def`, an async generator function, or an object whose `__call__` is one."""
    return any(
        inspect.iscoroutinefunction(part) or inspect.isasyncgenfunction(part)
        for part in (function, getattr(type(function), "__call__", None))  # noqa: B004
    )
