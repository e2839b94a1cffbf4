"""Waiting beside others: answers to calls of threads, interruption, an event loop's own waiting."""

import gc
import signal
import time

import numpy as np
import peer
import pytest
from isthmus import kinds
from script_side import ScriptSide


@pytest.fixture
def run():
    """run(source, **options): Node's side of a process that runs it."""
    started = []

    def run_script(source, **options):
        started.append(ScriptSide(source, **options))
        return started[-1]

    yield run_script
    for script in started:
        script.end()


@pytest.mark.parametrize("spin_ns", [0, 50_000])
def test_threads_get_each_its_own_answer_while_another_receives(run, spin_ns):
    script = run(
        """
        got = []
        def calls(first):
            for id in range(first, first + 300):
                channel.expect(id)
                channel.send(kinds.CALL, id, b"")
                kind, answered, payload, _ = channel.receive_answer(id)
                got.append(answered == id and payload == b"%d" % id)
        threads = [started(calls, 1000 * count) for count in range(4)]
        received = 0
        while received < 1200:
            received += channel.receive() is not None
        for thread in threads: thread.join()
        tell(len(got), all(got))
        """,
        spin_ns=spin_ns,
    )
    for _ in range(1200):
        id = script.next_call()
        script.channel.send(kinds.CALL, id, b"of Node's own")
        script.channel.send(kinds.RESULT, id, b"%d" % id)
    assert script.told() == [1200, True]


def test_an_answer_is_not_received_and_an_asynchronous_one_is(run):
    script = run(
        """
        channel.expect(1)
        channel.send(kinds.CALL, 1, b"")
        first = channel.receive()
        tell(first[0], first[1], channel.receive(0), channel.receive_answer(1)[2].decode())
        """
    )
    assert script.next_call() == 1
    script.channel.send(kinds.RESULT, 1, b"for the thread")
    script.channel.send(kinds.RESULT, 2, b"for nobody")
    script.channel.send(kinds.ERROR, (1 << 31) + 1, b"for asyncio")
    assert script.told() == [kinds.ERROR, (1 << 31) + 1, None, "for the thread"]


def test_waiting_for_an_answer_ends_in_time_and_needs_that_it_is_expected(run):
    script = run(
        """
        channel.expect(1)
        channel.expect(2)
        thread = started(lambda: tell(raised(channel.receive_answer, 2)))
        until(lambda: parks() == 1)
        channel.forget(2)
        thread.join()
        tell(channel.receive_answer(1, 0), channel.receive_answer(1, 0.001), channel.receive(0))
        tell(*[raised(channel.receive_answer, 3), raised(channel.expect, 1 << 31), raised(channel.expect, 1 << 32)],
             *[raised(channel.expect, "1"), raised(channel.receive_answer), raised(channel.forget, -1)])
        """
    )
    assert script.told() == ["LookupError"]
    assert script.told() == [None, None, None]
    assert script.told() == [
        *["LookupError", "ValueError", "ValueError"],
        *["TypeError", "TypeError", "OverflowError"],
    ]


def test_a_forgotten_answer_gives_its_arrays_back(run):
    script = run(
        """
        for id in (1, 2, 3): channel.expect(id)
        tell()
        until(lambda: channel.receive(0) is not None)
        channel.forget(1)
        total = float(channel.receive_answer(2)[3][0].sum())
        tell(total)
        channel.receive()
        channel.forget(3)
        channel.trim()
        tell(_native.stats()["borrowed_blocks"])
        time.sleep(60)
        """
    )
    array = np.ones(100_000)
    assert script.told() == []
    for id in (1, 2, 4):
        script.channel.send(kinds.RESULT, id, b"", [array])
    script.channel.send(kinds.CALL, 1, b"")
    assert script.told() == [100_000]
    script.channel.send(kinds.RESULT, 3, b"", [array])
    script.channel.send(kinds.CALL, 2, b"")
    assert script.told() == [0]
    gc.collect()
    script.channel.receive(0)
    assert peer.stats()["lent_leases"] == 0
    assert peer.is_valid()


def test_what_is_queued_for_a_call_is_seen_and_stays(run):
    script = run(
        """
        tell(channel.cancelled(1))
        until(lambda: channel.cancelled(2))
        tell(channel.cancelled(1), channel.cancelled(2), channel.cancelled(3))
        until(lambda: channel.cancelled(2) == 2)
        tell([channel.receive()[:2] for _ in range(3)], channel.receive(0), channel.cancelled(2))
        """
    )
    assert script.told() == [0]
    script.channel.send(kinds.STREAM, 1, b"")
    script.channel.send(kinds.CREATE, 3, b"")
    script.channel.send(kinds.CANCEL, 3, b"")  # still in the queue: dropped with its call
    script.channel.send(kinds.CANCEL, 2, b"")
    assert script.told() == [0, 1, 0]
    script.channel.send(kinds.INTERRUPT, 2, b"")
    expected = [[kinds.STREAM, 1], [kinds.CANCEL, 2], [kinds.INTERRUPT, 2]]
    assert script.told() == [expected, None, 0]


def test_a_signal_handler_may_use_the_channel_while_it_waits_and_may_raise(run):
    script = run(
        """
        class Stop(BaseException): pass
        def handler(*_):
            message = channel.receive(0)
            tell("handler", message and message[1], channel.cancelled(7), channel.receive_answer(6, 0))
            if message: raise Stop
        signal.signal(signal.SIGURG, handler)
        channel.expect(5)
        channel.expect(6)
        channel.send(kinds.CALL, 5, b"")
        tell("none", channel.receive_answer(5))
        channel.send(kinds.CALL, 5, b"")
        tell("raised", raised(channel.receive_answer, 5))
        channel.send(kinds.CALL, 5, b"")
        tell("answer", channel.receive_answer(5)[1], channel.cancelled(7))
        """
    )
    script.next_call()
    time.sleep(0.05)
    script.process.send_signal(signal.SIGURG)
    assert script.told() == ["handler", None, 0, None]
    assert script.told() == ["none", None]
    script.next_call()
    script.channel.send(kinds.CALL, 9, b"")
    script.channel.send(kinds.CANCEL, 7, b"")
    time.sleep(0.05)
    script.process.send_signal(signal.SIGURG)
    assert script.told() == ["handler", 9, 1, None]
    assert script.told() == ["raised", "Stop"]
    script.next_call()
    script.channel.send(kinds.RESULT, 5, b"")
    assert script.told() == ["answer", 5, 1]


def test_a_signal_handler_may_use_the_channel_while_a_send_waits_for_room(run):
    script = run(
        """
        seen = []
        def handler(*_):
            message = channel.receive(0)
            seen.append([channel.send(kinds.ITEM, 2, b"", None, False), channel.cancelled(7), message and message[1]])
        signal.signal(signal.SIGURG, handler)
        for payload in (b"x" * 500, b""):
            while channel.send(kinds.ITEM, 1, payload, None, False): pass
        started(lambda: (until(lambda: parks() > 0), time.sleep(0.05), os.kill(os.getpid(), signal.SIGURG)))
        tell("after the items")
        tell(seen)
        """,
        ring_bytes=4096,
    )
    script.channel.send(kinds.CALL, 9, b"")
    script.channel.send(kinds.INTERRUPT, 7, b"")
    while peer.stats()["parks"] < 2:  # of the script: once more after its handler
        time.sleep(0.001)
    assert script.told() == ["after the items"]
    assert script.told() == [[[False, 2, 9]]]


def test_an_interrupt_that_arrives_ends_the_waits_for_answers_once(run):
    script = run(
        """
        channel.expect(1)
        channel.expect(2)
        thread = started(lambda: tell("thread", channel.receive_answer(2)))
        until(lambda: parks() == 1)
        channel.send(kinds.CALL, 1, b"")
        message = channel.receive_answer(1)
        thread.join()
        tell(message, channel.cancelled(3), channel.receive_answer(1, 0.01), channel.cancelled(3))
        """
    )
    script.next_call()
    time.sleep(0.05)
    script.channel.send(kinds.INTERRUPT, 3, b"")
    assert script.told() == ["thread", None]
    assert script.told() == [None, 2, None, 2]


INTERRUPTED = """
class Cancelled(BaseException): pass
signal.signal(signal.SIGURG, lambda *_: None)
channel.expect(1)
def wait():
    try:
        ready.set()
        while True: work()
    except Cancelled: tell("cancelled")
ready = threading.Event()
"""


@pytest.mark.parametrize(
    "work",
    ["channel.receive_answer(1)", "channel.receive()", "sum(range(100))", "time.sleep(0.01)"],
)
def test_a_thread_is_interrupted_wherever_it_is(run, work):
    script = run(
        INTERRUPTED
        + f"""
def work(): {work}
for pause in (0, 0.0001, 0.02):
    ready.clear()
    thread = started(wait)
    ready.wait()
    time.sleep(pause)
    interrupt(thread.ident, Cancelled)
    thread.join()
tell("end")
"""
    )
    assert [script.told() for _ in range(4)] == [*[["cancelled"]] * 3, ["end"]]


def test_an_interruption_is_never_lost_between_python_and_the_wait(run):
    script = run(
        INTERRUPTED
        + """
def work(): channel.receive_answer(1, 30)
def tell(*_): pass
before = time.monotonic()
for count in range(1000):
    ready.clear()
    thread = started(wait)
    ready.wait()
    for _ in range(count % 50 * 10): pass
    interrupt(thread.ident, Cancelled)
    thread.join()
channel.send(kinds.LOG, 0, json.dumps(time.monotonic() - before < 25).encode())
"""
    )
    assert script.told() is True


def test_an_interruption_can_be_taken_back_and_needs_a_thread_and_a_class(run):
    script = run(
        """
        class Cancelled(BaseException): pass
        me = threading.get_ident()
        def other(): interrupt(me, Cancelled); interrupt(me, None)
        sys.setswitchinterval(10)  # so that the other thread does both at a time
        thread = started(other)
        thread.join()
        ended = thread.ident
        interrupt(ended, Cancelled)
        interrupt(12345, Cancelled)
        tell(*[raised(interrupt, me, 1), raised(interrupt, me, Cancelled()), raised(interrupt, me)],
             raised(interrupt, "1", None))
        def itself():
            interrupt(threading.get_ident(), Cancelled)
            for _ in range(10): pass
        tell(raised(itself))
        """
    )
    assert script.told() == ["TypeError"] * 4
    assert script.told() == ["Cancelled"]


def test_closing_wakes_threads_that_wait_for_answers(run):
    script = run(
        """
        names = []
        for id in (1, 2): channel.expect(id)
        threads = [started(lambda id=id: names.append(raised(channel.receive_answer, id))) for id in (1, 2)]
        until(lambda: parks() == 2)
        channel.close()
        for thread in threads: thread.join()
        names += [raised(channel.receive_answer, 1, 0), raised(channel.receive, 0)]
        sys.exit(0 if names == ["ClosedError"] * 4 else str(names))
        """
    )
    assert script.process.wait(60) == 0


@pytest.mark.parametrize("spin_ns", [0, 50_000])
def test_a_selector_and_threads_wait_side_by_side(run, spin_ns):
    script = run(
        """
        def calls(first):
            for id in range(first, first + 300):
                channel.expect(id)
                channel.send(kinds.CALL, id, b"")
                channel.receive_answer(id)
        selector = select.epoll()
        selector.register(channel.event, select.EPOLLIN)
        threads = [started(calls, 1000 * count) for count in range(3)]
        received = 0
        while received < 900:
            if not channel.poll(0.001) and channel.park():
                try: selector.poll(-1)
                finally: channel.unpark()
            while channel.receive(0) is not None: received += 1
        for thread in threads: thread.join()
        tell(received, channel.poll(0))
        """,
        spin_ns=spin_ns,
    )
    for _ in range(900):
        id = script.next_call()
        script.channel.send(kinds.CALL, id, b"")
        script.channel.send(kinds.RESULT, id, b"")
    assert script.told() == [900, False]


def test_a_signal_handler_may_wait_for_an_answer_while_the_loop_is_parked(run):
    script = run(
        """
        def handler(*_):
            channel.expect(1)
            channel.send(kinds.CALL, 1, b"")
            tell("answer", channel.receive_answer(1)[1])
        signal.signal(signal.SIGURG, handler)
        selector = select.epoll()
        selector.register(channel.event, select.EPOLLIN)
        parked = channel.park()
        started(lambda: os.kill(os.getpid(), signal.SIGURG))
        events = selector.poll(30)
        channel.unpark()
        tell(parked, len(events), channel.receive(0) is not None, selector.poll(0))
        """
    )
    id = script.next_call()
    script.channel.send(kinds.CALL, 2, b"")
    script.channel.send(kinds.RESULT, id, b"")
    assert script.told() == ["answer", 1]
    assert script.told() == [True, 1, True, []]


def test_the_time_that_a_call_took_is_sent_with_its_answer(run):
    script = run(
        """
        channel.send(kinds.RESULT, 1, b"", None, True, 123_456_789_012)
        channel.send(kinds.RESULT, 2, b"", None, True, 0)
        channel.send(kinds.ERROR, 3, b"", None, True, 1)
        tell(raised(channel.send, kinds.RESULT, 1, b"", None, True, -1))
        """
    )
    assert [peer.next_elapsed() for _ in range(3)] == [123_456_789_012, None, 1]
    assert script.told() == ["OverflowError"]


def test_in_a_forked_child_nothing_is_expected(run):
    script = run(
        """
        channel.expect(1)
        read, write = os.pipe()
        if os.fork() == 0:
            names = [raised(channel.expect, 2), raised(channel.receive_answer, 1), raised(channel.poll, 0)]
            names += [raised(channel.park), channel.forget(1), channel.unpark(), channel.cancelled(1)]
            os.write(write, json.dumps(names).encode())
            os._exit(0)
        os.wait()
        tell(*json.loads(os.read(read, 1000)))
        tell(channel.receive_answer(1)[1])
        """
    )
    assert script.told() == [*["ForkedError"] * 4, None, None, 0]
    script.channel.send(kinds.RESULT, 1, b"")
    assert script.told() == [1]
