"""Arrays in items: what is handed over, and what is copied because it could still change."""

import numpy as np
import pytest
from isthmus.liveness import dead_names

SOURCE = """
import numpy as np
import isthmus
from dataclasses import dataclass

N = 100_000
BYTES = N * 8
def stats(): return isthmus.stats()

def fresh(n):
    for i in range(n): yield np.full(N, i)
def named(n):
    for i in range(n):
        frame = np.full(N, i)
        yield frame
def sliced(n):
    for i in range(n):
        frame = np.full(2 * N, i)
        yield frame[::2]
def transposed(n):
    for i in range(n):
        frame = np.full((100, N // 100), i)
        yield frame.T
def in_a_dict(n):
    for i in range(n):
        frame = np.full(N, i)
        yield {"frame": frame, "half": frame[:N // 2]}
@dataclass
class Frame:
    data: object
def in_a_dataclass(n):
    for i in range(n): yield Frame(np.full(N, i))
def delegated(n):
    yield from named(n)
def mapped(n): return map(lambda i: np.full(N, i), range(n))
def explicit(n):
    for i in range(n): yield isthmus.full(N, i)
async def asynchronous(n):
    for i in range(n):
        frame = np.full(N, i)
        yield frame
def guarded(n):
    for i in range(n):
        try:
            frame = np.full(N, i)
            yield frame
        except ValueError:
            pass
def read_only(n):
    state = np.full(N, -1)
    for i in range(n):
        state = state + 1
        state.flags.writeable = False
        yield state
def view_of_read_only(n):
    state = np.full(N, -1)
    for i in range(n):
        state = state + 1
        state.flags.writeable = False
        yield state[1:]

def read_only_view_of_writeable(n):
    state = np.full(N, -1)
    for i in range(n):
        state += 1
        view = state[:]
        view.flags.writeable = False
        yield view
def in_place(n):
    state = np.full(N, -1)
    for i in range(n):
        state += 1
        yield state
def view_in_place(n):
    state = np.full(N, -1)
    for i in range(n):
        state += 1
        yield state[:]
def list_in_place(n):
    state = np.full(N, -1)
    for i in range(n):
        state += 1
        yield [state, state[::2]][:1 + i % 2]
class Simulation:
    def __init__(self): self.state = np.full(N, -1)
    def __iter__(self): return self
    def __next__(self):
        self.state += 1
        return self.state
def attribute(n):
    simulation = Simulation()
    for i in range(n): yield next(simulation)
def closure(n):
    state = np.full(N, -1)
    def step():
        nonlocal state
        state += 1
    for i in range(n):
        step()
        yield state
def finally_changed(n):
    for i in range(n):
        frame = np.full(N, i)
        try:
            yield frame
        finally:
            frame[:] = -7
def through_locals(n):
    for i in range(n):
        frame = np.full(N, i)
        yield frame
        locals()["frame"][:] = -7
def kept_view(n):
    views = []
    for i in range(n):
        frame = np.full(N, i)
        views.append(frame[5:])
        yield frame
        views.pop()[:] = -7
def on_the_stack(n):
    def change(array, _): array[:] = -7
    for i in range(n):
        frame = np.full(N, i)
        change(frame, (yield frame))
def explicit_in_place(n):
    state = isthmus.full(N, -1)
    for i in range(n):
        state += 1
        yield state
def small_in_place(n):
    state = isthmus.full(10, -1)
    for i in range(n):
        state += 1
        yield state
def argument_in_place(n, state):
    state[:] = -1
    for i in range(n):
        state += 1
        yield state
async def asynchronous_in_place(n):
    state = np.full(N, -1)
    for i in range(n):
        state += 1
        yield state
"""

HANDED_OVER = [
    "fresh",
    "named",
    "sliced",
    "transposed",
    "in_a_dict",
    "in_a_dataclass",
    "delegated",
    "mapped",
    "explicit",
    "asynchronous",
    "guarded",
    "read_only",
    "view_of_read_only",
]
COPIED = [
    "read_only_view_of_writeable",
    "in_place",
    "view_in_place",
    "list_in_place",
    "attribute",
    "closure",
    "finally_changed",
    "through_locals",
    "kept_view",
    "on_the_stack",
    "explicit_in_place",
    "asynchronous_in_place",
]


def arrays_of(item):
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else [item]


def check(worker, stream, n):
    items = list(stream)  # every one is kept, while the generator goes on
    assert len(items) == n
    for i, item in enumerate(items):
        for array in arrays_of(item):
            assert (array == i).all(), f"item {i} was changed: {array[:3]}"


@pytest.mark.parametrize("threads", [0, 2])
@pytest.mark.parametrize("name", HANDED_OVER)
def test_what_nobody_holds_is_handed_over(start, threads, name):
    worker = start(SOURCE, threads=threads)
    check(worker, worker.stream(name, 12, window=4), 12)
    assert worker.call("stats")["copied_bytes"] == 0


@pytest.mark.parametrize("threads", [0, 2])
@pytest.mark.parametrize("name", COPIED)
def test_what_the_generator_could_change_is_copied(start, threads, name):
    worker = start(SOURCE, threads=threads)
    check(worker, worker.stream(name, 12, window=4), 12)
    assert worker.call("stats")["copied_bytes"] >= 12 * 100_000 * 8 // 2


def test_a_small_array_is_copied_once(start):
    worker = start(SOURCE)
    check(worker, worker.stream("small_in_place", 12, window=4), 12)
    assert worker.call("stats")["copied_bytes"] == 12 * 80


def test_an_argument_that_is_changed_in_place_is_copied(start):
    import peer

    worker = start(SOURCE)
    state = peer.empty((100_000,), "i8")
    check(worker, worker.stream("argument_in_place", 12, state, window=4), 12)


def names_dead_at_yields(source):
    namespace = {}
    exec(source, namespace)
    return [sorted(names) for names in dict(dead_names(namespace["f"].__code__)).values()][::2]


@pytest.mark.parametrize(
    "source, dead",
    [
        ("def f():\n while 1:\n  x = g()\n  yield x", [["x"]]),
        ("def f(x):\n while 1:\n  x = g(x)\n  yield x", [[]]),
        ("def f(x):\n while 1:\n  yield x", [[]]),
        ("def f(x):\n yield x", [["x"]]),
        ("def f(x):\n yield x\n if g(): x += 1", [[]]),
        ("def f(x):\n try: yield x\n finally: x += 1", [[]]),
        ("def f(x):\n try: yield x\n except A: x += 1", [[]]),
        ("def f(x):\n with x: yield 1", [["x"]]),
        ("def f(x):\n yield x\n del x", [["x"]]),
        ("def f(x):\n yield x\n [x for _ in y]", [[]]),
        ("def f(x):\n yield x\n (lambda: x)()", [[]]),
        ("def f(x):\n g(x, (yield x))", []),
        ("def f(x):\n yield x\n vars()", []),
        ("def f(x, y):\n x = yield x\n g(y)", [["x"]]),
    ],
)
def test_a_name_is_dead_where_no_path_reads_it(source, dead):
    assert names_dead_at_yields(source) == dead


def test_copies_have_the_dtype_and_shape_of_what_they_copy(start):
    worker = start(
        "import numpy as np\n"
        "def f(dtype):\n"
        "  kept = np.arange(90_000).astype(dtype).reshape(300, 300)\n"
        "  for _ in range(3): yield kept.T\n"
        "  len(kept)\n"
    )
    for dtype in ("f4", "u2", "c16", "M8[ms]", ">i4"):
        sent = np.arange(90_000).astype(dtype).reshape(300, 300).T
        for item in worker.stream("f", dtype):
            assert item.dtype == sent.dtype.newbyteorder("=") and np.array_equal(item, sent)
