"""Iterables of Node, iterated by Python."""

import numpy as np
import peer
import pytest
from functions_side import FunctionsSide, Thrown
from isthmus import kinds
from node_side import Failed

SOURCE = """
import asyncio
import isthmus
from isthmus import errors

def total(values):
    result = 0.0
    for value in values:
        result += float(value.sum()) if hasattr(value, "sum") else value
    return result

def first(values):
    for value in values:
        return value

def first_and_close(values):
    value = next(values)
    values.close()
    values.close()
    return [value, list(values)]

def until_error(values):
    got = []
    try:
        for value in values:
            got.append(value)
    except errors.JavaScriptError as error:
        got.append(str(error))
    return [got, list(values)]

def returned(values):
    try:
        while True:
            next(values)
    except StopIteration as stop:
        return stop.value

def in_own_loop(values):
    async def main():
        got = [value async for value in values]
        await values.aclose()
        return got
    return asyncio.run(main())

def left_early(values):
    async def main():
        async for value in values:
            break
        await values.aclose()
        return value
    return asyncio.run(main())

def describe(values): return [repr(values), isinstance(values, isthmus.RemoteIterator), iter(values) is values]
def back(values): return values
def add(a, b): return a + b
"""


@pytest.fixture
def node():
    started = FunctionsSide.start(SOURCE)
    yield started
    started.end()


def test_a_for_loop_reads_an_iterable_to_its_end(node):
    assert node.call("total", node.iterable(range(100))) == sum(range(100))
    assert node.call("total", node.iterable([])) == 0


def test_items_that_are_arrays_are_read_in_place(node):
    array = peer.empty((10_000,), "f8")
    array[:] = 1
    before = peer.stats()["copied_bytes"]
    assert node.call("total", node.iterable([array] * 5)) == 50_000
    assert peer.stats()["copied_bytes"] == before
    node.call("add", 1, 1)
    assert peer.stats()["lent_leases"] == 0
    assert np.all(array == 1)


def test_a_loop_that_is_left_early_lets_the_iterator_go(node):
    passed = node.iterable(range(100))
    assert node.call("first", passed) == 0
    assert node.until_told(kinds.DROP) == (int.from_bytes(passed.data, "big"), None)


def test_close_is_told_once_and_ends_it(node):
    closed = []
    passed = node.iterable(range(5), lambda: closed.append(True))
    assert node.call("first_and_close", passed) == [0, []]
    assert closed == [True]


def test_an_error_in_the_middle_is_raised_after_the_items_before_it(node):
    def values():
        yield 1
        yield 2
        raise Thrown("RangeError", "no third")

    assert node.call("until_error", node.iterable(values())) == [[1, 2, "RangeError: no third"], []]


def test_the_value_that_an_iterable_returns_is_that_of_stop_iteration(node):
    assert node.call("returned", node.iterable([1, 2])) == "returned"


def test_async_for_reads_an_iterable_to_its_end(node):
    assert node.call("in_own_loop", node.iterable(range(5))) == [0, 1, 2, 3, 4]


def test_aclose_closes_it_in_a_coroutine(node):
    closed = []
    assert node.call("left_early", node.iterable(range(5), lambda: closed.append(True))) == 0
    assert closed == [True]


def test_an_iterator_is_one_and_does_not_go_back(node):
    passed = node.iterable([1])
    text, is_one, is_its_own = node.call("describe", passed)
    assert text.startswith("<isthmus.RemoteIterator ") and is_one and is_its_own
    with pytest.raises(Failed) as raised:
        node.call("back", node.iterable([1]))
    assert raised.value.words["code"] == "ERR_VALUE"
