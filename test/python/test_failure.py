import gc
import weakref

import numpy as np
from isthmus.errors import ArenaFullError
from isthmus.failure import describe, forget


def caught(function):
    try:
        function()
    except BaseException as error:
        return error


def test_an_exception_is_told_with_type_message_traceback_notes_and_cause():
    def fail():
        try:
            {}["missing"]
        except KeyError as error:
            problem = np.linalg.LinAlgError("singular")
            problem.add_note("look at the diagonal")
            raise problem from error

    words = describe(caught(fail))
    assert words["type"] == "numpy.linalg.LinAlgError"
    assert words["message"] == "singular"
    assert words["notes"] == ["look at the diagonal"]
    assert "raise problem from error" in words["traceback"]
    assert words["cause"]["type"] == "KeyError"
    assert words["code"] is None


def test_a_suppressed_context_is_no_cause():
    def fail():
        try:
            _ = 1 / 0
        except ZeroDivisionError:
            raise ValueError("x") from None

    assert describe(caught(fail))["cause"] is None


def test_details_of_our_own_errors_are_told():
    words = describe(ArenaFullError(10, 20, 30))
    assert words["code"] == "ERR_ARENA_FULL"
    assert (words["requested"], words["used"], words["limit"]) == (10, 20, 30)


def test_an_exception_whose_str_raises_is_still_told():
    class Odd(Exception):
        __notes__ = 3

        def __str__(self):
            raise ValueError

    words = describe(Odd())
    assert "str()" in words["message"] and words["notes"] == []


def test_lone_surrogates_are_made_printable():
    assert describe(ValueError("\ud800"))["message"] == "\\ud800"


def test_forgetting_lets_go_of_what_the_frames_hold():
    class Thing:
        pass

    things = []

    def fail():
        thing = Thing()
        things.append(weakref.ref(thing))
        try:
            raise KeyError
        except KeyError as error:
            kept = error  # noqa: F841  a cycle: error -> traceback -> frame -> error
            raise ValueError from error

    gc.disable()
    try:
        error = caught(fail)
        forget(error)
        assert things[0]() is None
    finally:
        gc.enable()


def test_whatever_an_exception_does_when_it_is_looked_at_it_is_described_and_let_go():
    class Nameless(type):
        @property
        def __module__(cls):
            raise RuntimeError("no module")

    class NoName(Exception, metaclass=Nameless):
        pass

    class NoCause(Exception):
        @property
        def __cause__(self):
            raise RuntimeError("no cause")

    class NoContext(Exception):
        __suppress_context__ = property(lambda self: 1 / 0)

    for kind in (NoName, NoCause, NoContext):
        error = kind("words")
        words = describe(error)
        assert words["message"] == "words"
        assert words["type"].endswith(kind.__qualname__)
        assert "could not be described" in words["notes"][0]
        forget(error)


def test_a_syntax_error_of_nonsense_has_a_traceback():
    def fail():
        raise SyntaxError("unexpected", ("file", "line", "column", 5))

    words = describe(caught(fail))
    assert words["type"] == "SyntaxError"
    assert "in fail" in words["traceback"]
