"""Functions of Node, called by Python."""

import copy
import gc
import os
import signal

import peer
import pytest
from functions_side import FunctionsSide, Thrown
from isthmus import kinds
from isthmus.callbacks import Callback
from isthmus.codec import Codec
from isthmus.errors import UnsupportedValueError
from isthmus.functions import Functions
from msgspec.msgpack import Ext, encode
from node_side import Failed

SOURCE = """
import asyncio, gc, os, pickle, signal, threading, time
import numpy as np
import isthmus
from isthmus import errors

kept = []

def call(f, *args, **kwargs): return f(*args, **kwargs)
def twice(f, x): return f(f(x))
def deep(options): return options["inner"][0]["f"](1)
def keep(f): kept.append(f)
def call_kept(*args): return kept[-1](*args)
def drop():
    kept.clear()
def back(f): return {"f": f}
def same(f, g): return [f == g, f == f, hash(f) == hash(f), f != 3, repr(f)]
def stats(): return isthmus.stats()
def add(a, b): return a + b
def ones(f, n):
    with isthmus.allocator():
        got = f(np.ones(n))
        return [float(got.sum()), isthmus.is_shared(got)]

def caught(f, *args):
    try:
        f(*args)
    except Exception as error:
        words = {"type": type(error).__name__, "text": str(error), "code": error.code,
                 "notes": getattr(error, "__notes__", []), "cause": repr(error.__cause__)}
        if isinstance(error, errors.JavaScriptError):
            words.update(name=error.name, message=error.message, stack=error.stack, js_code=error.js_code)
        return words

def call_result(f, x):
    got = f()["f"]
    return got(x)

def caught_object(f, x, **kwargs):
    return caught(lambda: f(x, {"x": [object()]}, **kwargs))

def in_threads(f, n):
    results = {}
    def work(i):
        results[i] = [f(i * 1000 + k) for k in range(20)]
    threads = [threading.Thread(target=work, args=(i,)) for i in range(n)]
    for t in threads: t.start()
    for t in threads: t.join()
    return [results[i] for i in range(n)]

def in_own_loop(f, n):
    async def main():
        return await asyncio.gather(*(f(i) for i in range(n)))
    return asyncio.run(main())

def own_loop_error(f):
    async def main():
        try:
            await f()
        except errors.JavaScriptError as error:
            return str(error)
    return asyncio.run(main())

def interrupted(f, x):
    def stop(*_): raise isthmus.Cancelled
    before = signal.signal(signal.SIGUSR1, stop)
    try:
        f(x)
    except isthmus.Cancelled:
        return "interrupted"
    finally:
        signal.signal(signal.SIGUSR1, before)

def forked(f):
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            f(1)
        except errors.ForkedError as error:
            os.write(told, error.code.encode())
        os._exit(0)
    os.waitpid(pid, 0)
    return os.read(ready, 100).decode()

def pickled(f):
    try:
        pickle.dumps(f)
    except TypeError as error:
        return str(error)
"""


@pytest.fixture
def node():
    started = FunctionsSide.start(SOURCE)
    yield started
    started.end()


def number(passed):
    return int.from_bytes(passed.data, "big")


def test_a_function_is_called_with_arguments_and_its_result_comes_back(node):
    assert node.call("call", node.function(lambda a, b: a * b), 6, 7) == 42
    assert node.call("call", node.function(lambda a, *, b: [a, b]), 1, b=2) == [1, 2]
    assert node.call("twice", node.function(lambda x: x + 1), 5) == 7
    assert node.call("deep", {"inner": [{"f": node.function(lambda x: {"got": x})}]}) == {"got": 1}


def test_arrays_go_by_reference_both_ways(node):
    array = peer.empty((100_000,), "f8")
    array[:] = 1
    before = peer.stats()["copied_bytes"], node.call("stats")["copied_bytes"]

    def double(got):
        assert peer.is_shared(got)
        array[:] = got * 2
        return array

    assert node.call("ones", node.function(double), 100_000) == [200_000, True]
    assert (peer.stats()["copied_bytes"], node.call("stats")["copied_bytes"]) == before


def test_an_array_of_node_comes_back_as_itself(node):
    array = peer.empty((1000, 10), "f8")
    array[:] = 3
    seen = []
    node.call("call", node.function(lambda got: seen.append(got.ctypes.data)), array)
    assert seen == [array.ctypes.data]


def test_no_lease_is_left_after_a_callback(node):
    array = peer.empty((1000, 10), "f8")
    node.call("call", node.function(lambda got: array), array)
    node.call("add", 1, 1)
    node.call("add", 1, 1)
    assert peer.stats()["lent_leases"] == 0
    stats = node.call("stats")
    assert (stats["borrowed_blocks"], stats["own_blocks"]) == (0, 0)


def test_what_javascript_throws_is_raised_with_name_stack_code_and_causes(node):
    def fail():
        inner = Thrown("RangeError", "too far").words
        stack = "TypeError: no such\n    at fail (file:///x.js:1:2)"
        raise Thrown("TypeError", "no such", "ENOENT", inner, stack)

    words = node.call("caught", node.function(fail))
    assert words["type"] == "JavaScriptError" and words["code"] == "ERR_JAVASCRIPT"
    assert words["text"] == "TypeError: no such"
    assert (words["name"], words["message"], words["js_code"]) == ("TypeError", "no such", "ENOENT")
    assert words["notes"] == ["in JavaScript:\n    at fail (file:///x.js:1:2)"]
    assert words["cause"] == "JavaScriptError('RangeError', 'too far', '', None)"


def test_an_error_of_javascript_that_python_lets_pass_goes_back_to_node(node):
    def fail():
        raise Thrown("TypeError", "no such", "ENOENT", None, "TypeError: no such\n    at x")

    with pytest.raises(Failed) as raised:
        node.call("call", node.function(fail))
    words = raised.value.words
    assert words["code"] == "ERR_JAVASCRIPT"
    assert "f(*args, **kwargs)" in words["traceback"]
    assert "callbacks.py" not in words["traceback"]
    assert words["traceback"].endswith("in JavaScript:\n    at x\n")
    assert words["javascript"] == {
        "name": "TypeError",
        "message": "no such",
        "stack": "TypeError: no such\n    at x",
        "code": "ENOENT",
    }
    assert node.call("add", 1, 2) == 3


@pytest.mark.parametrize(
    "code, type",
    [
        ("ERR_CALLBACK_ENDED", "CallbackEndedError"),
        ("ERR_BLOCKED", "BlockedError"),
        ("ERR_VALUE", "UnsupportedValueError"),
        ("ERR_OBJECT_GONE", "ObjectGoneError"),
        ("ERR_SOMETHING", "JavaScriptError"),
    ],
)
def test_errors_of_isthmus_in_node_are_raised_as_their_own_class(node, code, type):
    def fail():
        raise Thrown("SomeError", "words", code)

    words = node.call("caught", node.function(fail))
    assert words["type"] == type and "words" in words["text"]


def test_an_argument_that_cannot_cross_is_named_and_nothing_is_sent(node):
    called = []
    f = node.function(lambda *args, **kwargs: called.append(args))
    assert node.call("caught_object", f, 1)["text"].startswith(
        "args[1].x[0]: a value of type object"
    )
    assert node.call("caught_object", f, 1, k=2)["text"].startswith("args[1].x[0]: ")
    assert called == []


def test_user_threads_call_while_the_main_thread_is_blocked_in_join(node):
    results = node.call("in_threads", node.function(lambda x: x + 1), 4)
    assert results == [[i * 1000 + k + 1 for k in range(20)] for i in range(4)]


def test_answers_may_come_in_any_order(node):
    waiting = []

    def later(id, function, args):
        waiting.append((id, args[0]))
        if len(waiting) == 3:
            while waiting:
                node.send(kinds.RESULT, *waiting.pop())

    node.answer = later
    results = node.call("in_threads", node.function(None), 3)
    assert results == [[i * 1000 + k for k in range(20)] for i in range(3)]


def test_in_an_event_loop_of_the_users_own_a_call_is_awaited(node):
    assert node.call("in_own_loop", node.function(lambda x: x * x), 5) == [0, 1, 4, 9, 16]

    def fail():
        raise Thrown("Error", "no")

    assert node.call("own_loop_error", node.function(fail)) == "Error: no"


def test_a_call_after_the_end_is_refused_and_the_worker_goes_on(node):
    passed = node.function(lambda: 1)
    node.call("keep", passed)
    node.functions.clear()  # what Node does when the call ends
    with pytest.raises(Failed) as raised:
        node.call("call_kept")
    assert raised.value.words["code"] == "ERR_CALLBACK_ENDED"
    assert node.call("add", 1, 2) == 3


def test_node_is_told_when_python_no_longer_has_a_function(node):
    passed = node.function(lambda: "still")
    node.call("keep", passed)
    assert node.call("call_kept") == "still"
    assert not node.told[kinds.DROP]
    node.call("drop")
    assert node.until_told(kinds.DROP) == (number(passed), None)


def test_a_function_that_goes_back_is_named_before_it_is_dropped(node):
    passed = node.function(lambda: 1)
    id = node.send_call("back", passed)
    assert node.result(id) == {"f": node.functions[number(passed)]}
    node.call("add", 1, 1)
    node.until_told(kinds.DROP)
    named = node.order.index((kinds.RESULT, id))
    dropped = node.order.index((kinds.DROP, number(passed)))
    assert named < dropped


def test_functions_are_equal_by_what_node_calls_them(node):
    f = node.function(print)
    text = f"<isthmus.Callback {number(f)}>"
    assert node.call("same", f, f) == [True, True, True, True, text]
    assert node.call("same", f, node.function(print))[0] is False


def test_a_callback_may_bring_another_one(node):
    """The inner one is called, by the function that the outer one's result is passed to, before the call has ended."""
    inner = node.function(lambda x: x + 1)
    assert node.call("call_result", node.function(lambda: {"f": inner}), 5) == 6
    id, _ = node.until_told(kinds.DROP)
    assert id in (number(inner), number(inner) + 1)


def test_a_wait_that_is_interrupted_leaves_nothing(node):
    array = peer.empty((1000,), "f8")
    passed = node.function(lambda x: None)
    late = []

    def never(id, function, args, kwargs=None):
        late.append(id)
        args.clear()
        os.kill(node.process.pid, signal.SIGUSR1)

    answer, node.answer = node.answer, never
    assert node.call("interrupted", passed, array) == "interrupted"
    node.answer = answer
    node.send(kinds.RESULT, late[0], array)  # nobody waits for it
    node.call("add", 1, 1)
    node.call("add", 1, 1)
    assert peer.stats()["lent_leases"] == 0
    assert node.call("stats")["borrowed_blocks"] == 0


def test_a_forked_child_cannot_call(node):
    assert node.call("forked", node.function(lambda x: x)) == "ERR_FORKED"


def test_a_function_cannot_be_pickled(node):
    assert "pickled" in node.call("pickled", node.function(print))


def test_an_answer_of_bytes_that_are_no_messagepack_is_a_typed_error(node):
    def answer(id, function, args, kwargs=None):
        node.channel.send(kinds.RESULT, id, b"\xc1")

    node.answer = answer
    assert node.call("caught", node.function(print))["code"] == "ERR_VALUE"


def test_a_function_of_node_is_unknown_to_a_codec_without_functions():
    with pytest.raises(UnsupportedValueError, match="extension type 3"):
        Codec().decode(encode(Ext(3, b"\0\0\0\1")), None)


class Silent:
    """A channel on which nothing happens."""

    def __init__(self, room=True):
        self.sent = []
        self.room = room

    def send(self, *message):
        if self.room:
            self.sent.append(message)
        return self.room


def test_a_drop_waits_when_the_ring_is_full_and_is_told_later():
    channel = Silent(room=False)
    functions = Functions(channel)
    for id in range(3):
        functions.callback(id)
    functions.flush()
    assert len(functions.dropped) == 3 and not channel.sent
    channel.room = True
    functions.flush()
    assert [message[:2] for message in channel.sent] == [(kinds.DROP, id) for id in range(3)]
    assert not functions.dropped


def test_a_function_in_a_cycle_is_dropped_by_the_collector_without_touching_the_channel():
    channel = Silent()
    functions = Functions(channel)
    cycle = [functions.callback(7)]
    cycle.append(cycle)
    del cycle
    gc.collect()
    assert len(functions.dropped) == 1 and not channel.sent


def test_a_function_is_not_copied():
    with pytest.raises(TypeError):
        copy.copy(Callback(None, 3))
