"""``python -m isthmus --fd 3 [--extension FOLDER]``: started by Node, with the socket as descriptor 3.

Node starts this file by its path: `-m` would take an `isthmus.py` in the current directory for it, and would need a
PYTHONPATH that every program started from here inherits. The published package has an extension for every platform, each
in a folder of its own; Node says which.
"""

# Python 3.6 syntax: see __init__.py.

import os
import sys


def main(arguments: "list[str]") -> None:
    options = dict(zip(arguments[::2], arguments[1::2]))  # noqa: B905  3.10 and later know strict
    if (
        len(arguments) % 2 != 0
        or not set(options) <= {"--fd", "--extension"}
        or not options.get("--fd", "").isdigit()
    ):
        sys.exit("isthmus is started by Node.js: spawn('./model.py') of the npm package isthmus")
    fd = int(options["--fd"])
    os.set_inheritable(fd, False)  # before anything is imported: no grandchild holds the socket
    # What Python put first on sys.path: this folder, or with `-m` the current directory. Modules are looked for in the
    # latter, but not before everything of ours is loaded.
    here = None
    if sys.path and not getattr(sys.flags, "safe_path", False):
        first = sys.path.pop(0)
        here = first if __package__ else os.getcwd()
    if not __package__:
        sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    import isthmus
    from isthmus import preflight

    if "--extension" in options:
        isthmus.__path__.append(options["--extension"])
    preflight.check(fd)
    from isthmus import worker

    worker.run(fd, here)


if __name__ == "__main__":
    main(sys.argv[1:])
