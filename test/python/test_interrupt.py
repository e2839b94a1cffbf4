"""Cancellation, grade by grade: told, then interrupted; never the neighbour."""

import contextlib
import random
import signal
import time

import peer
import pytest
from isthmus import kinds
from node_side import PATIENCE, Failed

SOURCE = """
import asyncio, os, signal, sys, threading, time
import numpy as np
import isthmus

seen = []
def tell(started):
    if started is not None: started[0] = 1
def log(): return seen
def stats(): return isthmus.stats()
def add(a, b): return a + b
async def aadd(a, b): return a + b
def spin(started=None):
    tell(started)
    while True: pass
def nap(started=None):
    tell(started)
    time.sleep(1000)
async def aspin(started=None):
    await asyncio.sleep(0)
    tell(started)
    while True: pass
async def child_spins(started=None):
    async with asyncio.TaskGroup() as group: group.create_task(aspin(started))
def gspin(started=None):
    yield 1
    tell(started)
    while True: pass
async def agspin(started=None):
    yield 1
    tell(started)
    while True: pass
def polite(started=None):
    context = isthmus.context()
    tell(started)
    while not context.cancelled: pass
    seen.append("polite")
    return "saw it"
def gpolite(started=None):
    context = isthmus.context()
    yield 1
    tell(started)
    while not context.cancelled: pass
    seen.append("polite")
def tidy(started=None):
    try:
        tell(started)
        while True: pass
    finally:
        time.sleep(0.05)
        seen.append("finally")
def converts(started=None):
    try:
        tell(started)
        while True: pass
    except isthmus.Cancelled as error:
        raise RuntimeError("instead") from error
def swallows(started=None):
    try:
        tell(started)
        while True: pass
    except isthmus.Cancelled:
        return "swallowed"
def slow_close(started=None):
    try:
        yield 1
    finally:
        tell(started)
        while True: pass
def work(ms, array):
    until = time.perf_counter() + ms / 1000
    result = None
    while time.perf_counter() < until:
        result = array * 2
    return result
async def awork(ms, array):
    until = time.perf_counter() + ms / 1000
    while time.perf_counter() < until:
        result = array * 2
        await asyncio.sleep(0)
    return array * 2
def gwork(n, array):
    for i in range(n): yield array * i
async def agwork(n, array):
    for i in range(n):
        yield array * i
        await asyncio.sleep(0)
def sleepy(ms): time.sleep(ms / 1000)
"""


def new_flag():
    """An array that both processes see: a function sets it when it has begun."""
    array = peer.empty((1,), "i4")
    array[0] = 0
    return array


def wait_for(flag):
    deadline = time.monotonic() + PATIENCE
    while flag[0] == 0:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    flag[0] = 0


def abort(worker, id, seconds=0.02):
    """As Node does."""
    worker.cancel(id)
    time.sleep(seconds)
    worker.interrupt(id)


@pytest.mark.parametrize(
    "name, threads",
    [
        ("spin", 0),
        ("nap", 0),
        ("aspin", 0),
        ("child_spins", 0),
        ("spin", 2),
        ("aspin", 2),
        ("tidy", 0),
        ("tidy", 2),
        ("converts", 0),
        ("converts", 2),
    ],
)
def test_what_runs_is_interrupted(start, name, threads):
    worker = start(SOURCE, threads=threads)
    flag = new_flag()
    id = worker.send_call(name, flag)
    wait_for(flag)
    abort(worker, id)
    assert worker.failure_of(id)["code"] == "ERR_ABORTED"
    assert worker.call("add", 1, 2) == 3
    assert worker.call("aadd", 1, 2) == 3
    assert worker.call("log") == (["finally"] if name == "tidy" else [])


@pytest.mark.parametrize("threads", [0, 2])
@pytest.mark.parametrize("name", ["gspin", "agspin", "slow_close"])
def test_a_generator_is_interrupted(start, name, threads):
    worker = start(SOURCE, threads=threads)
    flag = new_flag()
    id = worker.send_request(kinds.STREAM, name, (flag,), window=9 if name != "slow_close" else 1)
    assert worker.receive()[2] == 1
    if name == "slow_close":
        worker.cancel(id)
    wait_for(flag)
    abort(worker, id)
    assert worker.failure_of(id)["code"] == "ERR_ABORTED"
    assert worker.call("add", 1, 2) == 3


@pytest.mark.parametrize("threads", [0, 2])
def test_a_function_sees_that_it_is_cancelled(start, threads):
    worker = start(SOURCE, threads=threads)
    flag = new_flag()
    id = worker.send_call("polite", flag)
    wait_for(flag)
    worker.cancel(id)
    assert worker.answer_to(id) == "saw it"
    id = worker.send_request(kinds.STREAM, "gpolite", (flag,), window=9)
    wait_for(flag)
    worker.cancel(id)
    with contextlib.suppress(Failed):
        worker.answer_to(id)
    assert worker.call("log") == ["polite", "polite"]


@pytest.mark.parametrize("threads", [0, 2])
def test_a_function_that_swallows_it_is_answered_with_its_result(start, threads):
    worker = start(SOURCE, threads=threads)
    flag = new_flag()
    id = worker.send_call("swallows", flag)
    wait_for(flag)
    abort(worker, id)
    assert worker.answer_to(id) == "swallowed"


def test_an_interrupt_that_comes_too_late_hits_nobody(start):
    worker = start(SOURCE)
    first = worker.send_call("sleepy", 50)
    second = worker.send_call("work", 50, peer.empty((10_000,), "f8"))
    assert worker.answer_to(first) is None
    worker.interrupt(first)
    assert worker.answer_to(second) is not None


def test_a_signal_without_a_message_does_nothing(start):
    worker = start(SOURCE)
    id = worker.send_call("sleepy", 100)
    for _ in range(20):
        worker.process.send_signal(signal.SIGURG)
        time.sleep(0.005)
    assert worker.answer_to(id) is None


def test_a_neighbour_in_another_thread_finishes(start):
    worker = start(SOURCE, threads=2)
    flag = new_flag()
    neighbour = worker.send_call("work", 300, peer.empty((10_000,), "f8"))
    spinning = worker.send_call("spin", flag)
    wait_for(flag)
    abort(worker, spinning)
    answers = {}
    while len(answers) < 2:
        kind, id, _ = worker.receive()
        answers[id] = kind
    assert answers == {neighbour: kinds.RESULT, spinning: kinds.ERROR}


@pytest.mark.parametrize("threads", [0, 3])
def test_a_storm_of_aborts_harms_nobody_else(start, threads):
    """Every request is answered; what was not aborted is right; nothing is left."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    worker = start(SOURCE, threads=threads)
    array = peer.empty((20_000,), "f8")
    array[:] = 1
    names = ["work", "awork", "gwork", "agwork", "spin", "aspin"]
    deadline = time.monotonic() + PATIENCE
    aborted, open_ones, wrong = {}, {}, []
    plan = []  # (when, id, whether it is the second grade)
    started = 0

    def settle(kind, id, value):
        name = open_ones[id]
        if kind == kinds.ITEM:
            worker.credit(id, 1)
            return
        del open_ones[id]
        if kind == kinds.ERROR:
            if id not in aborted or value["code"] != "ERR_ABORTED":
                wrong.append((id, name, value))
        elif name in ("work", "awork") and value is not None and not (value == 2).all():
            wrong.append((id, name, value))

    while started < 250 or open_ones:
        assert time.monotonic() < deadline, (open_ones, plan, seed)
        while started < 250 and len(open_ones) < 6:
            name = chance.choice(names)
            if name in ("gwork", "agwork"):
                args = (chance.randrange(200), array)
                id = worker.send_request(kinds.STREAM, name, args, window=2)
            elif name in ("work", "awork"):
                id = worker.send_call(name, chance.random() * 4, array)
            else:
                id = worker.send_call(name)
            started += 1
            open_ones[id] = name
            if "spin" in name or chance.random() < 0.6:
                at = time.monotonic() + chance.random() * 0.005
                plan += [(at, id, False), (at + chance.random() * 0.01, id, True)]
        now = time.monotonic()
        for entry in sorted(plan):
            when, id, second = entry
            if when > now:
                continue
            plan.remove(entry)
            if id not in open_ones:
                continue
            aborted[id] = True
            if second:
                worker.interrupt(id)
                plan.append((now + 0.05, id, True))  # until there is an answer
            else:
                worker.cancel(id)
        message = worker.channel.receive(0.001)
        if message is not None:
            kind, id, value = worker.read(message)
            del message
            settle(kind, id, value)  # each is answered once
            del value
    assert wrong == [], seed
    assert worker.call("add", 1, 2) == 3
    assert worker.call("aadd", 1, 2) == 3
    worker.call("add", 1, 2)
    stats = worker.call("stats")
    assert (stats["borrowed_blocks"], stats["own_blocks"]) == (0, 0), stats
