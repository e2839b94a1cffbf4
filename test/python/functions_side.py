"""Node's side of a channel that also answers what Python calls."""

import collections
import itertools

import node_side
from isthmus import kinds
from isthmus.codec import Codec
from msgspec.msgpack import Ext

ENDED = {
    "type": "CallbackEndedError",
    "message": "its call has ended",
    "code": "ERR_CALLBACK_ENDED",
}


class Thrown(Exception):
    """Raised by a function of a test: what JavaScript throws."""

    def __init__(self, type="Error", message="", code=None, cause=None, traceback=""):
        words = {"type": type, "message": message, "code": code, "cause": cause}
        self.words = {**words, "traceback": traceback, "notes": []}


class FunctionsSide(node_side.NodeSide):
    def __init__(self, **options):
        super().__init__(**options)
        self.codec = Codec(self)  # which finds functions that come back by callback()
        self.ids = itertools.count(1)
        self.functions = {}
        self.answers = {}
        self.told = collections.defaultdict(list)  # by kind: what needs no answer
        self.order = []  # of everything that came

    def function(self, function):
        """Something to pass: Python calls `function(*args, **kwargs)`."""
        id = next(self.ids)
        self.functions[id] = function
        return Ext(3, id.to_bytes(4, "big"))

    def callback(self, id):
        return self.functions[id]

    def iterable(self, values, closed=lambda: None):
        values = iter(values)

        def ask(verb):
            if verb == "return":
                return closed()
            for value in values:
                return [False, value]
            return [True, "returned"]

        return Ext(5, self.function(ask).data)

    def result(self, wanted):
        """Of a call that was sent; what comes in the meantime is dealt with."""
        while wanted not in self.answers:
            self.step()
        kind, value = self.answers.pop(wanted)
        if kind == kinds.ERROR:
            raise node_side.Failed(value)
        return value

    def call(self, name, *args, **kwargs):
        return self.result(self.send_call(name, *args, **kwargs))

    def step(self):
        kind, id, value = self.receive()
        self.order.append((kind, id))
        if kind == kinds.CALL:
            self.answer(id, *value)
        elif kind in (kinds.RESULT, kinds.ERROR):
            self.answers[id] = kind, value
        else:
            self.told[kind].append((id, value))

    def until_told(self, kind):
        while not self.told[kind]:
            self.step()
        return self.told[kind].pop(0)

    def answer(self, id, function, args, kwargs=None):
        called = self.functions.get(function)
        if called is None:
            self.send(kinds.ERROR, id, ENDED)
            return
        try:
            self.send(kinds.RESULT, id, called(*args, **(kwargs or {})))
        except Thrown as thrown:
            self.send(kinds.ERROR, id, thrown.words)

    def send(self, kind, id, value):
        self.channel.send(kind, id, *self.codec.encode(value))
