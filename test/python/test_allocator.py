"""numpy's allocator inside a worker."""

import numpy as np
import pytest
from node_side import Failed

SOURCE = """
import gc, threading
import numpy as np
import isthmus
from isthmus import is_shared

at_import = np.ones(1 << 20)

def born_at_import(): return is_shared(at_import)
def born(n): return is_shared(np.empty(n, "u1"))
def operations():
    a = np.random.default_rng(1).normal(size=(300, 300))
    results = {
        "multiply": a * 2, "matmul": a @ a, "inv": np.linalg.inv(a), "sort": np.sort(a),
        "fft": np.fft.fft(a), "concatenate": np.concatenate([a, a]), "einsum": np.einsum("ij,jk", a, a),
        "astype": a.astype("f4"), "zeros": np.zeros(100_000), "ones": np.ones(100_000), "copy": a.copy(),
    }
    return {name: is_shared(array) for name, array in results.items()}
def double(x): return x * 2

def resize():
    checks = []
    a = np.arange(20_000, dtype="i8")                   # 160 kB: in the arena
    for length in (20_100, 400_000, 30_000, 100, 50_000, 20_000):
        kept = min(length, a.size)
        before = a[:kept].copy()
        a.resize(length, refcheck=False)
        checks.append(bool((a[:kept] == before).all() and (a[kept:] == 0).all()))
        a[kept:] = np.arange(kept, length)
    return checks

def zeros_in_recycled_memory(n):
    for _ in range(4):
        a = np.full(n, 255, "u1")
        del a
        z = np.zeros(n, "u1")
        if z.any(): return False
        z[:] = 255
        del z
    return True

def generator():
    while True:
        yield is_shared(np.ones(1 << 20))
resumed = generator()
def resume(): return next(resumed)
def resume_elsewhere():
    seen = []
    thread = threading.Thread(target=lambda: seen.append(next(resumed)))
    thread.start(); thread.join()
    def under_the_handler():
        with isthmus.allocator():
            seen.append(next(resumed))
        seen.append(next(resumed))
    thread = threading.Thread(target=under_the_handler)
    thread.start(); thread.join()
    return seen

def from_a_thread():
    made = []
    thread = threading.Thread(target=lambda: made.append(np.ones(1 << 20)))
    thread.start(); thread.join()
    return made[0]
def freed_in_a_thread():
    before = isthmus.stats()["own_blocks"]
    arrays = [np.ones(1 << 20) for _ in range(3)]
    thread = threading.Thread(target=arrays.clear)
    thread.start(); thread.join()
    return isthmus.stats()["own_blocks"] - before

def by_hand():
    seen = [is_shared(np.ones(1 << 20))]
    with isthmus.allocator(False):
        seen.append(is_shared(np.ones(1 << 20)))
        with isthmus.allocator():
            seen.append(is_shared(np.ones(1 << 20)))
        seen.append(is_shared(np.ones(1 << 20)))
    seen.append(is_shared(np.ones(1 << 20)))
    return seen

def beyond(n):
    a = np.ones(n, "u1")
    return [is_shared(a), int(a.sum())]
def returned_beyond(n): return np.ones(n, "u1")
def explicit(n): return isthmus.zeros(n, "u1")
def stats(): return isthmus.stats()
def threads(n):
    errors = []
    def work(seed):
        try:
            rng = np.random.default_rng(seed)
            with isthmus.allocator():
                live = []
                for _ in range(200):
                    a = np.full(int(rng.integers(1, 400_000)), seed, "u1")
                    live.append(a)
                    if len(live) > 8:
                        if not (live.pop(int(rng.integers(8))) == seed).all(): errors.append(seed)
        except Exception as error: errors.append(repr(error))
    all = [threading.Thread(target=work, args=(seed,)) for seed in range(n)]
    for t in all: t.start()
    for t in all: t.join()
    return errors
"""


def test_arrays_of_64_kib_and_more_are_shared_and_smaller_ones_are_not(start):
    worker = start(SOURCE)
    assert [worker.call("born", n) for n in (100, 65535, 65536, 1 << 24)] == [
        False,
        False,
        True,
        True,
    ]


def test_what_is_made_while_the_module_is_imported_is_ordinary(start):
    assert start(SOURCE).call("born_at_import") is False


def test_results_of_numpys_functions_are_born_shared(start):
    found = start(SOURCE).call("operations")
    assert all(found.values()), found


def test_a_result_crosses_without_a_copy(start):
    worker = start(SOURCE)
    assert worker.call("double", np.ones(1 << 20)).sum() == 2 << 20
    assert worker.call("stats")["copied_bytes"] == 0


def test_ndarray_resize_keeps_what_it_should(start):
    assert all(start(SOURCE).call("resize"))


@pytest.mark.parametrize("n", [65_536, 500_000, 1 << 20, 3 << 20, 70 << 20])
def test_zeros_in_recycled_memory_are_zeros(start, n):
    assert start(SOURCE).call("zeros_in_recycled_memory", n)


def test_a_generator_resumed_under_the_handler_makes_shared_arrays(start):
    worker = start(SOURCE)
    assert worker.call("resume") is True
    assert worker.call("resume_elsewhere") == [False, True, False]
    assert worker.call("resume") is True


def test_arrays_from_user_threads_are_ordinary_and_copied_once(start):
    worker = start(SOURCE)
    assert worker.call("from_a_thread").sum() == 1 << 20
    assert worker.call("stats")["copied_bytes"] == 8 << 20


def test_arrays_may_die_in_another_thread(start):
    assert start(SOURCE).call("freed_in_a_thread") == 0


def test_it_is_turned_on_and_off_by_hand(start):
    worker = start(SOURCE)
    assert worker.call("by_hand") == [True, False, True, False, True]


def test_beyond_the_budget_memory_is_ordinary(start):
    worker = start(SOURCE, limit_bytes=16 << 20)
    assert worker.call("beyond", 8 << 20) == [True, 8 << 20]
    assert worker.call("beyond", 32 << 20) == [False, 32 << 20]
    assert worker.call("beyond", 8 << 20) == [True, 8 << 20]


def test_explicit_placement_beyond_the_budget_is_an_error_with_figures(start):
    worker = start(SOURCE, limit_bytes=16 << 20)
    for name in ("explicit", "returned_beyond"):
        with pytest.raises(Failed) as raised:
            worker.call(name, 32 << 20)
        words = raised.value.words
        assert words["code"] == "ERR_ARENA_FULL"
        assert (words["requested"], words["limit"]) == (32 << 20, 16 << 20)
        assert words["used"] <= 16 << 20
    assert worker.call("explicit", 8 << 20).sum() == 0


def test_many_threads_allocate_and_free(start):
    worker = start(SOURCE)
    assert worker.call("threads", 6) == []
    assert worker.call("stats")["own_blocks"] == 0


def test_memory_that_node_still_uses_is_not_reused(start):
    worker = start(SOURCE)
    kept = [worker.call("double", np.full(100_000, n)) for n in range(10)]
    assert [int(array[0]) for array in kept] == [2 * n for n in range(10)]
    assert all((array == array[0]).all() for array in kept)
