"""`@isthmus.batch`: what it marks, what it refuses, and what Node is told of it."""

import functools
import subprocess
import sys
from types import ModuleType

import isthmus
import pytest
from isthmus.dispatch import Dispatch
from node_side import ROOT


def test_a_marked_function_is_still_itself():
    def f(rows):
        return rows

    assert isthmus.batch(f) is f
    assert isthmus.batch(max_size=3)(f) is f
    assert f([1, 2]) == [1, 2]


def test_it_marks_where_there_is_no_worker():
    code = "import isthmus\n@isthmus.batch(max_size=8)\ndef f(rows): return rows\nprint(f([1, 2]))"
    environment = {"PYTHONPATH": str(ROOT / "python")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[1, 2]"


@pytest.mark.parametrize(
    "settings, error, words",
    [
        ({"max_size": 0}, ValueError, "max_size is from 1 to 65,536, not 0"),
        ({"max_size": 65_537}, ValueError, "max_size is from 1"),
        ({"max_size": 2.5}, TypeError, "max_size is a whole number, not 2.5"),
        ({"max_size": True}, TypeError, "max_size is a whole number"),
        ({"max_size": "8"}, TypeError, "max_size is a whole number"),
        ({"max_delay_ms": -1}, ValueError, "max_delay_ms is from 0 to 60,000, not -1"),
        ({"max_delay_ms": float("nan")}, ValueError, "max_delay_ms is from 0"),
        (
            {"max_delay_ms": None},
            TypeError,
            "max_delay_ms is a number of milliseconds, not None",
        ),
        ({"concurrency": 0}, ValueError, "concurrency is from 1"),
    ],
)
def test_a_bad_setting_says_what_is_allowed(settings, error, words):
    with pytest.raises(error) as raised:
        isthmus.batch(**settings)
    assert words in str(raised.value)


def generator(rows):
    yield rows


async def async_generator(rows):
    yield rows


@pytest.mark.parametrize(
    "what, words",
    [
        (64, "with settings @isthmus.batch(max_size=64)"),
        (generator, "generator is a generator function"),
        (async_generator, "async_generator is a generator function"),
        (lambda: None, "needs a parameter"),
        (lambda *, rows: None, "needs a parameter"),
        (staticmethod(len), "batch goes below @staticmethod"),
        (classmethod(len), "batch goes below @classmethod"),
        (dict, "batch marks a function"),
        (len, "write a function that calls it"),
    ],
)
def test_what_is_no_batch_function_is_refused(what, words):
    with pytest.raises(TypeError) as raised:
        isthmus.batch(what)
    assert words in str(raised.value)


def test_a_proxy_that_raises_when_it_is_looked_at_is_no_batch_function():
    class Proxy:
        def __getattr__(self, name):
            raise RuntimeError("outside of a request")

        def __call__(self):
            return 1

    made = ModuleType("model")
    made.request = Proxy()
    made.f = isthmus.batch(functools.partial(lambda rows: rows))
    dispatch = Dispatch(made)
    assert list(dispatch.batches()) == ["f"]
    assert dispatch.find("request")() == 1
