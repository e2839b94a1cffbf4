"""`async def`: tasks of one event loop on the main thread."""

import time

import numpy as np
import pytest
from isthmus import kinds
from node_side import PATIENCE, Failed

SOURCE = """
import asyncio, contextlib, functools, os, socket, sys, threading, time
import numpy as np
import isthmus

seen = []
def log(): return seen
def add(a, b): return a + b
async def aadd(a, b): return a + b
async def pause(seconds, value=None):
    await asyncio.sleep(seconds)
    return value
async def boom():
    await asyncio.sleep(0)
    raise ValueError("in a task")
async def leave():
    await asyncio.sleep(0)
    sys.exit(6)
async def ctrl_c(): raise KeyboardInterrupt("by hand")
async def double(x):
    await asyncio.sleep(0)
    return x * 2
async def in_a_child(x):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(double(x))
    return task.result()
async def in_another_thread(x): return await asyncio.to_thread(lambda: threading.current_thread() is not threading.main_thread())
def stats(): return isthmus.stats()
partial = functools.partial(aadd, 1)
class Callable:
    async def __call__(self, a): return a
made = Callable()
wrapped = lambda a: aadd(a, 1)
async def forever():
    try:
        await asyncio.sleep(1000)
    finally:
        seen.append("finally")
async def stubborn():
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        return "done anyway"
async def background():
    async def tick():
        while True:
            await asyncio.sleep(0.001)
            seen.append("tick")
    global task
    task = asyncio.create_task(tick())
async def unsendable(): return object()
def plain_loop(): return asyncio.run(aadd(1, 2))
def is_loop_running():
    try: asyncio.get_running_loop()
    except RuntimeError: return False
    return True
async def talk():
    ours, theirs = socket.socketpair()
    ours.setblocking(False); theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(ours, b"hello")
    with ours, theirs: return (await loop.sock_recv(theirs, 100)).decode()
async def from_a_thread():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    threading.Timer(0.02, lambda: loop.call_soon_threadsafe(future.set_result, 5)).start()
    return await future
async def child():
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "print('hi')", stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return out.decode().strip()
async def generator(): yield 1
"""


def test_tasks_run_concurrently(start):
    worker = start(SOURCE)
    began = time.monotonic()
    ids = [worker.send_call("pause", 0.2, n) for n in range(50)]
    assert {worker.receive()[1] for _ in ids} == set(ids)
    assert time.monotonic() - began < 0.2 * 50 / 2


def test_a_plain_call_is_answered_while_a_task_waits(start):
    worker = start(SOURCE)
    waiting = worker.send_call("pause", 0.3, "later")
    assert worker.call("add", 1, 2) == 3
    assert worker.call("aadd", 1, 2) == 3
    assert worker.answer_to(waiting) == "later"
    assert worker.call("add", 1, 2) == 3


@pytest.mark.parametrize("name", ["partial", "made", "wrapped"])
def test_whatever_returns_a_coroutine_is_awaited(start, name):
    for threads in (0, 2):
        assert start(SOURCE, threads=threads).call(name, 1) in (1, 2)


def test_node_is_told_which_names_are_asynchronous(start):
    told = start(SOURCE).hello["asynchronous"]
    assert {"aadd", "generator", "partial", "made"} <= set(told)
    assert not {"add", "wrapped", "log", "Callable"} & set(told)


def test_errors_are_the_same_as_in_plain_functions(start):
    worker = start(SOURCE)
    for call, type, code in [
        (("boom",), "ValueError", None),
        (("ctrl_c",), "KeyboardInterrupt", None),
        (("aadd", 1), "isthmus.errors.ArgumentsError", "ERR_ARGUMENTS"),
        (("unsendable",), "isthmus.errors.UnsupportedValueError", "ERR_VALUE"),
    ]:
        with pytest.raises(Failed) as raised:
            worker.call(*call)
        words = raised.value.words
        assert (words["type"], words["code"]) == (type, code)
        assert "tasks.py" not in words["traceback"]


def test_sys_exit_in_a_task_ends_the_worker(start):
    worker = start(SOURCE)
    worker.send_call("forever")
    worker.send_call("leave")
    assert worker.process.wait(PATIENCE) == 6


@pytest.mark.parametrize("name", ["double", "in_a_child"])
def test_results_in_tasks_are_born_shared(start, name):
    worker = start(SOURCE)
    arrays = [np.full(100_000, n) for n in range(10)]
    ids = {worker.send_call(name, array): n for n, array in enumerate(arrays)}
    for _ in arrays:
        _, id, value = worker.receive()
        assert (value == 2 * ids[id]).all()
    del value
    stats = worker.call("stats")
    assert (stats["copied_bytes"], stats["borrowed_blocks"]) == (0, 0)


def test_cancel_cancels_the_task(start):
    worker = start(SOURCE)
    id = worker.send_call("forever")
    worker.call("aadd", 1, 1)
    worker.cancel(id)
    assert worker.failure_of(id)["code"] == "ERR_ABORTED"
    assert worker.call("log") == ["finally"]


def test_a_task_that_is_cancelled_before_it_starts_does_not_run(start):
    worker = start(SOURCE)
    id = worker.send_call("forever")
    worker.cancel(id)
    assert worker.failure_of(id)["code"] == "ERR_ABORTED"
    assert worker.call("log") in ([], ["finally"])


def test_a_task_that_finishes_all_the_same_is_answered_with_its_result(start):
    worker = start(SOURCE)
    id = worker.send_call("stubborn")
    worker.call("aadd", 1, 1)
    worker.cancel(id)
    assert worker.answer_to(id) == "done anyway"


def test_what_a_call_leaves_running_goes_on(start):
    worker = start(SOURCE)
    worker.call("background")
    deadline = time.monotonic() + PATIENCE
    while len(worker.call("log")) < 5:
        assert time.monotonic() < deadline
    assert worker.goodbye() == 0


def test_goodbye_waits_for_tasks(start):
    worker = start(SOURCE)
    id = worker.send_call("pause", 0.1, 5)
    worker.channel.send(kinds.GOODBYE, 0, b"")
    assert worker.answer_to(id) == 5
    assert worker.process.wait(PATIENCE) == 0


def test_a_plain_function_sees_no_running_loop(start):
    worker = start(SOURCE)
    for _ in range(2):
        assert worker.call("is_loop_running") is False
        assert worker.call("plain_loop") == 3
        worker.send_call("pause", 1000)  # from now on there is one
        worker.call("add", 1, 1)


@pytest.mark.parametrize(
    "name, result",
    [("talk", "hello"), ("from_a_thread", 5), ("child", "hi")],
)
def test_descriptors_threads_and_processes_wake_the_loop(start, name, result):
    for spin_ns in (0, 200_000):
        assert start(SOURCE, spin_ns=spin_ns).call(name) == result


def test_work_in_another_thread_is_awaited(start):
    assert start(SOURCE).call("in_another_thread", 1) is True


def test_a_loop_with_nothing_to_do_sleeps(start):
    worker = start(SOURCE, spin_ns=100_000)
    worker.send_call("pause", 1000)
    worker.call("add", 1, 1)
    time.sleep(0.1)

    def cpu():
        with open(f"/proc/{worker.process.pid}/stat") as file:
            return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))

    before = cpu()
    time.sleep(0.5)  # what is looked at, not a synchronisation
    assert cpu() - before <= 2  # hundredths of a second


def test_nothing_is_left_of_tasks(start):
    worker = start(SOURCE)
    for n in range(300):
        assert worker.call("aadd", n, 1) == n + 1
    assert worker.call("stats")["borrowed_blocks"] == 0
