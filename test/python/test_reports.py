"""How far a call is."""

import isthmus
import pytest
from isthmus import kinds, reports
from isthmus.running import Running, current
from msgspec.msgpack import decode


class Listener:
    def __init__(self):
        self.heard = []

    def send(self, kind, id, payload, arrays, wait):
        assert not wait
        self.heard.append((kind, id, decode(payload)))
        return True


@pytest.fixture
def listener(monkeypatch):
    monkeypatch.setattr(reports, "_channel", listening := Listener())
    return listening


def reporting(call):
    token = current.set(call)
    try:
        isthmus.progress(0.25, "fitting")
        isthmus.progress(1)
    finally:
        current.reset(token)


def test_progress_goes_to_node_while_it_listens(listener):
    reporting(Running(7, ["fit", [], None, {"progress": True}]))
    assert listener.heard == [
        (kinds.PROGRESS, 7, [0.25, "fitting"]),
        (kinds.PROGRESS, 7, [1.0, None]),
    ]


@pytest.mark.parametrize("call", [Running(7, ["fit", []]), Running(0), None])
def test_when_nobody_listens_nothing_is_sent(listener, call):
    reporting(call)
    assert listener.heard == []


def test_without_a_worker_nothing_happens():
    reporting(Running(7, ["fit", [], None, {"progress": True}]))


@pytest.mark.parametrize("args", [("much",), (None,), (0.5, 3)])
def test_progress_is_a_number_and_a_text(args):
    with pytest.raises((TypeError, ValueError)):
        isthmus.progress(*args)
