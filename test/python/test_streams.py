"""Streams: generators and whatever else can be iterated."""

import numpy as np
import peer
import pytest
from isthmus import kinds
from node_side import Failed

SOURCE = """
import asyncio
import numpy as np
import isthmus

seen = []
def log(): return seen
def stats(): return isthmus.stats()
def add(a, b): return a + b

def count(n):
    for i in range(n):
        seen.append(i)
        yield i
    return "end"
async def acount(n):
    for i in range(n):
        seen.append(i)
        yield i
        await asyncio.sleep(0)
def numbers(n): return list(range(n))
def mapped(n): return map(str, range(n))
async def later(n): return range(n)
async def later_generator(n): return acount(n)
class Countdown:
    def __init__(self, n): self.n = n
    def __iter__(self): return self
    def __next__(self):
        self.n -= 1
        if self.n < 0: raise StopIteration
        return self.n
def number(): return 3
def text(): return "abc"
def nothing(): pass
def broken():
    class Broken:
        def __iter__(self): return len(3)
    return Broken()
def fails():
    yield 1
    yield 2
    raise ValueError("midway")
async def afails():
    yield 1
    yield 2
    raise ValueError("midway")
def unsendable():
    yield 1
    yield object()
def exits():
    yield 1
    raise SystemExit(5)
def tidy():
    try:
        while True: yield 1
    except GeneratorExit:
        seen.append("exit")
        raise
    finally:
        seen.append("finally")
async def atidy():
    try:
        while True: yield 1
    finally:
        await asyncio.sleep(0)
        seen.append("finally")
async def waits():
    try:
        yield 1
        await asyncio.sleep(1000)
    finally:
        seen.append("cancelled")
def stubborn():
    try:
        while True: yield 1
    finally:
        raise RuntimeError("while closing")
def frames(n):
    for i in range(n):
        frame = np.full(100_000, i)
        yield frame
async def aframes(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield np.full(100_000, i)
def switched_off(n):
    with isthmus.allocator(False):
        for i in range(n): yield isthmus.is_shared(np.full(100_000, i))
"""

ALL = pytest.mark.parametrize("threads", [0, 2])


def failure(stream):
    with pytest.raises(Failed) as raised:
        list(stream)
    return raised.value.words


@ALL
@pytest.mark.parametrize(
    "name, items",
    [
        ("count", [0, 1, 2]),
        ("acount", [0, 1, 2]),
        ("numbers", [0, 1, 2]),
        ("mapped", ["0", "1", "2"]),
        ("Countdown", [2, 1, 0]),
        ("later", [0, 1, 2]),
        ("later_generator", [0, 1, 2]),
    ],
)
def test_whatever_can_be_iterated_is_a_stream(start, threads, name, items):
    worker = start(SOURCE, threads=threads)
    assert list(worker.stream(name, 3, window=1)) == items
    assert list(worker.stream(name, 3, window=100)) == items
    assert list(worker.stream(name, 0)) == []


def test_what_the_generator_returns_is_the_result(start):
    worker = start(SOURCE)
    stream = worker.stream("count", 1)
    assert next(stream) == 0
    with pytest.raises(StopIteration) as stopped:
        next(stream)
    assert stopped.value.value == "end"


@ALL
@pytest.mark.parametrize(
    "name, type", [("number", "int"), ("text", "str"), ("nothing", "NoneType")]
)
def test_what_cannot_be_iterated_is_an_error_that_says_so(start, threads, name, type):
    words = failure(start(SOURCE, threads=threads).stream(name))
    assert words["code"] == "ERR_VALUE"
    assert f"{name} returned a value of type {type}" in words["message"]


def test_a_mistake_inside_of_iter_is_the_users(start):
    assert failure(start(SOURCE).stream("broken"))["type"] == "TypeError"


@pytest.mark.parametrize("name", ["count", "acount", "mapped"])
def test_a_call_says_that_it_is_a_stream(start, name):
    worker = start(SOURCE)
    with pytest.raises(Failed) as raised:
        worker.call(name, 3)
    assert raised.value.words["code"] == "ERR_VALUE"
    assert "py.stream()" in raised.value.words["message"]


@ALL
@pytest.mark.parametrize("name", ["count", "acount"])
def test_it_runs_no_further_than_credit_allows(start, threads, name):
    worker = start(SOURCE, threads=threads)
    id = worker.send_request(kinds.STREAM, name, (10,), window=3)
    assert [worker.receive()[2] for _ in range(3)] == [0, 1, 2]
    assert worker.call("log") == [0, 1, 2]
    worker.credit(id, 2)
    assert [worker.receive()[2] for _ in range(2)] == [3, 4]
    assert worker.call("log") == [0, 1, 2, 3, 4]


@ALL
@pytest.mark.parametrize("name", ["fails", "afails"])
def test_items_before_an_error_arrive(start, threads, name):
    stream = start(SOURCE, threads=threads).stream(name)
    assert [next(stream), next(stream)] == [1, 2]
    words = failure(stream)
    assert (words["type"], words["message"]) == ("ValueError", "midway")
    assert "in " + name in words["traceback"] and "streams.py" not in words["traceback"]


@ALL
def test_an_item_that_cannot_be_sent_ends_the_stream(start, threads):
    stream = start(SOURCE, threads=threads).stream("unsendable")
    assert next(stream) == 1
    assert failure(stream)["path"] == "item"


@ALL
def test_sys_exit_in_a_generator_ends_the_worker(start, threads):
    worker = start(SOURCE, threads=threads)
    worker.send_request(kinds.STREAM, "exits", window=9)
    assert worker.process.wait(60) == 5


@ALL
@pytest.mark.parametrize(
    "name, log",
    [("tidy", ["exit", "finally"]), ("atidy", ["finally"]), ("waits", ["cancelled"])],
)
def test_a_stream_that_is_left_is_closed(start, threads, name, log):
    worker = start(SOURCE, threads=threads)
    id = worker.send_request(kinds.STREAM, name, window=2)
    assert worker.receive()[2] == 1
    worker.cancel(id)
    assert worker.failure_of(id)["code"] == "ERR_ABORTED"
    assert worker.call("log") == log


@ALL
def test_an_error_while_closing_is_told_as_aborted(start, threads):
    worker = start(SOURCE, threads=threads)
    id = worker.send_request(kinds.STREAM, "stubborn", window=2)
    worker.receive()
    worker.cancel(id)
    words = worker.failure_of(id)
    assert (words["message"], words["code"]) == ("while closing", "ERR_ABORTED")


@ALL
def test_calls_and_streams_take_turns(start, threads):
    worker = start(SOURCE, threads=threads)
    one = worker.send_request(kinds.STREAM, "count", (1000,), window=10_000)
    two = worker.send_request(kinds.STREAM, "acount", (1000,), window=10_000)
    calls = [worker.send_call("add", n, 1) for n in range(100)]
    items = {one: [], two: []}
    answers = {}
    while len(answers) < 102:
        kind, id, value = worker.receive()
        if kind == kinds.ITEM:
            items[id].append(value)
        else:
            answers[id] = value
    assert items == {one: list(range(1000)), two: list(range(1000))}
    assert [answers[id] for id in calls] == [n + 1 for n in range(100)]


def test_an_endless_stream_with_credit_holds_up_no_call(start):
    worker = start(SOURCE)
    id = worker.send_request(kinds.STREAM, "tidy", window=1_000_000_000)
    wanted = worker.send_call("add", 1, 2)
    assert worker.answer_to(wanted) == 3
    worker.cancel(id)
    assert worker.failure_of(id)["code"] == "ERR_ABORTED"


@ALL
@pytest.mark.parametrize("name", ["frames", "aframes"])
def test_fresh_frames_cross_without_a_copy_and_stay_what_they_were(start, threads, name):
    worker = start(SOURCE, threads=threads)
    kept = list(worker.stream(name, 20, window=4))
    assert [(int(frame[0]), int(frame[-1])) for frame in kept] == [(i, i) for i in range(20)]
    assert worker.call("stats")["copied_bytes"] == 0


def test_memory_does_not_grow_with_the_length_of_a_stream(start):
    worker = start(SOURCE, limit_bytes=32 << 20)
    total = sum(int(frame[0]) for frame in worker.stream("frames", 500, window=4))
    assert total == sum(range(500))
    stats = worker.call("stats")
    assert stats["copied_bytes"] == 0 and stats["own_blocks"] == 0


def test_the_allocator_is_on_at_every_step_whatever_the_last_one_left(start):
    assert list(start(SOURCE).stream("switched_off", 3)) == [False, True, True]
    worker = start(SOURCE)
    list(worker.stream("switched_off", 3))
    [frame] = worker.stream("frames", 1)
    assert frame.sum() == 0
    assert worker.call("stats")["copied_bytes"] == 0


def test_goodbye_waits_for_the_end_of_a_stream(start):
    worker = start(SOURCE)
    id = worker.send_request(kinds.STREAM, "count", (3,), window=1)
    assert worker.receive()[2] == 0
    worker.channel.send(kinds.GOODBYE, 0, b"")
    worker.credit(id, 10)
    assert list(worker.items(id)) == [1, 2]
    assert worker.process.wait(60) == 0


def test_nothing_is_held_of_a_stream_that_has_ended(start):
    worker = start(SOURCE)
    for name in ("frames", "aframes"):
        list(worker.stream(name, 5))
    id = worker.send_request(kinds.STREAM, "frames", (5,), window=1)
    worker.receive()
    worker.cancel(id)
    worker.failure_of(id)
    assert worker.call("stats")["own_blocks"] == 0
    assert peer.stats()["borrowed_blocks"] == 0
    assert np.array_equal(next(worker.stream("frames", 1)), np.zeros(100_000))
