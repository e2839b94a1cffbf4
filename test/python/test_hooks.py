"""What runs before the first call."""

import subprocess
import sys

import isthmus
import pytest
from isthmus import hooks
from isthmus.errors import StartHookError
from isthmus.failure import describe
from node_side import ROOT, Failed

SOURCE = """
import isthmus
log = []

@isthmus.on_start
def load(): log.append("load")

@isthmus.on_start
async def connect(): log.append("connect")

def what(): return log
"""


def test_hooks_have_run_in_their_order_before_the_first_call(start):
    assert start(SOURCE).call("what") == ["load", "connect"]


@pytest.mark.parametrize("kind", ["", "async "])
def test_a_hook_that_fails_is_named_with_what_it_raised(start, kind):
    source = f"""
import isthmus

@isthmus.on_start
{kind}def load():
    raise FileNotFoundError("no weights")
"""
    with pytest.raises(Failed) as raised:
        start(source)
    words = raised.value.words
    assert (words["code"], words["hook"]) == ("ERR_ON_START", "load")
    assert (words["type"], words["message"]) == ("FileNotFoundError", "no weights")
    assert 'raise FileNotFoundError("no weights")' in words["traceback"]


def test_a_marked_function_is_still_itself(monkeypatch):
    monkeypatch.setattr(hooks, "_hooks", [])

    def load():
        return 3

    assert isthmus.on_start(load) is load
    with pytest.raises(TypeError, match="without parentheses"):
        isthmus.on_start("load")


def test_under_plain_python_a_hook_does_not_run():
    code = "import isthmus\n@isthmus.on_start\ndef load(): print('ran')\nload.__name__"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT / "python"
    )
    assert (done.stdout, done.returncode) == ("", 0)


def test_a_hook_whose_exception_has_no_words_is_told(monkeypatch):
    class OddError(Exception):
        def __str__(self):
            raise ValueError

    def load():
        raise OddError

    monkeypatch.setattr(hooks, "_hooks", [load])
    with pytest.raises(StartHookError) as raised:
        hooks.run(lambda _: None)
    assert raised.value.hook == "load" and "str()" in str(raised.value)
    assert describe(raised.value)["hook"] == "load"
