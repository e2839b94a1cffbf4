import datetime
import decimal
import enum
import gc
import math
import uuid
import weakref
from dataclasses import dataclass

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from isthmus.codec import Codec
from isthmus.errors import UnsupportedValueError

codec = Codec()


def round_trip(value):
    return codec.decode(*codec.encode(value))


def same(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return (a == b and math.copysign(1, a) == math.copysign(1, b)) or (a != a and b != b)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and a == b


instants = st.datetimes(
    min_value=datetime.datetime(1, 1, 2), max_value=datetime.datetime(9999, 12, 30)
).map(lambda time: time.replace(tzinfo=datetime.UTC))
text = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | text | st.binary() | instants
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=20
)


@given(values)
def test_every_plain_value_round_trips(value):
    assert same(round_trip(value), value)


@given(st.integers(min_value=-(2**300), max_value=2**300))
def test_integers_of_any_size_round_trip(value):
    assert round_trip([value, {"deep": [value]}]) == [value, {"deep": [value]}]


@pytest.mark.parametrize(
    "value", [2**63, 2**64 - 1, 2**64, 2**71, -(2**63), -(2**63) - 1, -(2**71), -(2**72)]
)
def test_integers_at_the_edges_round_trip(value):
    assert round_trip(value) == value


def test_wide_integers_are_twos_complement():
    payload, _ = codec.encode(2**64)
    assert msgspec.msgpack.decode(payload) == msgspec.msgpack.Ext(2, b"\x01" + bytes(8))


def test_arrays_keep_their_place_at_any_depth():
    a, b, c = np.arange(3), np.float32([[1]]), np.array(True)
    value = {"a": a, "list": [1, (b, {"c": c})], "again": a}
    payload, arrays = codec.encode(value)
    assert [id(array) for array in arrays] == [id(a), id(b), id(c), id(a)]
    back = codec.decode(payload, list(arrays))
    assert back["a"] is a and back["list"][1][0] is b and back["list"][1][1]["c"] is c
    assert back["again"] is a


def test_more_arrays_than_are_prepared_keep_their_order():
    arrays = [np.array(index) for index in range(300)]
    assert [int(array) for array in round_trip(arrays)] == list(range(300))


def test_wide_integers_beside_arrays():
    array = np.arange(2)
    back = round_trip([2**80, array, {"x": -(2**90), "y": array}])
    assert back[0] == 2**80 and back[1] is array and back[2]["x"] == -(2**90)
    assert back[2]["y"] is array


class Colour(enum.Enum):
    RED = "red"


class Number(enum.IntEnum):
    BIG = 2**70


@dataclass
class Point:
    x: int
    y: float


class Record(msgspec.Struct, rename={"first": "erste"}):
    first: int


class Text(str):
    pass


class Integer(int):
    pass


class WithArray:
    def __array__(self, dtype=None, copy=None):
        return np.arange(4, dtype=dtype)


@pytest.mark.parametrize(
    "value, arrives",
    [
        ((1, 2), [1, 2]),
        ({3}, [3]),
        (frozenset([3]), [3]),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        ({1: 2}, {1: 2}),
        (np.bool_(True), True),
        (np.int8(-3), -3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.float16(0.5), 0.5),
        (np.float32(0.25), 0.25),
        (np.float64(0.1), 0.1),
        (np.str_("x"), "x"),
        (np.bytes_(b"x"), b"x"),
        (datetime.datetime(2020, 1, 2, 3), "2020-01-02T03:00:00"),
        (datetime.date(2020, 1, 2), "2020-01-02"),
        (datetime.time(1, 2), "01:02:00"),
        (decimal.Decimal("1.50"), "1.50"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Colour.RED, "red"),
        (Number.BIG, 2**70),
        (Point(1, 2.5), {"x": 1, "y": 2.5}),
        (Point(2**70, 2.5), {"x": 2**70, "y": 2.5}),
        (Record(1), {"erste": 1}),
        (Record(2**70), {"erste": 2**70}),
        (Text("x"), "x"),
        (Integer(5), 5),
        (Integer(2**70), 2**70),
    ],
    ids=repr,
)
def test_what_python_also_sends(value, arrives):
    assert same(round_trip(value), arrives)
    assert same(round_trip([value]), [arrives])


@pytest.mark.parametrize(
    "value, dtype",
    [
        (1 + 2j, "complex128"),
        (np.complex64(1j), "complex64"),
        (np.datetime64("2020-01-01", "D"), "datetime64[D]"),
        (np.timedelta64(3, "ms"), "timedelta64[ms]"),
        (WithArray(), "int64"),
    ],
)
def test_what_is_sent_as_a_tensor(value, dtype):
    _, arrays = codec.encode({"x": value})
    assert arrays[0].dtype == dtype
    assert np.array_equal(arrays[0], np.asarray(value))


@pytest.mark.parametrize(
    "value, path",
    [
        (object(), "result"),
        ([1, {"items": [0, 0, 0, {"mask": object()}]}], "result[1].items[3].mask"),
        ({"a b": [print]}, "result['a b'][0]"),
        ((1, np.array(["text"])), "result[1]"),
        ({"o": np.array([None])}, "result.o"),
        ({"o": np.array([(1, 2.0)], dtype="i4,f4")}, "result.o"),
        ({"o": np.longdouble(1)}, "result.o"),
        ({"m": np.ma.masked_array([1, 2], [True, False])}, "result.m"),
        (Point(1, object()), "result.y"),
        ({"s": "\ud800"}, "result.s"),
        ({"\ud800": 1}, "result"),
        (iter([1]), "result"),
        (range(3), "result"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_cannot_be_sent_is_named_by_its_path(value, path):
    with pytest.raises(UnsupportedValueError) as raised:
        codec.encode(value)
    assert raised.value.path == path
    assert str(raised.value).startswith(path + ": ")
    assert round_trip([np.arange(2)])[0][1] == 1  # nothing is left of the failed one


def test_a_value_that_contains_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(UnsupportedValueError, match="contains itself"):
        codec.encode(value)


def test_an_unknown_extension_type_is_refused():
    with pytest.raises(UnsupportedValueError, match="extension type 77"):
        codec.decode(msgspec.msgpack.encode(msgspec.msgpack.Ext(77, b"x")), None)


def test_a_tensor_that_is_not_there_is_refused():
    payload, arrays = codec.encode([np.arange(2), np.arange(2)])
    with pytest.raises(UnsupportedValueError):
        codec.decode(payload, arrays[:1])


def test_decoding_leaves_only_the_value_holding_the_arrays():
    payload, arrays = codec.encode([np.arange(2)])
    codec.decode(payload, arrays)
    assert arrays == []


def test_a_codec_that_nobody_uses_is_collected():
    unused = Codec()
    unused.encode([np.zeros(3)])
    gone = weakref.ref(unused)
    del unused
    gc.collect()
    assert gone() is None


def test_an_error_in_place_of_the_arrays_is_raised():
    with pytest.raises(MemoryError):
        codec.decode(b"\x01", MemoryError())
