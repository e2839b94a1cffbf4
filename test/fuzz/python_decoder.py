"""Whatever Node sends, a worker answers with a value or a typed error, and keeps nothing of it.

    python python_decoder.py replay <module> <files and folders …>
    python python_decoder.py fuzz <module> <libFuzzer's arguments …>      # a module built with libFuzzer

An input is a message (test/python/decoder_input.h). It goes through a ring, the extension, and then either the codec
alone, which must give the same value back that it has read, or the server, which must answer. `<module>` is
test/python/decoder_peer.cc; it stands for isthmus._native, and plays Node.
"""

import importlib.util
import sys
from contextlib import suppress
from math import copysign
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "python")]


def load_peer(path):
    """In place of the extension, before anything imports that."""
    spec = importlib.util.spec_from_file_location("decoder_peer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules["isthmus._native"] = module
    return module


_command, _module, *_arguments = sys.argv[1:]
peer = load_peer(_module)

import gc  # noqa: E402

import isthmus  # noqa: E402
import numpy as np  # noqa: E402
from isthmus import errors, kinds  # noqa: E402
from isthmus.codec import Codec  # noqa: E402
from isthmus.dispatch import Dispatch  # noqa: E402
from isthmus.from_node import from_node  # noqa: E402
from isthmus.iterators import RemoteIterator  # noqa: E402
from isthmus.worker import make_server  # noqa: E402

HANDLED_BY_SERVER = 1  # in the first byte of an input
STEPS = 16  # of streams, for each input
ANSWERED = (kinds.CALL, kinds.STREAM, kinds.CREATE)


def echo(*args, **kwargs):
    return [args, kwargs]


def count(*args):
    yield from args


def total(values, out=None):
    return len(values) if isinstance(values, list) else 0


class Box:
    def __init__(self, *args):
        self.args = args

    def get(self, *args):
        return args


class Conversation:
    """A worker without a process of its own."""

    def __init__(self):
        self.channel = peer.open()
        module = ModuleType("target")
        module.__dict__.update(echo=echo, count=count, total=total, Box=Box)
        self.server = make_server(self.channel, Dispatch(module), {})
        self.codec = self.server.make_codec()

    def run(self, data):
        if not peer.deliver(data):
            return
        try:
            message = self.channel.receive(0)
        except errors.ProtocolError:
            return  # the core refuses it
        if message is None:
            return
        kind, id, payload, arrays = message
        del message
        if data[:1] and data[0] & HANDLED_BY_SERVER:
            self.serve(kind, id, payload, arrays)
        else:
            self.decode(id, payload, arrays)

    # --- the codec ---

    def decode(self, id, payload, arrays):
        sent = list(arrays) if isinstance(arrays, list) else None
        try:
            value = self.codec.decode(payload, arrays)
        except errors.IsthmusError:
            return
        assert not arrays, "the codec has kept arrays"
        for read in (from_node, self.next_of):
            with suppress(errors.IsthmusError, StopIteration):
                read(value)
        try:
            again, named = self.codec.encode(value)
        except errors.UnsupportedValueError:
            return  # iterators of Node, and what nests deeper than it may
        if named is not None:
            assert all(any(array is one for one in sent) for array in named)
        assert same(self.codec.decode(again, named and list(named)), value), "it has changed"
        if named is not None:
            self.channel.send(kinds.RESULT, id, again, named, False)

    def next_of(self, answer):
        """As when an iterable of Node has answered so."""

        class Functions:
            dropped = ()

            def ask(self, *_):
                return answer

        iterator = RemoteIterator(Functions(), 1)
        return next(iterator)

    # --- the server ---

    def serve(self, kind, id, payload, arrays):
        server = self.server
        waiting = id in server.active
        try:
            server.handle(kind, id, payload, arrays)
            del payload, arrays
            for _ in range(STEPS):
                server.turn()
            for active in list(server.active.values()):
                active.cancel()
            while server.turn():
                pass
        except errors.ClosedError:
            return
        except errors.ProtocolError:
            self.drop_all()
            return  # which ends the worker
        server.leaving = False
        given = 0
        for kind_of, id_of, words in peer.answers():
            if kind_of == kinds.ERROR:
                check_error(Codec().decode(words, None))
            given += id_of == id and kind_of in (kinds.RESULT, kinds.ERROR)
        if kind in ANSWERED and not waiting:
            assert given == 1, f"{given} answers"
        self.drop_all()

    def settle(self):
        """Node reads what it has been sent, and gives the blocks back."""
        if not self.channel.closed:
            self.server.functions.flush()
        peer.answers()
        if not self.channel.closed:
            assert self.channel.receive(0) is None

    def drop_all(self):
        for number in list(self.server.objects._instances):
            self.server.objects.drop(number)
        self.server.active.clear()
        self.server._ready.clear()


def check_error(words):
    """Nothing that is called here raises by itself, so each error is one of ours."""
    assert words["code"] is not None, words["type"] + ": " + words["message"] + words["traceback"]


def same(a, b):
    """Without recursion: values nest as deep as they may."""
    pairs = [(a, b)]
    for a, b in pairs:
        if isinstance(a, np.ndarray):
            if a is not b:
                return False
        elif type(a) is not type(b):
            return False
        elif isinstance(a, list | tuple):
            pairs += zip(a, b, strict=True)
        elif isinstance(a, dict):
            pairs += zip(map(name_in_node, a), map(name_in_node, b), strict=True)
            pairs += zip(a.values(), b.values(), strict=True)
        elif isinstance(a, float):
            if not ((a == b and copysign(1, a) == copysign(1, b)) or (a != a and b != b)):
                return False
        elif a != b:
            return False
    return True


def name_in_node(key):
    return str(key) if type(key) is int else key


conversation = Conversation()


def try_input(data):
    global conversation
    conversation.run(data)
    conversation.settle()
    if conversation.channel.closed:
        conversation = None
        gc.collect()
        assert peer.held() == 0, "blocks are held after the end"
        conversation = Conversation()
    elif peer.held() != 0:
        gc.collect()
        assert peer.held() == 0, "blocks are held"
    assert peer.is_valid()


def files_of(paths):
    for path in map(Path, paths):
        yield from sorted(path.iterdir()) if path.is_dir() else [path]


gc.collect()
gc.freeze()  # so that looking for what is held is quick
if _command == "fuzz":
    peer.fuzz(try_input, *_arguments)
else:
    files = list(files_of(_arguments))
    for file in files:
        print(file.name, flush=True)
        try_input(file.read_bytes())
    print(f"{len(files)} inputs, {isthmus.__version__}")
