"""What the package shows."""

import ast
import inspect
import subprocess
import sys
import sysconfig

import isthmus
import pytest
from isthmus import errors, preflight


def test_every_public_name_is_there_and_documented():
    for name in isthmus.__all__:
        assert getattr(isthmus, name).__doc__, name
    assert sorted(dir(isthmus)) == sorted(isthmus.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = isthmus.nonsense


def test_no_module_takes_the_place_of_a_public_name():
    from pathlib import Path

    modules = {path.stem for path in Path(isthmus.__file__).parent.glob("*.py")}
    assert modules & set(isthmus.__all__) == {"errors"}


def test_the_version_is_that_of_the_node_package():
    import json
    from pathlib import Path

    package = json.loads((Path(__file__).parents[2] / "package.json").read_text())
    assert isthmus.__version__ == package["version"]


def test_importing_the_package_imports_neither_numpy_nor_the_extension():
    code = "import isthmus, sys; print('numpy' in sys.modules, 'isthmus._native' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_every_error_has_a_code_of_its_own_and_is_in_the_tree():
    classes = [
        value
        for _, value in inspect.getmembers(errors, inspect.isclass)
        if issubclass(value, errors.IsthmusError) and value is not errors.IsthmusError
    ]
    assert len({value.code for value in classes}) == len(classes)
    for value in classes:
        line = next(line for line in errors.__doc__.splitlines() if f" {value.__name__} " in line)
        assert value.code in line
    assert all(errors.by_code[code].code == code for code in errors.by_code)


def test_outside_a_worker_there_is_no_shared_memory():
    code = "import isthmus; isthmus.zeros(3)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "was not started by Isthmus" in done.stderr


def test_free_threaded_python_is_refused(monkeypatch):
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: 1)
    assert "free-threaded" in preflight.interpreter_problem()
    assert preflight.reason()["error"] == "ERR_EXTENSION"


@pytest.mark.parametrize("file", ["__init__", "__main__", "preflight"])
def test_what_runs_before_the_checks_is_python_3_6(file):
    from pathlib import Path

    source = Path(isthmus.__file__).with_name(f"{file}.py").read_text()
    ast.parse(source, feature_version=(3, 6))
    assert "from __future__ import annotations" not in source
