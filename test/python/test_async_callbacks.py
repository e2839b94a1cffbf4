"""Functions and iterables of Node in the coroutines of the worker's event loop."""

import peer
import pytest
from functions_side import FunctionsSide, Thrown
from isthmus import kinds
from isthmus.functions import DELIVERED

SOURCE = """
import asyncio
import numpy as np
import isthmus
from isthmus import errors

async def call(f, *args): return await f(*args)
async def gather(f, n): return await asyncio.gather(*(f(i) for i in range(n)))
async def double(f, array): return (await f(array)) * 2
async def caught(f):
    try:
        await f()
    except errors.JavaScriptError as error:
        return str(error)
async def too_long(f, x):
    try:
        await asyncio.wait_for(f(x), 0.05)
    except asyncio.TimeoutError:
        return "gave up"
async def bad(f):
    try:
        f([object()])
    except errors.UnsupportedValueError as error:
        return error.path
async def total(values):
    result = 0
    async for value in values:
        result += value
    return result
async def first(values):
    async for value in values:
        break
    await values.aclose()
    return value
def plain(f, x): return f(x)
def helper(f, x): return f(x)
async def through_helper(f, x): return await helper(f, x)
async def progress(n):
    for i in range(n):
        isthmus.progress((i + 1) / n, f"step {i}")
        await asyncio.sleep(0)
    return n
def plain_progress(): isthmus.progress(0.5)
def log_id():
    import logging
    logging.getLogger("x").warning("from a call")
def stats(): return isthmus.stats()
"""


@pytest.fixture
def node():
    started = FunctionsSide.start(SOURCE)
    yield started
    started.end()


def test_a_coroutine_awaits_what_javascript_returns(node):
    assert node.call("call", node.function(lambda a, b: a * b), 6, 7) == 42
    assert node.call("through_helper", node.function(lambda x: x + 1), 1) == 2
    assert all(id & DELIVERED for kind, id in node.order if kind == kinds.CALL)


def test_calls_of_coroutines_are_under_way_together(node):
    waiting = []

    def later(id, function, args):
        waiting.append((id, args[0] * 10))
        if len(waiting) == 10:
            while waiting:
                node.send(kinds.RESULT, *waiting.pop())

    node.answer = later
    assert node.call("gather", node.function(None), 10) == [i * 10 for i in range(10)]


def test_arrays_come_by_reference_to_coroutines_too(node):
    array = peer.empty((10_000,), "f8")
    array[:] = 1
    before = peer.stats()["copied_bytes"], node.call("stats")["copied_bytes"]
    result = node.call("double", node.function(lambda got: array), array)
    assert float(result.sum()) == 20_000
    assert (peer.stats()["copied_bytes"], node.call("stats")["copied_bytes"]) == before


def test_what_javascript_throws_is_raised_in_the_coroutine(node):
    def fail():
        raise Thrown("TypeError", "no such")

    assert node.call("caught", node.function(fail)) == "TypeError: no such"


def test_an_argument_that_cannot_cross_is_raised_at_once(node):
    assert node.call("bad", node.function(print)) == "args[0][0]"


def test_a_coroutine_that_gives_up_leaves_nothing(node):
    array = peer.empty((1000,), "f8")
    late = []

    def never(id, function, args):
        late.append(id)

    answer, node.answer = node.answer, never
    assert node.call("too_long", node.function(None), array) == "gave up"
    node.answer = answer
    node.send(kinds.RESULT, late[0], array)  # nobody waits for it
    node.call("plain", node.function(lambda x: x), 1)
    node.call("plain", node.function(lambda x: x), 1)
    assert node.call("stats")["borrowed_blocks"] == 0
    assert peer.stats()["lent_leases"] == 0


def test_async_for_reads_an_iterable_of_node(node):
    closed = []
    assert node.call("total", node.iterable(range(10))) == 45
    assert node.call("first", node.iterable(range(10), lambda: closed.append(True))) == 0
    assert closed == [True]


def test_a_plain_function_waits_while_coroutines_are_under_way(node):
    answer = node.answer
    held = []
    node.answer = lambda id, function, args: held.append(id)
    pending = node.send_call("call", node.function(None), 1)
    while not held:
        node.step()
    node.answer = answer
    assert node.call("plain", node.function(lambda x: x + 1), 1) == 2
    node.send(kinds.RESULT, held[0], "late")
    assert node.result(pending) == "late"


def test_progress_of_a_coroutine_and_of_a_plain_call_names_the_call(node):
    options = {"progress": True}
    node.last_id += 1
    call = ["progress", [3], None, options]
    node.channel.send(kinds.CALL, node.last_id, *node.codec.encode(call))
    assert node.result(node.last_id) == 3
    id = node.last_id
    steps = [(id, [(i + 1) / 3, f"step {i}"]) for i in range(3)]
    assert node.told[kinds.PROGRESS] == steps
    node.last_id += 1
    node.channel.send(
        kinds.CALL, node.last_id, *node.codec.encode(["plain_progress", [], None, options])
    )
    node.result(node.last_id)
    assert node.told[kinds.PROGRESS][3:] == [(node.last_id, [0.5, None])]
    node.call("plain_progress")
    assert len(node.told[kinds.PROGRESS]) == 4


def test_a_record_names_the_call_that_made_it(node):
    node.call("log_id")
    assert [id for id, _ in node.told[kinds.LOG]] == [node.last_id]


def test_with_two_threads_a_function_of_node_may_wait_for_another_call():
    source = "def nested(f): return f()\ndef echo(x): return x"
    node = FunctionsSide.start(source, threads=2)
    try:
        assert node.call("nested", node.function(lambda: node.call("echo", 7))) == 7
    finally:
        node.end()
