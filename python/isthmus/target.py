"""The user's module, imported as `python file.py` would find it."""

from __future__ import annotations

import importlib
import linecache
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from os.path import abspath, basename, dirname, splitext
from types import ModuleType


def load(kind: str, value: str, name: str | None, path: list[str], here: str | None) -> ModuleType:
    """`here` is the directory that Python itself put on sys.path."""
    if kind == "file":
        return load_file(abspath(value), path)
    sys.path[:0] = ([] if here is None else [here]) + path
    if kind == "module":
        return importlib.import_module(value)
    if kind == "source":
        return load_source(value, name or "source")
    raise ValueError(f"unknown kind of target: {kind!r}")


def load_file(file: str, path: list[str]) -> ModuleType:
    sys.path[:0] = [dirname(file), *path]
    name = free_name(splitext(basename(file))[0])
    spec = spec_from_file_location(name, file, loader=SourceFileLoader(name, file))
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported", path=file)
    module = module_from_spec(spec)
    sys.modules[name] = module  # pickle and dataclasses look there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return sys.modules.get(name, module)


def load_source(source: str, name: str) -> ModuleType:
    filename = name if name.startswith("<") else f"<{name}>"
    linecache.cache[filename] = (
        len(source),
        None,
        source.splitlines(True),
        filename,
    )  # for tracebacks
    module = ModuleType(free_name(filename.strip("<>") or "source"))
    module.__file__ = filename
    sys.modules[module.__name__] = module
    exec(compile(source, filename, "exec"), module.__dict__)
    return module


def free_name(name: str) -> str:
    """A script called like a module that is in use (`json.py`) must not take its place."""
    while name in sys.modules:
        name += "_"
    return name
