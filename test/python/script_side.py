"""A process that joins the channel and runs a script with it, in place of the worker: for tests of the bindings."""

import json
import os
import subprocess
import sys
import textwrap

from isthmus import kinds
from node_side import DEFAULTS, PATIENCE, ROOT, peer

PRELUDE = """
import json, os, select, signal, sys, threading, time
import numpy as np
from isthmus import _native, kinds
from isthmus._native import interrupt
channel = _native.Channel(int(sys.argv[1]))
def tell(*values): channel.send(kinds.LOG, 0, json.dumps(values).encode())
def raised(function, *arguments):
    try: function(*arguments)
    except BaseException as error: return type(error).__name__
def started(function, *arguments):
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    return thread
def until(condition):
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline: time.sleep(0.001)
def parks(): return _native.stats()["parks"]
"""


class ScriptSide:
    """Node's side of it. The script answers with tell(...)."""

    def __init__(self, source, **options):
        self.channel, socket = peer.open(**{**DEFAULTS, **options})
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
        command = [sys.executable, "-c", PRELUDE + textwrap.dedent(source), str(socket)]
        self.process = subprocess.Popen(command, pass_fds=[socket], env=environment)
        os.close(socket)

    def receive(self):
        message = self.channel.receive(PATIENCE)
        assert message is not None, "the script does not answer"
        return message

    def told(self):
        """What the script tells next; other messages are passed over."""
        while True:
            kind, _, payload, _ = self.receive()
            if kind == kinds.LOG:
                return json.loads(payload)

    def next_call(self):
        while True:
            kind, id, _, _ = self.receive()
            if kind == kinds.CALL:
                return id

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
