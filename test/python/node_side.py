"""Node's side of a channel in Python, so that a worker can be tested without Node."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import isthmus
import numpy as np
from isthmus import kinds
from isthmus.codec import Codec

ROOT = Path(__file__).parents[2]
PATIENCE = 60  # seconds; a test that waits longer is stuck

WARNINGS = ["-Wall", "-Wextra", "-Werror"]
FLAGS = ["-std=c++20", "-O1", "-fPIC", "-fno-exceptions", "-fno-rtti", "-fvisibility=hidden"]


def build_peer():
    """Links peer.cc with the objects of the extension, in a folder to import it from."""
    source = Path(__file__).with_name("peer.cc")
    objects = ROOT / "build/Release/obj.target"
    parts = [*objects.glob("isthmus_core/**/*.o"), *objects.glob("isthmus_python/**/*.o")]
    library = ROOT / f"build/python-test/{sys.implementation.cache_tag}/peer.so"
    newest = max(path.stat().st_mtime for path in [source, *parts])
    if not library.exists() or library.stat().st_mtime < newest:
        library.parent.mkdir(parents=True, exist_ok=True)
        includes = ["-I", ROOT / "native", "-I", ROOT / "native/generated"]
        for folder in (
            ROOT / "native/generated/include",
            sysconfig.get_paths()["include"],
            np.get_include(),
        ):
            includes += ["-isystem", folder]
        sources = [*ROOT.glob("native/core/*.cc"), *ROOT.glob("native/python/*.cc")]
        built = {part.stem for part in parts}
        missing = [file.name for file in sources if file.stem not in built]
        assert not missing, f"not built: {missing}; run npm run build"
        compiler = os.environ.get("CXX", "c++")
        command = [compiler, *FLAGS, *WARNINGS, *includes, "-shared", source, *parts]
        unfinished = library.with_suffix(f".{os.getpid()}")
        subprocess.run([*command, "-pthread", "-o", unfinished], check=True)
        unfinished.rename(library)
    return library.parent


sys.path.insert(0, str(build_peer()))
import peer  # noqa: E402

DEFAULTS = {
    "arena_bytes": 4 << 30,
    "limit_bytes": 1 << 30,
    "retain_bytes": 256 << 20,
    "spin_ns": 0,
    "ring_bytes": 1 << 20,
}


class Failed(Exception):
    """The answer to a call was an Error; `words` is its payload."""

    def __init__(self, words):
        super().__init__(f"{words['type']}: {words['message']}")
        self.words = words


class NodeSide:
    def __init__(
        self, python=sys.executable, stdout=None, stderr=None, cwd=None, env=None, **options
    ):
        self.channel, socket = peer.open(**{**DEFAULTS, **options})
        self.codec = Codec()
        self.socket = socket
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), **(env or {})}
        self.process = subprocess.Popen(
            [python, "-m", "isthmus", "--fd", str(socket)],
            pass_fds=[socket],
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            env=environment,
            text=True,
        )
        os.close(socket)
        self.last_id = 0

    @classmethod
    def start(cls, source="", kind="source", name="target", path=None, **options):
        self = cls(**options)
        target = {"kind": kind, "value": str(source), "name": name}
        hello = {"protocol": 1, "version": isthmus.__version__, "target": target}
        self.greet(hello if path is None else {**hello, "path": path})
        return self

    def greet(self, hello):
        self.channel.send(kinds.HELLO, 0, *self.codec.encode(hello))
        kind, _, words = self.receive()
        if kind == kinds.ERROR:
            raise Failed(words)
        self.hello = words

    def receive(self):
        message = self.channel.receive(PATIENCE)
        assert message is not None, "the worker does not answer"
        kind, id, payload, arrays = message
        return kind, id, self.codec.decode(payload, arrays) if payload else None

    def send_call(self, name, *args, **kwargs):
        self.last_id += 1
        call = [name, list(args), kwargs] if kwargs else [name, list(args)]
        self.channel.send(kinds.CALL, self.last_id, *self.codec.encode(call))
        return self.last_id

    def call(self, name, *args, **kwargs):
        wanted = self.send_call(name, *args, **kwargs)
        while True:
            kind, id, value = self.receive()
            if kind == kinds.PRESSURE:
                continue
            assert id == wanted
            if kind == kinds.ERROR:
                raise Failed(value)
            assert kind == kinds.RESULT
            return value

    def goodbye(self):
        self.channel.send(kinds.GOODBYE, 0, b"")
        return self.process.wait(PATIENCE)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
