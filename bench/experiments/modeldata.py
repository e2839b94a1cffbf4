"""Tables of the R package `modeldata`, from Debian's r-cran-modeldata, read without R and without root."""

from __future__ import annotations

import lzma
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

PACKAGE = "r-cran-modeldata"
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "experiments" / "modeldata"
FILES = CACHE / "usr/lib/R/site-library/modeldata"


class NotFetchedError(Exception):
    """Says what could not be fetched, and why."""


def _run(*command: str) -> None:
    try:
        subprocess.run(command, cwd=CACHE, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise NotFetchedError(f"{PACKAGE}: there is no {command[0]} here") from None
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or error.stdout).strip().splitlines()
        raise NotFetchedError(f"{PACKAGE}: {' '.join(command)}: {reason[-1:]}") from None


def fetch() -> str:
    """Fetches the package unless it is there; gives its version."""
    CACHE.mkdir(parents=True, exist_ok=True)
    if not (FILES / "data/Rdata.rdb").exists():
        print(f"fetching {PACKAGE}", file=sys.stderr)
        if not list(CACHE.glob("*.deb")):
            _run("apt-get", "download", PACKAGE)
        _run("dpkg-deb", "-x", str(next(CACHE.glob("*.deb"))), ".")
    for line in (FILES / "DESCRIPTION").read_text().splitlines():
        if line.startswith("Version:"):
            return f"modeldata {line.split()[1]} ({PACKAGE})"
    return PACKAGE


def _unpacked(stored: bytes) -> bytes:
    """R's lazy-load format: the length, for some a letter that names the compression, the compressed bytes."""
    kind = stored[4:5]
    if kind == b"Z":
        filters = [{"id": lzma.FILTER_LZMA2, "preset": 6}]
        return lzma.decompress(stored[5:], format=lzma.FORMAT_RAW, filters=filters)
    if kind == b"0":
        return stored[5:]
    return zlib.decompress(stored[4:])


def table(name: str) -> Any:
    """A table as a pandas DataFrame, such as `training_data` (reviews) or `wa_churn`."""
    import rdata

    fetch()

    def parsed(data: bytes) -> Any:
        return rdata.conversion.convert(rdata.parser.parse_data(data))

    index = parsed((FILES / "data/Rdata.rdx").read_bytes())
    start, length = (int(number) for number in index["variables"][name])
    stored = (FILES / "data/Rdata.rdb").read_bytes()[start : start + length]
    return parsed(_unpacked(stored))
