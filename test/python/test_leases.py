"""Leases: views keep them, slices are found, foreign arrays are copied and counted."""

import gc

import numpy as np
import peer
import pytest
from isthmus.errors import UnsupportedValueError

SOURCE = """
import gc
import numpy as np
import isthmus

kept = []
def keep(x): kept.append(x)
def keep_view(x): kept.append(x[1:3, ::2].T)
def kept_sum(): return float(kept[0].sum())
def drop(): kept.clear()
def stats(): return isthmus.stats()
def echo(x): return x
def views():
    a = np.arange(24_000, dtype="f8").reshape(4, 60, 100)
    return [a, a[1], a[:, ::-1, ::7], a.T, a[2:3, 5, 5:6], a.reshape(-1)[::-3], a[..., None], a.view("i4")[..., ::2]]
def foreign():
    with isthmus.allocator(False):
        a = np.arange(24_000, dtype="f8").reshape(4, 60, 100)
    return [a, a[:, ::-1, ::7], a.T, a.astype(">f8"), np.frombuffer(b"\\0" * 17, "u1")[1:].view("f8")]
def misaligned():
    return np.zeros(100_001, "u1")[1:].view("f8") + 0, np.zeros(100_001, "u1")[1:].view("f4")
def times():
    return [np.array(["2020-01-01", "NaT"], "M8[ms]"), np.array([1, 2], "m8[10s]"), np.array([3], ">M8[D]")]
def beyond_its_block():
    a = np.zeros(10_000)
    return np.lib.stride_tricks.as_strided(a[:4096], (16,), (8,))
def strides(x): return [list(x.strides), bool(x.flags.c_contiguous), bool(x.flags.aligned), bool(x.flags.owndata)]
def buffer(x):
    lease = x
    while isinstance(lease, np.ndarray): lease = lease.base
    return [type(lease).__name__, len(memoryview(lease)), repr(lease)]
def asarray():
    small = [1.0, 2.0]
    a = isthmus.asarray(small)
    b = isthmus.asarray(a)
    return [isthmus.is_shared(a), b is a, isthmus.stats()["copied_bytes"]]
def placed():
    return [isthmus.empty(3).shape, isthmus.zeros((2, 2), "i4").tolist(), isthmus.full((), 7).tolist(),
            str(isthmus.full(2, 1, "f4").dtype), isthmus.empty((0, 3)).shape]
def bad():
    errors = []
    for shape, dtype in [((-1,), "f8"), ((2**62, 2**62), "f8"), ((1,) * 65, "f8"), ((2,), "O"), ((2,), "U3"), ((2,), ">f8"), ((2.5,), "f8"), ((2**50,), "f8")]:
        try: isthmus.empty(shape, dtype)
        except Exception as error: errors.append(type(error).__name__)
    return errors
"""


def test_a_view_keeps_the_lease_alive(start):
    worker = start(SOURCE)
    array = peer.empty((4, 100), "f8")
    array[:] = 1
    worker.call("keep_view", array)
    assert worker.call("stats")["borrowed_blocks"] == 1
    before = peer.stats()["own_blocks"]
    del array
    gc.collect()
    assert peer.stats()["own_blocks"] == before  # the worker still looks at it
    assert worker.call("kept_sum") == 100
    worker.call("drop")
    worker.call("stats")
    assert peer.stats()["own_blocks"] == before - 1


def test_a_block_sent_back_to_its_owner_is_found_again(start):
    worker = start(SOURCE)
    array = peer.empty((100, 100), "f4")
    back = worker.call("echo", array[10:, ::-1])
    back[:] = 5
    assert (array[10:] == 5).all()
    assert back.strides == (400, -4)
    assert worker.call("stats")["copied_bytes"] == 0


def test_every_view_of_a_shared_array_is_sent_by_reference(start):
    worker = start(SOURCE)
    a = np.arange(24_000, dtype="f8").reshape(4, 60, 100)
    expected = [a, a[1], a[:, ::-1, ::7], a.T, a[2:3, 5, 5:6], a.reshape(-1)[::-3], a[..., None]]
    got = worker.call("views")
    for view, array in zip(got, expected, strict=False):
        assert np.array_equal(view, array) and view.shape == array.shape
        assert array.size == 1 or view.strides == array.strides or view.flags.c_contiguous
    assert np.array_equal(got[7], a.view("i4")[..., ::2])
    assert worker.call("stats")["copied_bytes"] == 0


def test_foreign_arrays_are_copied_once_and_counted(start):
    worker = start(SOURCE)
    a = np.arange(24_000, dtype="f8").reshape(4, 60, 100)
    got = worker.call("foreign")
    for view, array in zip(got, [a, a[:, ::-1, ::7], a.T, a, np.zeros(2)], strict=True):
        assert np.array_equal(view, array)
        assert view.flags.c_contiguous and view.dtype == "=f8"
    assert worker.call("stats")["copied_bytes"] == sum(view.nbytes for view in got)


def test_misaligned_arrays_are_copied(start):
    worker = start(SOURCE)
    _, view = worker.call("misaligned")
    assert view.flags.aligned and view.dtype == "f4"
    assert worker.call("stats")["copied_bytes"] == 100_000


def test_times_arrive_in_the_units_of_the_wire(start):
    got = start(SOURCE).call("times")
    assert got[0].dtype == "M8[ms]" and np.isnat(got[0][1])
    assert got[1].dtype == "m8[s]" and got[1].astype(int).tolist() == [10, 20]
    assert got[2].dtype == "=M8[D]" and got[2].astype(int).tolist() == [3]


def test_a_view_beyond_its_block_is_not_lent(start):
    worker = start(SOURCE)
    assert worker.call("beyond_its_block").shape == (16,)


@pytest.mark.parametrize(
    "view",
    [lambda a: a, lambda a: a.T, lambda a: a[::-1], lambda a: a[:, 3:5], lambda a: a[:1, :1]],
)
def test_arrays_arrive_with_their_strides(start, view):
    worker = start(SOURCE)
    array = view(peer.empty((20, 30), "f4"))
    strides, contiguous, aligned, owns = worker.call("strides", array)
    assert contiguous == array.flags.c_contiguous and aligned and not owns
    assert contiguous or strides == list(array.strides)


def test_a_lease_has_the_buffer_of_its_block(start):
    name, length, text = start(SOURCE).call("buffer", peer.empty((1000,), "f8"))
    assert name == "Lease" and length >= 8000 and str(length) in text


def test_explicit_placement(start):
    worker = start(SOURCE)
    assert worker.call("asarray") == [True, True, 16]
    assert worker.call("placed") == [[3], [[0, 0], [0, 0]], 7, "float32", [0, 3]]


def test_impossible_arrays_are_refused(start):
    assert start(SOURCE).call("bad") == [
        "ValueError",
        "ValueError",
        "ValueError",
        "UnsupportedValueError",
        "UnsupportedValueError",
        "UnsupportedValueError",
        "TypeError",
        "TooLargeError",
    ]


def test_arrays_that_cannot_cross_change_nothing(start):
    worker = start(SOURCE)
    channel = worker.channel
    good = np.arange(3)
    for bad in (np.array(["x"]), np.array([None]), np.longdouble([1]), np.zeros(2, "i4,f4"), 3):
        with pytest.raises(UnsupportedValueError):
            channel.send(2, 1, b"\x90", [good, bad])
    assert peer.is_valid()
    assert worker.call("echo", good).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (2, 1),
        (2, 1, "text"),
        (0, 1, b""),
        (99, 1, b""),
        (2, -1, b""),
        (2, 2**40, b""),
        (2, 1, b"", 3),
    ],
)
def test_wrong_arguments_to_send_raise(start, arguments):
    channel = start(SOURCE).channel
    with pytest.raises((TypeError, ValueError, OverflowError, SystemError)):
        channel.send(*arguments)


BFLOAT = """
import sys
if without: sys.modules["ml_dtypes"] = None
def echo(x): return x
def dtype(x): return x.dtype.name
"""


@pytest.mark.parametrize("without, name", [(False, "bfloat16"), (True, "uint16")])
def test_bfloat16_is_that_of_ml_dtypes_if_it_is_there(start, without, name):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    worker = start(f"without = {without}" + BFLOAT)
    array = np.arange(1000).astype(ml_dtypes.bfloat16)
    assert worker.call("dtype", array) == name
    assert worker.call("echo", array).dtype == name
