"""Test modules in C++ that are linked with the objects of the extension, so that no test sees another one than users do."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]

WARNINGS = ["-Wall", "-Wextra", "-Werror"]
FLAGS = [
    "-std=c++20",
    "-O1",
    "-fPIC",
    "-fno-exceptions",
    "-fno-rtti",
    "-fvisibility=hidden",
]


def linked(name, *sources):
    """The path of module `name`, made of sources in this folder and of what `npm run build` has left."""
    sources = [Path(__file__).with_name(source) for source in sources]
    objects = ROOT / "build/Release/obj.target"
    parts = [
        *objects.glob("isthmus_core/**/*.o"),
        *objects.glob("isthmus_python/**/*.o"),
    ]
    library = ROOT / f"build/python-test/{sys.implementation.cache_tag}/{name}.so"
    headers = [*Path(__file__).parent.glob("*.h"), *ROOT.glob("test/native/*.h")]
    newest = max(path.stat().st_mtime for path in [*sources, *headers, *parts])
    if not library.exists() or library.stat().st_mtime < newest:
        library.parent.mkdir(parents=True, exist_ok=True)
        includes = [
            f"-I{ROOT / folder}" for folder in ("native", "native/generated", "test/native")
        ]
        for folder in (
            ROOT / "native/generated/include",
            sysconfig.get_paths()["include"],
            np.get_include(),
        ):
            includes += ["-isystem", folder]
        extension = [*ROOT.glob("native/core/*.cc"), *ROOT.glob("native/python/*.cc")]
        built = {part.stem for part in parts}
        missing = [file.name for file in extension if file.stem not in built]
        assert not missing, f"not built: {missing}; run npm run build"
        compiler = os.environ.get("CXX", "c++")
        command = [compiler, *FLAGS, *WARNINGS, *includes, "-shared", *sources, *parts]
        unfinished = library.with_suffix(f".{os.getpid()}")
        subprocess.run([*command, "-pthread", "-o", unfinished], check=True)
        unfinished.rename(library)
    return library
