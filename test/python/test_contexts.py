"""isthmus.context(), in whatever runs for a call."""

import subprocess
import sys
import time

import pytest
from isthmus import kinds

SOURCE = """
import asyncio, contextvars, threading
import isthmus

def told():
    context = isthmus.context()
    return [context.call, context.deadline, context.cancelled]
async def atold():
    await asyncio.sleep(0)
    return told()
async def child_told(): return await asyncio.create_task(atold())
async def thread_told(): return await asyncio.to_thread(told)
def gtold():
    for _ in range(2): yield told()
async def agtold():
    for _ in range(2): yield told()
class Thing:
    def told(self): return told()
def remaining(): return isthmus.context().remaining
kept = []
def keep(): kept.append(isthmus.context())
def look(): return [kept[0].call, kept[0].cancelled, repr(kept[0]), isthmus.context() == kept[0]]
def in_a_thread_of_mine():
    seen = []
    thread = threading.Thread(target=lambda: seen.append(told()))
    thread.start(); thread.join()
    return seen[0]
def in_a_copied_context():
    seen = []
    thread = threading.Thread(target=contextvars.copy_context().run, args=(lambda: seen.append(told()),))
    thread.start(); thread.join()
    return seen[0]
"""


@pytest.mark.parametrize("threads", [0, 2])
def test_it_tells_the_name_and_the_deadline(start, threads):
    worker = start(SOURCE, threads=threads)
    for name in ("told", "atold", "child_told", "thread_told"):
        assert worker.ask(kinds.CALL, name, deadline=12.5) == [name, 12.5, False]
        assert worker.ask(kinds.CALL, name) == [name, None, False]
    for name in ("gtold", "agtold"):
        id = worker.send_request(kinds.STREAM, name, deadline=7.0, window=1)
        assert list(worker.items(id)) == [[name, 7.0, False]] * 2
    number = worker.ask(kinds.CREATE, "Thing")
    assert worker.ask(kinds.CALL, [number, "told"], deadline=1.0) == ["told", 1.0, False]


def test_remaining_counts_down_to_zero(start):
    worker = start(SOURCE)
    assert worker.call("remaining") is None
    assert 0 < worker.ask(kinds.CALL, "remaining", deadline=time.monotonic() + 60) <= 60
    assert worker.ask(kinds.CALL, "remaining", deadline=time.monotonic() - 1) == 0


def test_a_context_that_was_kept_tells_nothing_of_other_calls(start):
    worker = start(SOURCE)
    worker.call("keep")
    id = worker.send_call("look")
    assert worker.answer_to(id) == ["keep", False, "<isthmus.Context keep>", False]


def test_threads_of_the_user_have_none_unless_they_were_given_one(start):
    worker = start(SOURCE)
    assert worker.ask(kinds.CALL, "in_a_thread_of_mine", deadline=5.0) == ["", None, False]
    told = worker.ask(kinds.CALL, "in_a_copied_context", deadline=5.0)
    assert told == ["in_a_copied_context", 5.0, False]


def test_without_a_worker_it_is_one_that_never_ends():
    code = "import isthmus; c = isthmus.context(); print(c.cancelled, c.deadline, c.remaining, repr(c.call))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "None", "None", "''"]
