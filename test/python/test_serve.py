"""The loop that serves calls."""

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import peer
import pytest
from isthmus import kinds
from node_side import PATIENCE, Failed

SOURCE = """
import gc, os, signal, sys, time
import numpy as np
import isthmus

def add(a, b, *, c=0): return a + b + c
def boom(x): raise ValueError(f"no {x}")
def bad(): return {"items": [object()]}
def leave(code): sys.exit(code)
def interrupt(): raise KeyboardInterrupt("by hand")
def echo(x): return x
def keep(x):
    array = x * 2
    raise RuntimeError("with an array in the frame")
def type_error(): return len(3)
def inner(): return add()
def loop():
    while True: pass
def ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)
    return "alive"
def say():
    print("hello")
    print("caf\\udc80", file=sys.stderr)
def stats(): return isthmus.stats()
def big(n): return "x" * n
"""


def failure(worker, name, *args, **kwargs):
    with pytest.raises(Failed) as raised:
        worker.call(name, *args, **kwargs)
    return raised.value.words


def test_calls_positional_and_by_keyword(start):
    worker = start(SOURCE)
    assert worker.call("add", 1, 2) == 3
    assert worker.call("add", 1, b=2, c=3) == 6


def test_an_exception_is_an_error_and_the_worker_goes_on(start):
    worker = start(SOURCE)
    words = failure(worker, "boom", 3)
    assert (words["type"], words["message"], words["code"]) == ("ValueError", "no 3", None)
    assert 'raise ValueError(f"no {x}")' in words["traceback"]
    assert "worker.py" not in words["traceback"]
    assert worker.call("add", 1, 2) == 3


@pytest.mark.parametrize(
    "call, code",
    [
        (("add", 1), "ERR_ARGUMENTS"),
        (("add", 1, 2, 3), "ERR_ARGUMENTS"),
        (("type_error",), None),
        (("inner",), None),
        (("nothing",), "ERR_FUNCTION_NOT_FOUND"),
        (("bad",), "ERR_VALUE"),
        (("interrupt",), None),
    ],
)
def test_codes_say_whose_mistake_it_was(start, call, code):
    worker = start(SOURCE)
    assert failure(worker, *call)["code"] == code


def test_an_unsupported_result_names_its_path(start):
    words = failure(start(SOURCE), "bad")
    assert words["path"] == "result.items[0]"


def test_sys_exit_in_a_call_ends_the_worker_with_that_code(start):
    worker = start(SOURCE)
    worker.send_call("leave", 3)
    assert worker.process.wait(PATIENCE) == 3


def test_goodbye_ends_the_worker_after_what_was_called(start):
    worker = start(SOURCE)
    ids = [worker.send_call("add", n, n) for n in range(100)]
    worker.channel.send(kinds.GOODBYE, 0, b"")
    assert [worker.receive()[1:] for _ in ids] == [(id, 2 * n) for n, id in enumerate(ids)]
    assert worker.process.wait(PATIENCE) == 0


def test_hanging_up_ends_a_worker_in_the_middle_of_a_computation(start):
    worker = start(SOURCE)
    worker.call("add", 1, 1)
    worker.send_call("loop")
    peer.hang_up()
    assert worker.process.wait(PATIENCE) == 0


def test_hanging_up_ends_an_idle_worker(start):
    worker = start(SOURCE)
    peer.hang_up()
    assert worker.process.wait(PATIENCE) == 0


def test_ctrl_c_is_left_to_node(start):
    assert start(SOURCE).call("ctrl_c") == "alive"


def test_a_cancel_of_a_call_that_was_answered_is_ignored(start):
    worker = start(SOURCE)
    worker.channel.send(kinds.CANCEL, 99, b"")
    assert worker.call("add", 1, 1) == 2


def test_pressure_makes_it_collect_and_give_memory_back(start):
    worker = start(SOURCE)
    worker.call("add", 1, 1)
    worker.channel.send(kinds.PRESSURE, 0, b"")
    assert worker.call("stats")["hot"] == 0


def test_output_is_line_buffered_and_never_the_protocol(start):
    worker = start(SOURCE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert worker.call("say") is None
    assert worker.process.stdout.readline() == "hello\n"
    assert worker.process.stderr.readline() == "caf\\udc80\n"


def test_a_result_larger_than_the_ring_arrives(start):
    worker = start(SOURCE, ring_bytes=1 << 14)
    assert worker.call("big", 1_000_000) == "x" * 1_000_000


def test_many_calls_at_once_with_a_small_ring_lose_nothing(start):
    worker = start(SOURCE, ring_bytes=1 << 12)
    ids = []
    answers = []
    for n in range(2000):
        ids.append(worker.send_call("echo", "x" * (n % 200)))
        while len(ids) - len(answers) > 20:
            answers.append(worker.receive())
    while len(answers) < len(ids):
        answers.append(worker.receive())
    assert [(id, value) for _, id, value in answers] == [
        (id, "x" * (n % 200)) for n, id in enumerate(ids)
    ]


def test_nothing_of_a_call_is_held_after_it(start):
    worker = start(SOURCE)
    array = peer.empty((1000, 100), "f8")
    for name in ("echo", "keep", "boom", "nothing"):
        with contextlib.suppress(Failed):
            worker.call(name, array)
    # A failed call has let go of its arrays, and so has every call before this one.
    stats = worker.call("stats")
    assert (stats["borrowed_blocks"], stats["own_blocks"]) == (0, 0)
    worker.call("add", 1, 1)
    assert peer.stats()["lent_leases"] == 0


def test_an_idle_worker_sleeps_and_is_not_woken(start):
    worker = start(SOURCE, spin_ns=100_000)
    worker.call("add", 1, 1)

    def status():
        lines = Path(f"/proc/{worker.process.pid}/status").read_text().splitlines()
        return dict(line.split(":\t", 1) for line in lines if ":\t" in line)

    deadline = time.monotonic() + PATIENCE
    while not status()["State"].startswith("S"):
        assert time.monotonic() < deadline, status()
    before = status()["voluntary_ctxt_switches"]
    time.sleep(0.5)  # what is looked at, not a synchronisation
    assert status()["State"].startswith("S")
    assert status()["voluntary_ctxt_switches"] == before  # it was not even woken to look


def test_the_worker_dies_with_node(tmp_path):
    """A process that plays Node starts a worker and is killed; nobody is left."""
    script = tmp_path / "node.py"
    script.write_text(
        "import sys\n"
        f"sys.path[:0] = {[str(p) for p in sys.path if p]!r}\n"
        "from node_side import NodeSide\n"
        "worker = NodeSide.start('import time\\ndef loop():\\n while True: pass')\n"
        "worker.send_call('loop')\n"
        "print(worker.process.pid, flush=True)\n"
        "worker.process.wait()\n"
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as node:
        pid = int(node.stdout.readline())
        node.kill()
    deadline = time.monotonic() + PATIENCE
    while alive(pid):
        assert time.monotonic() < deadline, "the worker outlived Node"
        time.sleep(0.01)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_arrays_of_every_dtype_come_back_as_they_were(start):
    worker = start(SOURCE)
    dtypes = [
        "?",
        "i1",
        "i2",
        "i4",
        "i8",
        "u1",
        "u2",
        "u4",
        "u8",
        "f2",
        "f4",
        "f8",
        "c8",
        "c16",
        "M8[ns]",
        "m8[D]",
        "M8",
        "m8",
    ]
    for dtype in dtypes:
        for shape in ((), (0,), (3,), (2, 3), (1, 0, 2)):
            sent = (np.arange(np.prod(shape, dtype=int)) % 2).astype(dtype).reshape(shape)
            back = worker.call("echo", sent)
            assert back.dtype == sent.dtype and back.shape == shape
            assert np.array_equal(back, sent) and back.flags.writeable
