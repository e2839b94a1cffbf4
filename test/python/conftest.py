import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "python"), str(Path(__file__).parent)]

import node_side  # noqa: E402


@pytest.fixture
def start():
    """start(source, **options): a worker serving Python source, and Node's side of it."""
    started = []

    def start_worker(source="", **options):
        started.append(node_side.NodeSide.start(source, **options))
        return started[-1]

    yield start_worker
    for worker in started:
        worker.end()
