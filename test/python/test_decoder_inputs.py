"""The inputs that the fuzzer of the decoder keeps, and those that broke it once, without any fuzzer."""

import os
import subprocess
import sys

from extension import ROOT, linked

FUZZ = ROOT / "test/fuzz"
FOLDERS = [FUZZ / "corpus/python_decoder", FUZZ / "crashes/python_decoder"]


def test_every_input_is_survived():
    peer = linked("decoder_peer", "decoder_peer.cc", "decoder_input.cc")
    command = [sys.executable, FUZZ / "python_decoder.py", "replay", peer, *FOLDERS]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stdout.splitlines()[-1] + "\n" + done.stderr
    inputs = sum(1 for folder in FOLDERS for _ in folder.iterdir())
    assert inputs > 40
    assert f"{inputs} inputs, " in done.stdout
