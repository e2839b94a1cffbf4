"""`threads: n`: plain functions in a pool of threads."""

import numpy as np
import pytest
from isthmus import kinds
from node_side import PATIENCE, Failed

SOURCE = """
import asyncio, os, sys, threading, time
import numpy as np
import isthmus

gate = threading.Event()
both = threading.Barrier(2)
def add(a, b, *, c=0): return a + b + c
def double(x): return x * 2
def where(): return threading.current_thread().name
async def awhere(): return threading.current_thread().name
def meet():
    both.wait(30)
    return True
def wait(): return gate.wait(30)
def open_gate(): gate.set()
def spin():
    while True: pass
def boom(): raise ValueError("in a thread")
def leave(): sys.exit(7)
def stats(): return isthmus.stats()
def hidden(): return awhere()
def nested(): return asyncio.run(awhere())
def call(): return isthmus.context().call
ran = []
def mark(x):
    ran.append(x)
    return gate.wait(30)
async def amarks(): return ran
async def open_later(seconds):
    await asyncio.sleep(seconds)
    gate.set()
def unsendable(): return [object()]
class Counter:
    def __init__(self): self.n = 0
    def up(self):
        self.n += 1
        return self.n
    async def later(self): return self.n
"""


def test_functions_run_at_the_same_time(start):
    worker = start(SOURCE, threads=2)
    ids = [worker.send_call("meet") for _ in range(2)]
    assert [worker.receive()[2] for _ in ids] == [True, True]


def test_a_function_that_waits_holds_up_neither_calls_nor_tasks(start):
    worker = start(SOURCE, threads=2)
    waiting = worker.send_call("wait")
    assert worker.call("add", 1, 2, c=3) == 6
    assert worker.call("awhere") == "MainThread"
    worker.call("open_gate")
    assert worker.answer_to(waiting) is True


@pytest.mark.parametrize("threads, expected", [(0, "MainThread"), (1, "MainThread")])
def test_one_thread_is_the_main_thread(start, threads, expected):
    assert start(SOURCE, threads=threads).call("where") == expected


def test_plain_functions_are_in_the_pool_and_coroutines_are_not(start):
    worker = start(SOURCE, threads=2)
    assert worker.call("where").startswith("isthmus-")
    assert worker.call("awhere") == "MainThread"
    assert worker.call("hidden") == "MainThread"  # a plain function that returns a coroutine
    assert worker.call("nested").startswith("isthmus-")
    assert worker.call("call") == "call"


def test_results_in_threads_are_born_shared(start):
    worker = start(SOURCE, threads=3)
    arrays = [np.full(100_000, n) for n in range(30)]
    ids = {worker.send_call("double", array): n for n, array in enumerate(arrays)}
    for _ in arrays:
        _, id, value = worker.receive()
        assert (value == 2 * ids[id]).all()
    assert worker.call("stats")["copied_bytes"] == 0
    del value
    assert worker.call("stats")["borrowed_blocks"] == 0


def test_errors_are_the_same_as_on_the_main_thread(start):
    worker = start(SOURCE, threads=2)
    for call, code in [
        (("boom",), None),
        (("nothing",), "ERR_FUNCTION_NOT_FOUND"),
        (("add", 1), "ERR_ARGUMENTS"),
        (("unsendable",), "ERR_VALUE"),
    ]:
        with pytest.raises(Failed) as raised:
            worker.call(*call)
        assert raised.value.words["code"] == code
        assert "threads.py" not in raised.value.words["traceback"]


def test_sys_exit_in_a_thread_ends_the_worker(start):
    worker = start(SOURCE, threads=2)
    worker.send_call("wait")
    worker.send_call("leave")
    assert worker.process.wait(PATIENCE) == 7


def test_goodbye_waits_for_the_threads(start):
    worker = start(SOURCE, threads=2)
    ids = [worker.send_call("wait"), worker.send_call("wait"), worker.send_call("add", 1, 1)]
    ids.append(worker.send_call("open_later", 0.1))
    worker.channel.send(kinds.GOODBYE, 0, b"")
    answers = {id: value for _, id, value in (worker.receive() for _ in ids)}
    assert answers == dict(zip(ids, [True, True, 2, None], strict=True))
    assert worker.process.wait(PATIENCE) == 0


def test_a_call_that_waits_for_a_thread_is_dropped_without_running(start):
    worker = start(SOURCE, threads=2)
    running = [worker.send_call("mark", n) for n in range(2)]
    waiting = worker.send_call("mark", 2)
    while len(worker.call("amarks")) < 2:
        pass
    worker.cancel(waiting)
    words = worker.failure_of(waiting)
    assert words["code"] == "ERR_ABORTED" and "before it started" in words["message"]
    opened = worker.send_call("open_later", 0)
    answers = {id: value for _, id, value in (worker.receive() for _ in range(3))}
    assert answers == {**dict.fromkeys(running, True), opened: None}
    assert sorted(worker.call("amarks")) == [0, 1]


def test_methods_and_constructors_run_in_threads(start):
    worker = start(SOURCE, threads=2)
    number = worker.ask(kinds.CREATE, "Counter")
    assert worker.ask(kinds.CALL, [number, "up"]) == 1
    assert worker.ask(kinds.CALL, [number, "later"]) == 1
    worker.channel.send(kinds.DROP, number, b"")
    with pytest.raises(Failed) as raised:
        worker.ask(kinds.CALL, [number, "up"])
    assert raised.value.words["code"] == "ERR_OBJECT_GONE"


def test_many_calls_in_many_threads_lose_nothing(start):
    worker = start(SOURCE, threads=4, ring_bytes=1 << 12)
    sent, got = {}, {}
    for n in range(2000):
        sent[worker.send_call("add", n, n)] = 2 * n
        while len(sent) - len(got) > 20:
            _, id, value = worker.receive()
            got[id] = value
    while len(got) < len(sent):
        _, id, value = worker.receive()
        got[id] = value
    assert got == sent


def test_the_time_that_a_function_took_is_told(start):
    for threads in (0, 2):
        worker = start("import time\ndef nap(): time.sleep(0.05)", threads=threads, timed=True)
        assert worker.call("nap") is None
