"""Nothing that crosses is unpickled or evaluated: the sources themselves are read. (docs/security.md)"""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "python" / "isthmus"
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
#: What makes objects or code of bytes.
FORBIDDEN_MODULES = {"pickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
#: The `source` that a program passed to spawn().
ALLOWED = {("target.py", "exec"), ("target.py", "compile")}


def uses(text: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names} & FORBIDDEN_MODULES
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module.split(".")[0]} & FORBIDDEN_MODULES
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found |= {node.func.id} & FORBIDDEN_CALLS
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            found.add(node.arg)
    return found


def test_the_search_finds_what_it_looks_for():
    assert uses("import pickle as p") == {"pickle"}
    assert uses("from marshal import loads") == {"marshal"}
    assert uses("np.load(f, allow_pickle=True); eval(x)") == {"allow_pickle", "eval"}


@pytest.mark.parametrize("module", MODULES)
def test_no_module_unpickles_or_evaluates(module):
    text = (PACKAGE / module).read_text()
    assert {(module, use) for use in uses(text)} <= ALLOWED
