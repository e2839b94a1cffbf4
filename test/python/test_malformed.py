"""Payloads that Node does not write: each is answered with a typed error, or ends the worker with one."""

import msgspec
import numpy as np
import pytest
from isthmus import kinds
from isthmus.codec import Codec
from isthmus.errors import JavaScriptError, ProtocolError, UnsupportedValueError
from isthmus.from_node import from_node
from isthmus.functions import Functions
from isthmus.iterators import RemoteIterator
from isthmus.objects import Objects
from msgspec.msgpack import Ext
from node_side import PATIENCE, NodeSide

encoded = msgspec.msgpack.encode


@pytest.mark.parametrize(
    "payload",
    [
        b"\xa1\x80",  # not UTF-8
        b"\x81\xa1\x80\x01",
        b"\x91" * 100_000,
        b"\x91" * 100_000 + b"\xc0",
        b"\x81\x80\xc0",  # a dict as key
        b"\x81\xd6\x01\0\0\0\0\xc0",  # a tensor as key
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xc1",
        b"",
        b"\xc7\x0c\xff\0\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",  # a date that is none
        encoded(Ext(1, b"\0")),
        encoded(Ext(3, bytes(7) + b"\1")),
        encoded(Ext(4, bytes(7) + b"\1")),
        encoded(Ext(5, b"")),
    ],
    ids=lambda payload: payload[:16].hex(),
)
def test_what_cannot_be_decoded_is_an_error_of_ours(payload):
    objects = Objects()
    objects.put(object())
    codec = Codec(Functions(None, objects), objects)
    with pytest.raises(UnsupportedValueError):
        codec.decode(payload, [np.zeros(1)])
    assert codec.decode(b"\x01", None) == 1


def test_integers_beyond_64_bits_as_keys_are_property_names():
    codec = Codec()
    assert codec.decode(*codec.encode({2**64: 1, -(2**63) - 1: 2, 5: 3, 2**64 - 1: 4})) == {
        "18446744073709551616": 1,
        "-9223372036854775809": 2,
        5: 3,
        2**64 - 1: 4,
    }


def test_every_key_that_crosses_does_so_beside_any_value():
    codec = Codec()
    keys = {None: 1, True: 2, 2.5: 3, "text": 4, 7: 5}
    assert codec.decode(*codec.encode(keys)) == keys
    assert codec.decode(*codec.encode([keys, 2**70])) == [keys, 2**70]


@pytest.mark.parametrize(
    "words",
    [
        None,
        5,
        [],
        "text",
        {},
        {"type": 1, "message": [], "traceback": {}, "code": 5, "cause": 7},
        {"type": "T", "message": "m", "code": ["ERR_VALUE"]},
        {"type": "T", "message": "m", "cause": {"cause": {"cause": "no map"}}},
    ],
    ids=repr,
)
def test_whatever_node_says_of_an_error_is_one(words):
    assert isinstance(from_node(words), JavaScriptError)


@pytest.mark.parametrize("answer", [None, 5, [], [True], [0, 1, 2], "ab", {1: 2, 3: 4}, [0, 1]])
def test_an_iterator_of_node_answers_done_and_value(answer):
    class Answering:
        def ask(self, *_):
            return answer

    with pytest.raises(ProtocolError):
        next(RemoteIterator(Answering(), 1))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_generator_that_an_iterator_of_node_misleads_fails_and_no_other_call(start, threads):
    source = "def first(values):\n    yield next(values)\n"
    node = start(source + ECHO, threads=threads)
    wanted = node.send_request(kinds.STREAM, "first", [Ext(5, b"\0\0\0\1")], window=4)
    kind, id, *_ = node.receive()
    assert kind == kinds.CALL
    node.channel.send(kinds.RESULT, id, encoded("not [done, value]"))
    assert node.failure_of(wanted)["code"] == "ERR_PROTOCOL"
    assert node.ask(kinds.CALL, "echo", [1]) == [1]


MALFORMED = [
    None,
    5,
    "echo",
    [],
    ["echo"],
    ["echo", None],
    ["echo", "args"],
    ["echo", {}],
    ["echo", Ext(5, b"\0\0\0\1")],
    ["echo", [], 5],
    ["echo", [], {1: 2}],
    ["echo", [], None, None],
    ["echo", [], None, []],
    ["echo", [], None, {"each": [1]}],
    [None, []],
    [5, []],
    [[], []],
    [[1], []],
    [[[], "get"], []],
    [["1", "get"], []],
    [{}, []],
    [Ext(5, b"\0\0\0\1"), []],
    Ext(5, b"\0\0\0\1"),
    {0: 1},
]
ECHO = "def echo(*args, **kwargs):\n    return args\n"


@pytest.mark.parametrize("kind", [kinds.CALL, kinds.STREAM, kinds.CREATE])
def test_a_malformed_request_is_answered_with_a_typed_error(start, kind):
    node = start(ECHO)
    for id, request in enumerate(MALFORMED, 1):
        node.channel.send(kind, id, encoded(request))
        words = node.failure_of(id)
        assert words["code"] in ("ERR_PROTOCOL", "ERR_ARGUMENTS"), (request, words)
    node.last_id = len(MALFORMED)
    assert node.answer_to(node.send_call("echo", 1)) == [1]


@pytest.mark.parametrize("window", [-1, 0.5, float("nan"), 2**32, "5", None, [1]])
def test_a_window_is_a_number_of_items(start, window):
    node = start("def count():\n    yield 1\n")
    node.channel.send(kinds.STREAM, 1, encoded(["count", [], None, {"window": window}]))
    assert node.failure_of(1)["code"] == "ERR_PROTOCOL"


@pytest.mark.parametrize("payload", [b"\xc1", b"", encoded("5"), encoded(-1), encoded(2.0)])
def test_a_malformed_credit_ends_the_worker(start, payload, tmp_path):
    with open(tmp_path / "stderr", "w") as stderr:
        node = start("def count():\n    yield from range(9)\n", stderr=stderr)
    node.channel.send(kinds.STREAM, 1, encoded(["count", [], None, {"window": 1}]))
    assert node.receive() == (kinds.ITEM, 1, 0)
    node.channel.send(kinds.CREDIT, 1, payload)
    assert node.process.wait(PATIENCE) == 1
    assert "isthmus: a Credit is not" in (tmp_path / "stderr").read_text()


def test_each_of_a_tensor_without_axes_is_refused_by_name(start):
    node = start(ECHO)
    for items in (np.zeros(()), np.float32(1) + np.zeros((), np.complex64)):
        wanted = node.send_request(kinds.CALL, "echo", [items], each=True)
        assert node.failure_of(wanted)["code"] == "ERR_ARGUMENTS"


def test_a_result_that_is_no_array_does_not_fit_into_one(start):
    node = start("def ragged():\n    return [[1], [2, 3]]\n")
    wanted = node.send_request(kinds.CALL, "ragged", into=np.zeros(2))
    assert node.failure_of(wanted)["code"] == "ERR_ARGUMENTS"


@pytest.mark.parametrize(
    "hello",
    [
        None,
        5,
        {},
        {"protocol": 1},
        {"protocol": 1, "version": "0", "target": 5},
        b"\xc1",
    ],
)
def test_a_malformed_hello_ends_the_worker_with_words(hello, tmp_path):
    with open(tmp_path / "stderr", "w") as stderr:
        node = NodeSide(stderr=stderr)
    payload = hello if isinstance(hello, bytes) else encoded(hello)
    node.channel.send(kinds.HELLO, 0, payload)
    assert node.process.wait(PATIENCE) == 1
    assert "isthmus: the Hello is malformed" in (tmp_path / "stderr").read_text()
    node.end()
