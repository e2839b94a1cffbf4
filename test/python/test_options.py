"""What Node may ask of a call besides its arguments: each, into; and methods of objects."""

import numpy as np
import peer
import pytest
from isthmus import kinds
from node_side import Failed

SOURCE = """
import asyncio
import numpy as np
import isthmus

def double(x): return x * 2
async def adouble(x):
    await asyncio.sleep(0)
    return x * 2
def add(a, b, *, c=0): return a + b + c
def square(x, out=None):
    np.multiply(x, x, out=out)
def square_returned(x, *, out=None): return np.multiply(x, x, out=out)
def ignores_out(x, *, out): return x + 1
async def asquare(x, out=None): np.multiply(x, x, out=out)
def total(x): return x.sum()
def picky(x):
    if x == 2: raise ValueError("two")
    return x
def nothing(x): pass
def takes(x, y): return x
sqrt = np.sqrt
def stats(): return isthmus.stats()
class Counter:
    scale = 3
    def __init__(self, n=0):
        if n < 0: raise ValueError("negative")
        self.n = n
    def add(self, k=1):
        self.n += k
        return self.n
    async def later(self): return self.n
    def count(self):
        for i in range(self.n): yield i
    def _secret(self): pass
async def make(n): return Counter(n)
"""


def failure(worker, kind, target, args=(), **options):
    with pytest.raises(Failed) as raised:
        worker.ask(kind, target, args, **options)
    return raised.value.words


@pytest.mark.parametrize("threads", [0, 2])
@pytest.mark.parametrize("name", ["double", "adouble"])
def test_each_calls_once_for_every_item(start, threads, name):
    worker = start(SOURCE, threads=threads)
    assert worker.ask(kinds.CALL, name, ([1, 2, 3],), each=True) == [2, 4, 6]
    assert worker.ask(kinds.CALL, name, ([],), each=True) == []
    tensor = np.arange(6.0).reshape(3, 2)
    rows = worker.ask(kinds.CALL, name, (tensor,), each=True)
    assert np.array_equal(rows, tensor * 2)


def test_each_has_the_other_arguments_in_every_call(start):
    worker = start(SOURCE)
    assert worker.ask(kinds.CALL, "add", ([1, 2], 10), {"c": 100}, each=True) == [111, 112]


def test_each_names_the_item_that_failed(start):
    worker = start(SOURCE)
    words = failure(worker, kinds.CALL, "picky", ([1, 2, 3],), each=True)
    assert words["message"] == "two" and words["notes"] == ["in item 1 of 3"]
    assert failure(worker, kinds.CALL, "picky", (3,), each=True)["code"] == "ERR_ARGUMENTS"
    words = failure(worker, kinds.CALL, "takes", ([1],), each=True)
    assert words["code"] == "ERR_ARGUMENTS" and "missing a required argument" in words["message"]


@pytest.mark.parametrize("threads", [0, 2])
@pytest.mark.parametrize(
    "name, expected",
    [
        ("double", lambda x: x * 2),
        ("adouble", lambda x: x * 2),
        ("square", np.square),
        ("square_returned", np.square),
        ("ignores_out", lambda x: x + 1),
        ("asquare", np.square),
        ("sqrt", np.sqrt),
        ("total", np.sum),
    ],
)
def test_into_is_where_the_result_is_written(start, threads, name, expected):
    worker = start(SOURCE, threads=threads)
    x = peer.empty((20_000,), "f8")
    x[:] = np.arange(20_000)
    into = peer.empty(np.shape(expected(x)), "f8")
    assert worker.ask(kinds.CALL, name, (x,), into=into) is None
    assert np.array_equal(into, expected(x))
    assert worker.call("stats")["copied_bytes"] == 0


def test_into_rows_of_a_larger_tensor(start):
    worker = start(SOURCE)
    whole = peer.empty((4, 3), "f4")
    whole[:] = 0
    worker.ask(kinds.CALL, "double", (np.ones((2, 3)),), into=whole[1:3])
    assert whole.tolist() == [[0] * 3, [2] * 3, [2] * 3, [0] * 3]
    worker.ask(kinds.CALL, "double", (np.arange(12.0).reshape(4, 3),), each=True, into=whole)
    assert np.array_equal(whole, np.arange(12).reshape(4, 3) * 2)
    totals = peer.empty((4,), "f8")
    for name in ("double", "adouble"):
        worker.ask(kinds.CALL, name, ([1, 2, 3, 4],), each=True, into=totals)
        assert totals.tolist() == [2, 4, 6, 8]


@pytest.mark.parametrize(
    "name, shape, dtype, words",
    [
        ("double", (3,), "f8", ["(2,)", "(3,)"]),
        ("double", (1, 2), "f8", ["(2,)", "(1, 2)"]),
        ("double", (2,), "i4", ["float64", "int32"]),
        ("nothing", (2,), "f8", ["()", "(2,)"]),
    ],
)
def test_an_into_that_does_not_fit_is_a_mistake_of_the_caller(start, name, shape, dtype, words):
    worker = start(SOURCE)
    into = peer.empty(shape, dtype)
    told = failure(worker, kinds.CALL, name, (np.ones(2),), into=into)
    assert told["code"] == "ERR_ARGUMENTS"
    assert all(word in told["message"] for word in words), told["message"]
    told = failure(worker, kinds.CALL, name, (np.ones(2),), into=3)
    assert told["code"] == "ERR_ARGUMENTS"


@pytest.mark.parametrize("threads", [0, 2])
def test_objects_have_methods_streams_and_state(start, threads):
    worker = start(SOURCE, threads=threads)
    one, two = worker.ask(kinds.CREATE, "Counter", (5,)), worker.ask(kinds.CREATE, "make", (1,))
    assert one != two
    assert worker.ask(kinds.CALL, [one, "add"], (), {"k": 2}) == 7
    assert worker.ask(kinds.CALL, [two, "add"]) == 2
    assert worker.ask(kinds.CALL, [one, "later"]) == 7
    assert list(worker.stream([two, "count"])) == [0, 1]
    worker.channel.send(kinds.DROP, two, b"")
    assert failure(worker, kinds.CALL, [two, "add"])["code"] == "ERR_OBJECT_GONE"
    assert failure(worker, kinds.STREAM, [two, "count"])["code"] == "ERR_OBJECT_GONE"
    assert worker.ask(kinds.CALL, [one, "add"]) == 8


@pytest.mark.parametrize("name", ["_secret", "__init__", "missing", "scale", ""])
def test_what_is_no_public_method_is_not_found(start, name):
    worker = start(SOURCE)
    number = worker.ask(kinds.CREATE, "Counter")
    words = failure(worker, kinds.CALL, [number, name])
    assert words["code"] == "ERR_FUNCTION_NOT_FOUND"


def test_a_constructor_that_raises_makes_nothing(start):
    worker = start(SOURCE)
    words = failure(worker, kinds.CREATE, "Counter", (-1,))
    assert (words["type"], words["message"]) == ("ValueError", "negative")
    assert failure(worker, kinds.CREATE, "Counter", (1, 2, 3))["code"] == "ERR_ARGUMENTS"
    assert failure(worker, kinds.CREATE, "Nothing")["code"] == "ERR_FUNCTION_NOT_FOUND"
