"""Node's side of a channel in Python, so that a worker can be tested without Node."""

import os
import signal
import subprocess
import sys

import isthmus
from extension import ROOT, linked
from isthmus import kinds
from isthmus.codec import Codec

PATIENCE = 60  # seconds; a test that waits longer is stuck

sys.path.insert(0, str(linked("peer", "peer.cc").parent))
import peer  # noqa: E402

DEFAULTS = {
    "arena_bytes": 4 << 30,
    "limit_bytes": 1 << 30,
    "retain_bytes": 256 << 20,
    "spin_ns": 0,
    "ring_bytes": 1 << 20,
}


class Failed(Exception):
    """The answer to a call was an Error; `words` is its payload."""

    def __init__(self, words):
        super().__init__(f"{words['type']}: {words['message']}")
        self.words = words


class NodeSide:
    def __init__(
        self,
        python=sys.executable,
        stdout=None,
        stderr=None,
        cwd=None,
        env=None,
        **options,
    ):
        self.channel, socket = peer.open(**{**DEFAULTS, **options})
        self.codec = Codec()
        self.socket = socket
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), **(env or {})}
        self.process = subprocess.Popen(
            [python, "-m", "isthmus", "--fd", str(socket)],
            pass_fds=[socket],
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            env=environment,
            text=True,
        )
        os.close(socket)
        self.last_id = 0

    @classmethod
    def start(
        cls,
        source="",
        kind="source",
        name="target",
        path=None,
        threads=0,
        timed=False,
        **options,
    ):
        self = cls(**options)
        target = {"kind": kind, "value": str(source), "name": name}
        hello = {"protocol": 1, "version": isthmus.__version__, "target": target}
        hello |= {"threads": threads, "timed": timed}
        self.greet(hello if path is None else {**hello, "path": path})
        return self

    def greet(self, hello):
        self.channel.send(kinds.HELLO, 0, *self.codec.encode(hello))
        kind, _, words = self.receive()
        if kind == kinds.ERROR:
            raise Failed(words)
        self.hello = words

    def receive(self):
        message = self.channel.receive(PATIENCE)
        assert message is not None, "the worker does not answer"
        return self.read(message)

    def read(self, message):
        kind, id, payload, arrays = message
        if (
            kind == kinds.DROPPED
        ):  # the core's answer to a Cancel that came before the call had begun
            return (
                kinds.ERROR,
                id,
                {"type": "Dropped", "message": "", "code": "ERR_ABORTED"},
            )
        return kind, id, self.codec.decode(payload, arrays) if payload else None

    def send_call(self, name, *args, **kwargs):
        return self.send_request(kinds.CALL, name, args, kwargs)

    def send_request(self, kind, target, args=(), kwargs=None, **options):
        """A Call, Stream or Create; the id."""
        self.last_id += 1
        request = [target, list(args)]
        if kwargs or options:
            request.append(kwargs or None)
        if options:
            request.append(options)
        self.channel.send(kind, self.last_id, *self.codec.encode(request))
        return self.last_id

    def ask(self, kind, target, args=(), kwargs=None, **options):
        """The value of its Result."""
        return self.answer_to(self.send_request(kind, target, args, kwargs, **options))

    def answer_to(self, wanted):
        """Others are dropped."""
        while True:
            kind, id, value = self.receive()
            if id == wanted and kind == kinds.ERROR:
                raise Failed(value)
            if id == wanted and kind == kinds.RESULT:
                return value

    def failure_of(self, wanted):
        try:
            value = self.answer_to(wanted)
        except Failed as failed:
            return failed.words
        raise AssertionError(f"it did not fail: {value!r}")

    def credit(self, id, items):
        self.channel.send(kinds.CREDIT, id, *self.codec.encode(items))

    def items(self, id):
        """The items of a stream: credit is given for each one that was read. Ends with the Result, which it returns."""
        while True:
            kind, of, value = self.receive()
            if kind == kinds.PRESSURE:
                continue
            assert of == id, (kind, of, value)
            if kind == kinds.ERROR:
                raise Failed(value)
            if kind == kinds.RESULT:
                return value
            assert kind == kinds.ITEM
            yield value
            del value
            self.credit(id, 1)

    def stream(self, target, *args, window=4):
        return self.items(self.send_request(kinds.STREAM, target, args, window=window))

    def cancel(self, id):
        self.channel.send(kinds.CANCEL, id, b"")

    def interrupt(self, id):
        """As Node does some time after a Cancel."""
        self.channel.send(kinds.INTERRUPT, id, b"")
        self.process.send_signal(signal.SIGURG)

    def call(self, name, *args, **kwargs):
        wanted = self.send_call(name, *args, **kwargs)
        while True:
            kind, id, value = self.receive()
            if kind == kinds.PRESSURE:
                continue
            assert id == wanted, (kind, id, value)
            if kind == kinds.ERROR:
                raise Failed(value)
            assert kind == kinds.RESULT
            return value

    def goodbye(self):
        self.channel.send(kinds.GOODBYE, 0, b"")
        return self.process.wait(PATIENCE)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
