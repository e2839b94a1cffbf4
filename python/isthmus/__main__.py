"""``python -m isthmus --fd 3``: started by Node, with the socket as descriptor 3."""

# Python 3.6 syntax: see __init__.py.

import os
import sys


def main(arguments: "list[str]") -> None:
    if len(arguments) != 2 or arguments[0] != "--fd" or not arguments[1].isdigit():
        sys.exit("isthmus is started by Node.js; see https://www.npmjs.com/package/isthmus")
    fd = int(arguments[1])
    os.set_inheritable(fd, False)  # before anything is imported: no grandchild holds the socket
    here = sys.path.pop(0) if sys.path and not getattr(sys.flags, "safe_path", False) else None
    from isthmus import preflight

    preflight.check(fd)
    from isthmus import worker

    worker.run(fd, here)


if __name__ == "__main__":
    main(sys.argv[1:])
