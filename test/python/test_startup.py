"""What happens before the first call, and what is said when it cannot."""

import json
import os
import socket
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from node_side import PATIENCE, ROOT, Failed, NodeSide


def last_words(python, tmp_path, **env):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.settimeout(PATIENCE)
        done = subprocess.run(
            [python, "-m", "isthmus", "--fd", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env={**os.environ, "PYTHONPATH": str(ROOT / "python"), **env},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        theirs.close()
        words = ours.recv(65536)
    assert done.returncode == 78, done.stderr
    return json.loads(words), done.stderr


def test_an_empty_venv_names_the_missing_packages(tmp_path):
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    python = tmp_path / "venv/bin/python"
    words, stderr = last_words(python, tmp_path)
    assert words["error"] == "ERR_MISSING_PACKAGE"
    assert words["missing"] == ["numpy", "msgspec"]
    assert words["python"] == str(python)
    assert "numpy" in stderr


def test_an_extension_that_does_not_load_says_why(tmp_path):
    package = tmp_path / "isthmus"
    package.mkdir()
    for file in (ROOT / "python/isthmus").glob("*.py"):
        (package / file.name).write_text(file.read_text())
    (package / "_native.abi3.so").write_bytes(b"not a library")
    words, _ = last_words(sys.executable, tmp_path, PYTHONPATH=str(tmp_path))
    assert words["error"] == "ERR_EXTENSION"
    assert "_native" in words["detail"]


def old_pythons():
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    return sorted(path for path in versions.glob("3.*/bin/python") if is_old(path))


def is_old(python):
    return int(python.parent.parent.name.split(".")[1]) in range(6, 11)


@pytest.mark.parametrize("python", old_pythons(), ids=lambda path: path.parent.parent.name)
def test_a_python_that_is_too_old_says_so(python, tmp_path):
    words, _ = last_words(python, tmp_path)
    assert words["error"] == "ERR_PYTHON_TOO_OLD"
    assert words["version"] == python.parent.parent.name


def test_without_arguments_it_says_what_it_is_for(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "isthmus"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "python")},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 1 and "started by Node" in done.stderr


def test_hello_is_answered_with_versions(start):
    worker = start("def f(): pass\nclass C: pass\n_x = 1")
    assert worker.hello["pid"] == worker.process.pid
    assert worker.hello["python"].startswith("3.")
    assert worker.hello["executable"] == sys.executable


def test_a_file_is_imported_as_python_would(tmp_path, start):
    (tmp_path / "neighbour.py").write_text("value = 7")
    (tmp_path / "model.py").write_text(
        "import neighbour, sys, dataclasses, pickle\n"
        "@dataclasses.dataclass\nclass P:\n  x: int\n"
        "def f(): return [neighbour.value, __name__, __file__, sys.path[0]]\n"
        "def g(): return pickle.loads(pickle.dumps(P(3))).x\n"
    )
    file = tmp_path / "model.py"
    worker = start(file, kind="file")
    assert worker.call("f") == [7, "model", str(file), str(tmp_path)]
    assert worker.call("g") == 3


def test_a_file_called_like_a_module_in_use_does_not_take_its_place(tmp_path, start):
    (tmp_path / "signal.py").write_text("def f(): return __name__")
    worker = start(tmp_path / "signal.py", kind="file")
    assert worker.call("f") == "signal_"


def test_a_file_in_the_working_directory_does_not_break_the_start(tmp_path, start):
    (tmp_path / "socket.py").write_text("raise RuntimeError('shadowed')")
    (tmp_path / "mine.py").write_text("def f(): return 1")
    worker = start("mine", kind="module", cwd=tmp_path)
    assert worker.call("f") == 1


def test_a_module_is_served_by_name(start):
    worker = start("numpy", kind="module")
    assert worker.call("linalg.norm", [3, 4]) == 5
    assert worker.call("add", 1, 2) == 3


def test_extra_path_entries_are_searched(tmp_path, start):
    (tmp_path / "beside.py").write_text("value = 3")
    worker = start("import beside\ndef f(): return beside.value", path=[str(tmp_path)])
    assert worker.call("f") == 3


@pytest.mark.parametrize(
    "source, type_, text",
    [
        ("import nonsense", "ModuleNotFoundError", "import nonsense"),
        ("x = 1\ny = 1 / 0", "ZeroDivisionError", "y = 1 / 0"),
        ("def f(:", "SyntaxError", "def f(:"),
    ],
)
def test_a_module_that_fails_at_import_is_told_with_its_traceback(source, type_, text):
    with pytest.raises(Failed) as raised:
        NodeSide.start(source, stderr=subprocess.PIPE)
    words = raised.value.words
    assert (words["code"], words["type"]) == ("ERR_IMPORT", type_)
    assert text in words["traceback"]
    assert "worker.py" not in words["traceback"] and "target.py" not in words["traceback"]


def test_after_a_failed_import_the_worker_exits_with_1():
    worker = NodeSide()
    target = {"kind": "module", "value": "no_such_module"}
    with pytest.raises(Failed):
        worker.greet({"protocol": 1, "version": "0.1.0", "target": target})
    assert worker.process.wait(PATIENCE) == 1


def test_exit_at_import_is_the_exit_of_the_worker():
    worker = NodeSide()
    target = {"kind": "source", "value": "import sys\nsys.exit(7)"}
    worker.channel.send(
        1, 0, *worker.codec.encode({"protocol": 1, "version": "0.1.0", "target": target})
    )
    assert worker.process.wait(PATIENCE) == 7


def test_another_version_is_refused_with_both_versions():
    worker = NodeSide()
    target = {"kind": "source", "value": ""}
    with pytest.raises(Failed) as raised:
        worker.greet({"protocol": 1, "version": "9.9.9", "target": target})
    words = raised.value.words
    assert (words["code"], words["node"]) == ("ERR_VERSION", "9.9.9")
    assert worker.process.wait(PATIENCE) == 1
