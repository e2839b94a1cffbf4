"""fork() in a worker: the child harms nobody and does not crash."""

import numpy as np
import peer

SOURCE = """
import multiprocessing, os, sys
import numpy as np
import isthmus
from isthmus.errors import ForkedError

context = multiprocessing.get_context("fork")
kept = []

def in_child(function):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            os.close(read)
            text = repr(function())
            os.write(write, text.encode())
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    return [text, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])]

def prepare():
    kept.append(np.arange(1_000_000))
def child_reads_and_writes():
    a = kept[0]
    def work():
        total = int(a.sum())
        a[:] = -1
        b = a * 2                     # ordinary memory
        del b
        c = np.zeros(1_000_000); d = np.ones(1_000_000)
        d.resize(2_000_000, refcheck=False)
        return [total, int(a[0]), float(c.sum())]
    answer = in_child(work)
    return [answer, int(a[0]), int(a.sum())]
def child_sees_a_snapshot():
    a = kept[0]
    ready, go = os.pipe(), os.pipe()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.read(go[0], 1)             # until the parent has written
        os.write(write, str(int(a.sum())).encode())
        os._exit(0)
    a[:] = 7
    os.write(go[1], b"x")
    text = os.read(read, 100).decode()
    os.waitpid(pid, 0)
    return int(text)
def child_cannot_send():
    def work():
        raised = []
        for use in (lambda: isthmus.empty(3), isthmus.stats, lambda: isthmus.is_shared(kept[0])):
            try: use()
            except ForkedError as error: raised.append(error.code)
        return raised
    return in_child(work)
def child_exits_normally():
    pid = os.fork()
    if pid == 0:
        sys.exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
def child_returns():
    pid = os.fork()
    if pid == 0:
        return "from the child"
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
def descriptors():
    def work():
        return [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if int(fd) < 100 and os.path.exists(f"/proc/self/fd/{fd}")]
    return in_child(work)
def pool(array):
    with context.Pool(2) as workers:
        return workers.map(total, [array[i::4] for i in range(4)])
def total(a): return float(a.sum())
def in_process(array):
    queue = context.SimpleQueue()
    process = context.Process(target=lambda: queue.put((array * 2).sum()))
    process.start()
    answer = queue.get()
    process.join()
    return [float(answer), process.exitcode]
def kept_sum(): return int(kept[0].sum())
def stats(): return isthmus.stats()
"""


def test_the_child_writes_only_its_own_memory(start):
    worker = start(SOURCE)
    worker.call("prepare")
    answer, first, total = worker.call("child_reads_and_writes")
    assert answer == ["[499999500000, -1, 0.0]", 0]
    assert (first, total) == (0, 499999500000)


def test_the_child_sees_blocks_as_they_were_when_it_was_forked(start):
    worker = start(SOURCE)
    worker.call("prepare")
    assert worker.call("child_sees_a_snapshot") == 499999500000


def test_in_the_child_the_channel_refuses(start):
    worker = start(SOURCE)
    worker.call("prepare")
    assert worker.call("child_cannot_send") == ["['ERR_FORKED', 'ERR_FORKED', 'ERR_FORKED']", 0]


def test_the_child_exits_without_a_crash(start):
    worker = start(SOURCE)
    worker.call("prepare")
    assert worker.call("child_exits_normally") == 0
    assert worker.call("kept_sum") == 499999500000


def test_a_child_that_returns_from_the_call_ends_and_only_the_parent_answers(start):
    worker = start(SOURCE)
    assert worker.call("child_returns") == 1


def test_multiprocessing_by_fork_computes_on_shared_arrays(start):
    worker = start(SOURCE)
    array = peer.empty((400_000,), "f8")
    array[:] = np.arange(400_000)
    assert sum(worker.call("pool", array)) == array.sum()
    assert worker.call("in_process", array) == [array.sum() * 2, 0]
    stats = worker.call("stats")
    assert (stats["own_blocks"], stats["borrowed_blocks"]) == (0, 0)
    assert peer.is_valid()


def test_the_child_holds_neither_socket_nor_events(start):
    text, code = start(SOURCE).call("descriptors")
    assert code == 0 and "socket" not in text


def test_the_parent_goes_on_after_many_forks(start):
    worker = start(SOURCE)
    worker.call("prepare")
    for _ in range(20):
        assert worker.call("child_exits_normally") == 0
    array = worker.call("kept_sum")
    assert array == 499999500000
