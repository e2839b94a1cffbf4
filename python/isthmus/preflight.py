"""What must be there before the worker can start; and the last words if it is not.

Python 3.6 syntax: see __init__.py.
"""

import sys

OLDEST_PYTHON = (3, 11)
EXIT_CODE = 78  # EX_CONFIG
# What the worker imports, and how pip calls it; and something that a whole one has.
PACKAGES = {"numpy": "ndarray", "msgspec": "msgpack"}


def check(fd: int) -> None:
    """Returns if the worker can start; otherwise tells Node why not, and exits."""
    words = reason()
    if words is not None:
        say(fd, words)
        sys.stderr.write("isthmus: {}\n".format(words["detail"]))
        sys.exit(EXIT_CODE)


def reason() -> "dict[str, object] | None":
    """Why the worker cannot start in this interpreter, or None."""
    version = ".".join(str(number) for number in sys.version_info[:3])
    words: dict[str, object] = {"python": sys.executable, "version": version}

    def because(error: str, detail: str, **more: "list[str]") -> "dict[str, object]":
        words.update(error=error, detail=detail, **more)
        return words

    if sys.version_info[:2] < OLDEST_PYTHON:
        return because(
            "ERR_PYTHON_TOO_OLD", "Python " + version + " is too old: 3.11 or later is needed"
        )
    import importlib

    problem = interpreter_problem()
    if problem is not None:
        return because("ERR_EXTENSION", problem)
    missing: list[str] = []
    broken: list[str] = []
    problems = []
    for package, part in PACKAGES.items():
        try:
            getattr(importlib.import_module(package), part)
        except Exception as error:  # whatever half an installation raises
            absent = isinstance(error, ImportError) and error.name == package
            (missing if absent else broken).append(package)
            problems.append(f"{type(error).__name__}: {error}")
    if missing or broken:
        detail = "; ".join(problems)
        return because("ERR_MISSING_PACKAGE", detail, missing=missing, broken=broken)
    try:
        importlib.import_module("isthmus._native")
    except Exception as error:
        return because("ERR_EXTENSION", str(error))
    return None


def interpreter_problem() -> "str | None":
    """Why the extension cannot work in this interpreter, or None."""
    import sysconfig

    if sys.implementation.name != "cpython":
        return sys.implementation.name + " is not supported: CPython is needed"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "free-threaded CPython is not supported yet: a build with the GIL is needed"
    return None


def say(fd: int, words: "dict[str, object]") -> None:
    """Sends one JSON datagram, Node's only way to learn why a worker did not start."""
    import json
    import socket

    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, fileno=fd) as connection:
            connection.send(json.dumps(words).encode())
    except OSError:
        pass  # nobody is listening: the exit code has to do
