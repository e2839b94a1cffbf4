import math
from types import ModuleType

import numpy as np
import pytest
from isthmus.arguments import arguments_error
from isthmus.dispatch import Dispatch
from isthmus.errors import FunctionNotFoundError


def module(source):
    made = ModuleType("model")
    exec(source, made.__dict__)
    return made


def test_public_functions_are_found_and_private_ones_are_not():
    dispatch = Dispatch(module("def f(): return 1\ndef _g(): pass\nx = 3\nclass C: pass"))
    assert dispatch.find("f")() == 1
    assert dispatch.names() == ["C", "f"]
    with pytest.raises(FunctionNotFoundError, match="private"):
        dispatch.find("_g")
    with pytest.raises(FunctionNotFoundError, match="is not a function: it is of type int"):
        dispatch.find("x")


def test_all_decides_what_is_public():
    dispatch = Dispatch(module("__all__ = ['f']\ndef f(): pass\ndef g(): pass"))
    assert dispatch.names() == ["f"]
    with pytest.raises(FunctionNotFoundError, match="not in its __all__"):
        dispatch.find("g")


def test_a_wrong_name_gets_suggestions():
    dispatch = Dispatch(module("def simulate(): pass"))
    with pytest.raises(FunctionNotFoundError, match="did you mean 'simulate'"):
        dispatch.find("simulte")


@pytest.mark.parametrize(
    "name", ["", ".", "f.", ".f", "f..g", "__init__", "f.__call__", "linalg._x"]
)
def test_names_that_are_none_are_not_found(name):
    with pytest.raises(FunctionNotFoundError):
        Dispatch(module("def f(): pass")).find(name)


def test_a_name_that_is_not_a_string_is_not_found():
    with pytest.raises(FunctionNotFoundError, match="is a string, not 3"):
        Dispatch(module("")).find(3)


def test_dotted_names_builtins_and_ufuncs():
    dispatch = Dispatch(np)
    assert dispatch.find("linalg.norm") is np.linalg.norm
    assert dispatch.find("add") is np.add
    assert Dispatch(math).find("sqrt") is math.sqrt
    assert "sin" in dispatch.names()


def test_a_function_that_is_rebound_is_seen():
    made = module("def f(): return 1")
    dispatch = Dispatch(made)
    assert dispatch.find("f")() == 1
    made.f = lambda: 2
    assert dispatch.find("f")() == 2
    del made.f
    with pytest.raises(FunctionNotFoundError):
        dispatch.find("f")


def test_only_a_mismatch_of_arguments_is_an_arguments_error():
    def f(a, *, b=1):
        pass

    error = TypeError("as Python puts it")
    mismatch = arguments_error(f, "f", [], {}, error)
    assert mismatch.code == "ERR_ARGUMENTS" and "f(a, *, b=1)" in str(mismatch)
    assert arguments_error(f, "f", [1], {}, error) is None
    assert arguments_error(math.sqrt, "sqrt", ["x"], {}, error) is None


def test_modules_that_are_only_imported_are_not_called():
    dispatch = Dispatch(module("import os\nfrom math import sqrt"))
    assert dispatch.find("sqrt")(4) == 2
    with pytest.raises(FunctionNotFoundError, match="os is only imported by module 'model'"):
        dispatch.find("os.getpid")
