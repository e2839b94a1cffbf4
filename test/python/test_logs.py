"""Records of `logging` in Node."""

import subprocess

import pytest
from functions_side import FunctionsSide
from isthmus import kinds

SOURCE = """
import logging, os, sys, threading
import isthmus

log = logging.getLogger("model.load")

def warn(text, *args): log.warning(text, *args)
def quiet(): log.info("nobody asked for this")
def configure():
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="mine: %(message)s")
    log.info("configured")
def count_handlers(): return [len(logging.getLogger().handlers), len(log.handlers)]

def failing():
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("it failed")

class Odd:
    def __str__(self): raise ValueError("no words")
    __repr__ = __str__

class Chatty:
    def __str__(self):
        log.warning("from inside of %s", "str")
        return "chatty"

class OddError(Exception):
    def __str__(self): raise ValueError("no words")

def odd():
    log.warning("odd %s", Odd())
    log.warning(Odd())
    return "alive"
def chatty():
    log.warning("%s", Chatty())
    return "alive"
def odd_error():
    try:
        raise OddError
    except OddError:
        log.exception("odd")
    return "alive"
def surrogate(): log.warning("caf\\udc80")
def strange():
    logging.getLogger().handle(logging.LogRecord(None, 31.0, None, 3, "made by hand", None, None))
    return "alive"
def long():
    log.addHandler(logging.NullHandler())  # instead of stderr
    log.warning("x" * 3_000_000)
def in_thread():
    thread = threading.Thread(target=log.error, args=("from %d", 3), name="mine")
    thread.start()
    thread.join()
def many(n):
    for i in range(n): log.warning("record %d", i)
    return n
def forked():
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        log.warning("from the child")
        os.write(told, b"alive")
        os._exit(0)
    os.waitpid(pid, 0)
    return os.read(ready, 100).decode()
"""


@pytest.fixture
def node(request):
    options = getattr(request, "param", {})
    started = FunctionsSide.start(SOURCE, stderr=subprocess.PIPE, **options)
    yield started
    started.process.stderr.close()
    started.end()


def only_log(node):
    (record,) = (value for _, value in node.told[kinds.LOG])
    return record


def test_a_record_arrives_with_where_and_when(node):
    node.call("warn", "%s of %d", "one", 2)
    record = only_log(node)
    assert record["message"] == "one of 2"
    assert (record["level"], record["levelName"]) == (30, "WARNING")
    assert (record["logger"], record["function"]) == ("model.load", "warn")
    assert record["path"] == "<target>" and record["line"] == 7
    assert record["thread"] == "MainThread" and record["exception"] is None
    assert 0 < record["time"] < 1e11


def test_what_a_logger_does_not_let_through_does_not_arrive(node):
    node.call("quiet")
    assert not node.told[kinds.LOG]


def test_the_users_configuration_is_as_it_was(node):
    assert node.call("count_handlers") == [0, 0]
    node.call("configure")
    assert node.process.stderr.readline() == "mine: configured\n"
    assert only_log(node)["message"] == "configured"
    assert node.call("count_handlers") == [1, 0]


def test_an_exception_arrives_as_its_traceback(node):
    node.call("failing")
    exception = only_log(node)["exception"]
    assert exception.startswith("Traceback") and "ZeroDivisionError: division by zero" in exception


def test_arguments_that_do_not_fit_are_said_and_not_raised(node):
    node.call("warn", "%d of %d", "one")
    assert "%d of %d" in only_log(node)["message"] and "TypeError" in only_log(node)["message"]


@pytest.mark.parametrize("name", ["odd", "odd_error", "strange", "chatty"])
def test_whatever_is_logged_the_code_goes_on(node, name):
    assert node.call(name) == "alive"


def test_records_made_while_one_is_described_do_not_recurse(node):
    node.call("chatty")
    messages = [value["message"] for _, value in node.told[kinds.LOG]]
    assert messages.count("chatty") == 1


def test_lone_surrogates_are_made_printable(node):
    node.call("surrogate")
    assert only_log(node)["message"] == "caf\\udc80"


def test_a_long_message_is_cut(node):
    node.call("long")
    assert len(only_log(node)["message"]) == 64 * 1024


def test_a_record_of_a_thread_says_so(node):
    node.call("in_thread")
    assert only_log(node)["thread"] == "mine" and only_log(node)["message"] == "from 3"


@pytest.mark.parametrize("node", [{"ring_bytes": 1 << 12}], indirect=True)
def test_logging_waits_for_room_and_loses_nothing(node):
    node.process.stderr.close()
    assert node.call("many", 500) == 500
    messages = [value["message"] for _, value in node.told[kinds.LOG]]
    assert messages == [f"record {i}" for i in range(500)]


def test_a_forked_child_logs_without_node(node):
    assert node.call("forked") == "alive"
    assert not node.told[kinds.LOG]
