"""Work that somebody may lose patience with."""

import time
from typing import Any

import isthmus

last: dict[str, Any] = {}


def forever() -> None:
    """Knows nothing of cancellation. It is interrupted."""
    n = 0
    while True:
        n += 1


def fit(rounds: int, seconds_each: float) -> int:
    """Looks whether anybody waits, and ends between two rounds. `finally` is for a round that takes too long."""
    context = isthmus.context()
    done = 0
    try:
        while done < rounds and not context.cancelled:
            time.sleep(seconds_each)
            done += 1
            isthmus.progress(done / rounds, f"round {done}")
        return done
    finally:
        last.update(rounds=done, cancelled=context.cancelled)


def as_good_as_possible(seconds_each: float) -> int:
    """Ends by itself a second before its time is up."""
    context = isthmus.context()
    done = 0
    while context.remaining is None or context.remaining > 1:
        time.sleep(seconds_each)
        done += 1
    return done


def what_was() -> dict[str, Any]:
    return last
