"""Arrays of every dtype and shape through a real channel: what the worker sees, sends and counts as copied."""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

SOURCE = """
import numpy as np

def looked(array, places):
    view = array[places]
    return [array.dtype.str, array.shape, array.tobytes(), view, view.tobytes()]

def both(array):
    return [array, array[::-1], array.T, array.astype(array.dtype.newbyteorder(">"))]

def evaluated(array, text):
    return looked(array, eval(text))
"""

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]
TIMES = ["M8[Y]", "M8[D]", "M8[ns]", "m8[s]", "m8[W]", "M8", "m8"]
SHAPES = hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5)

dtypes = st.sampled_from(DTYPES + TIMES).map(np.dtype)


@st.composite
def arrays(draw):
    """Any bits are elements: NaN with a payload, NaT, denormal numbers."""
    dtype, shape = draw(dtypes), draw(SHAPES)
    size = int(np.prod(shape)) * dtype.itemsize
    bits = np.frombuffer(draw(st.binary(min_size=31, max_size=31)), np.uint8)
    data = np.resize(bits, size)
    return (data & 1 if dtype.kind == "b" else data).view(np.uint8).tobytes(), dtype, shape


def made(drawn):
    data, dtype, shape = drawn
    return np.frombuffer(data, dtype).reshape(shape)


@st.composite
def arrays_and_places(draw):
    drawn = draw(arrays())
    return made(drawn), draw(hnp.basic_indices(drawn[2], allow_newaxis=True, allow_ellipsis=True))


RUNS = int(os.environ.get("ISTHMUS_PROPERTY_RUNS", "100"))
ONE_WORKER = settings(
    deadline=None, max_examples=RUNS, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def worker(start):
    return start(SOURCE)


@ONE_WORKER
@given(arrays_and_places())
def test_a_view_has_the_elements_that_numpy_says(worker, drawn):
    array, places = drawn
    expected = array[places]
    dtype, shape, data, view, elements = worker.call("evaluated", array, repr(places))
    assert (np.dtype(dtype), tuple(shape), data) == (array.dtype, array.shape, array.tobytes())
    expected = np.asarray(expected)
    if isinstance(view, np.ndarray):  # an index of every axis gives a number
        assert (view.dtype, view.shape) == (expected.dtype, expected.shape)
        assert view.tobytes() == expected.tobytes()
    assert elements == expected.tobytes()


@ONE_WORKER
@given(arrays())
def test_the_order_of_bytes_and_axes_is_kept(worker, drawn):
    array = made(drawn)
    if array.ndim == 0:
        array = array.reshape(1)
    for back, expected in zip(
        worker.call("both", array), [array, array[::-1], array.T, array], strict=True
    ):
        assert back.dtype == expected.dtype and back.dtype.isnative
        assert back.shape == expected.shape and back.tobytes() == expected.tobytes()
