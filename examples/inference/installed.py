"""What the interpreter of these examples has."""

from importlib.util import find_spec


def missing(names: list[str]) -> list[str]:
    # A folder of examples that is called like a package is found too, as a package without a file.
    return [name for name in names if (spec := find_spec(name)) is None or spec.origin is None]
