"""`@isthmus.batch`: what Node has gathered, and what comes back."""

import asyncio
import warnings
from types import ModuleType

import isthmus
import numpy as np
import pytest
from isthmus import kinds, tasks
from isthmus.batches import Batched
from isthmus.calls import perform
from isthmus.dispatch import Dispatch
from node_side import Failed, NodeSide

SOURCE = """
import asyncio, threading
import numpy as np
import isthmus

@isthmus.batch
def double(rows): return rows * 2

@isthmus.batch(max_size=4, max_delay_ms=0, concurrency=2)
def sums(rows): return rows.sum(axis=1)

@isthmus.batch
def shout(texts): return [text.upper() for text in texts]

@isthmus.batch
def scaled(rows, factors): return [row * factor for row, factor in zip(rows, factors)]

@isthmus.batch
async def later(rows):
    await asyncio.sleep(0)
    return rows + 1

hidden = isthmus.batch(lambda rows: later(rows))

@isthmus.batch
def give(values): return eval(values[0])

@isthmus.batch
async def agive(values): return eval(values[0])

@isthmus.batch
def seen(values): return [[len(values), type(values).__name__, list(np.shape(values))]] * len(values)

@isthmus.batch
def boom(values): raise ValueError("no model")

@isthmus.batch
async def aboom(values): raise ValueError("no model")

def checked(value):
    if value < 0: raise ValueError(f"{value} is negative")
    return value

@isthmus.batch
def roots(values):
    results = []
    for value in values:
        try: results.append(checked(value) ** 0.5)
        except ValueError as error: results.append(error)
    return results

ended = []
@isthmus.batch
async def forever(values):
    try: await asyncio.sleep(1000)
    finally: ended.append(len(values))

both = threading.Barrier(2)
@isthmus.batch
def meet(values):
    both.wait(30)
    return values

class Model:
    def __init__(self, factor): self.factor = factor
    @isthmus.batch
    def predict(self, rows): return rows * self.factor
    @isthmus.batch
    async def apredict(self, rows): return rows * self.factor
    @staticmethod
    @isthmus.batch
    def negative(rows): return -rows

class Called:
    @isthmus.batch
    def __call__(self, values): return [value + 1 for value in values]
called = Called()

def plain(x): return x
def stats(): return isthmus.stats()
def log(): return ended
def rebind(name):
    old = globals()[name]
    globals()[name] = lambda rows: old(rows)
"""


@pytest.fixture(scope="module")
def serving():
    """serving(threads): a worker that tests share which leave nothing behind."""
    started = {}

    def of(threads=0):
        if threads not in started:
            started[threads] = NodeSide.start(SOURCE, threads=threads)
        return started[threads]

    yield of
    for worker in started.values():
        worker.end()


def gather(worker, name, *columns, **options):
    """A batch, as Node sends it."""
    options = {"batch": len(columns[0]) if columns else 1, **options}
    return worker.ask(kinds.CALL, name, columns, **options)


def words_of(worker, name, *columns, **options):
    with pytest.raises(Failed) as raised:
        gather(worker, name, *columns, **options)
    return raised.value.words


ROWS = np.arange(12, dtype="float32").reshape(4, 3)
THREADS = pytest.mark.parametrize("threads", [0, 2])


# --- a batch ---


def test_node_is_told_which_names_take_batches(start):
    told = start(SOURCE).hello
    assert told["batches"]["double"] == [32, 2, None]
    assert told["batches"]["sums"] == [4, 0, 2]
    assert {"later", "hidden", "called"} <= set(told["batches"])
    assert not {"plain", "Model", "Called"} & set(told["batches"])
    assert start("def f(): pass").hello["batches"] == {}


@THREADS
def test_the_answer_is_results_and_errors_and_time(serving, threads):
    worker = serving(threads)
    results, errors, elapsed = gather(worker, "double", ROWS)
    assert errors is None and elapsed > 0
    assert results.dtype == "float32" and (results == ROWS * 2).all()
    assert gather(worker, "shout", ["a", "b"])[:2] == [["A", "B"], None]
    results, _, _ = gather(worker, "scaled", ROWS, [1, 2, 3, 4])
    assert (np.array(results) == ROWS * np.array([[1], [2], [3], [4]])).all()


@THREADS
@pytest.mark.parametrize("name", ["later", "hidden"])
def test_coroutines_are_awaited(serving, threads, name):
    worker = serving(threads)
    results, errors, elapsed = gather(worker, name, ROWS)
    assert errors is None and elapsed > 0 and (results == ROWS + 1).all()


def test_columns_arrive_as_they_were_sent(serving):
    worker = serving()
    assert gather(worker, "seen", ROWS)[0] == [[4, "ndarray", [4, 3]]] * 4
    assert gather(worker, "seen", ROWS[:, 0])[0] == [[4, "ndarray", [4]]] * 4
    assert gather(worker, "seen", [{}, None])[0] == [[2, "list", [2]]] * 2


@pytest.mark.parametrize(
    "expression, expected",
    [
        ("(1, 2)", [1, 2]),
        ("np.array([1.5, 2.5], 'float32')", [1.5, 2.5]),
        ("np.array([True, False])", [True, False]),
        ("np.array([1, 2**63], 'uint64')", [1, 2**63]),
        ("np.array(['a', 'b'])", ["a", "b"]),
        ("np.array([['a'], ['b']])", [["a"], ["b"]]),
        ("np.array([None, {}], object)", [None, {}]),
        ("[None, None]", [None, None]),
        ("memoryview(b'ab').tolist()", [97, 98]),
    ],
)
def test_what_stands_for_values_arrives_as_values(serving, expression, expected):
    results, errors, _ = gather(serving(), "give", [expression, None])
    assert (results, errors) == (expected, None)
    assert [type(value) for value in results] == [type(value) for value in expected]


def test_what_is_unusual_passes(serving):
    texts = ["", "x" * 1_000_000, "\0", "ß"]
    assert gather(serving(), "shout", texts)[:2] == [
        [text.upper() for text in texts],
        None,
    ]
    results, errors, _ = gather(serving(), "double", np.full((2, 3), np.nan))
    assert errors is None and np.isnan(results).all()
    assert gather(serving(), "double", np.ones((2, 0)))[0].shape == (2, 0)


def test_dates_of_numpy_are_sent_as_they_are_elsewhere(serving):
    results, _, _ = gather(serving(), "give", ["np.array([1, 2], 'M8[ns]')", None])
    assert [value.dtype for value in results] == ["M8[ns]", "M8[ns]"]


def test_arrays_of_other_libraries_are_arrays(start):
    source = (
        SOURCE
        + """
class Other:
    def __init__(self, array): self.array = array
    def __array__(self, dtype=None, copy=None): return self.array
"""
    )
    worker = start(source)
    assert gather(worker, "give", ["Other(np.array([1, 2]))", None])[0] == [1, 2]
    results, _, _ = gather(worker, "give", ["Other(np.ones((2, 5)))", None])
    assert results.shape == (2, 5)


@THREADS
@pytest.mark.parametrize("name", ["give", "agive"])
@pytest.mark.parametrize(
    "expression, told",
    [
        ("[1]", "2 items and returned 1 result:"),
        ("[1, 2, 3]", "returned 3 results:"),
        ("np.zeros((3, 4))", "returned an array of shape (3, 4):"),
        ("np.float32(1)", "returned a value of type float32:"),
        ("np.array(1)", "returned an array of shape ():"),
        ("None", "returned None:"),
        ("'ab'", "returned a value of type str:"),
        ("{1: 2, 3: 4}", "returned a value of type dict:"),
        ("(x for x in 'ab')", "returned a value of type generator:"),
        (
            "__import__('collections').namedtuple('Both', 'a b')(1, 2)",
            "a value of type Both:",
        ),
    ],
)
def test_a_wrong_number_of_results_says_what_to_return(serving, threads, name, expression, told):
    worker = serving(threads)
    words = words_of(worker, name, [expression, None])
    assert words["code"] == "ERR_BATCH_RESULT"
    assert words["message"].startswith(f"{name} was given 2 items and returned")
    assert told in words["message"] and "one result for each item" in words["message"]
    assert "batches.py" not in words["traceback"]


@THREADS
def test_an_exception_among_the_results_fails_that_item_alone(serving, threads):
    worker = serving(threads)
    results, errors, _ = gather(worker, "roots", [4, -1, 9, -2])
    assert results == [2, None, 3, None]
    assert [index for index, _ in errors] == [1, 3]
    assert [words["message"] for _, words in errors] == [
        "-1 is negative",
        "-2 is negative",
    ]
    assert errors[0][1]["type"] == "ValueError" and "in checked" in errors[0][1]["traceback"]


def test_one_exception_may_stand_for_several_items(serving):
    results, errors, _ = gather(serving(), "give", ["[OSError('x')] * 2", None])
    assert results == [None, None]
    assert [(index, words["message"]) for index, words in errors] == [
        (0, "x"),
        (1, "x"),
    ]


@THREADS
@pytest.mark.parametrize("name", ["boom", "aboom"])
def test_a_function_that_raises_fails_the_batch(serving, threads, name):
    words = words_of(serving(threads), name, [1, 2, 3])
    assert (words["type"], words["message"]) == ("ValueError", "no model")
    assert words["notes"] == ["in a batch of 3"]
    assert "batches.py" not in words["traceback"] and "calls.py" not in words["traceback"]


@THREADS
@pytest.mark.parametrize("name", ["give", "agive"])
def test_a_result_that_cannot_be_sent_fails_that_item_alone(serving, threads, name):
    worker = serving(threads)
    expression = "[1, [object()], np.ones(3), ValueError('mine'), (x for x in 'ab'), 2**70]"
    results, errors, _ = gather(worker, name, [expression, *[None] * 5])
    assert [results[0], results[1], results[3], results[4], results[5]] == [
        1,
        None,
        None,
        None,
        2**70,
    ]
    assert (results[2] == 1).all()
    assert [(index, words["code"]) for index, words in errors] == [
        (1, "ERR_VALUE"),
        (3, None),
        (4, "ERR_VALUE"),
    ]
    assert errors[0][1]["path"] == "result[0]"
    assert "py.stream()" in errors[2][1]["message"]


@pytest.mark.parametrize("expression", ["np.ma.zeros((2, 3))", "np.zeros((2, 3), 'V8')"])
def test_an_array_that_cannot_be_sent_fails_the_batch(serving, expression):
    assert words_of(serving(), "give", [expression, None])["code"] == "ERR_VALUE"


@pytest.mark.parametrize(
    "columns, options, code",
    [
        ([[1, 2]], {"kwargs": {"k": 1}}, "ERR_ARGUMENTS"),
        ([], {}, "ERR_ARGUMENTS"),
        ([[1, 2], [3, 4]], {}, "ERR_ARGUMENTS"),
        ([[1, 2]], {"batch": 3}, "ERR_PROTOCOL"),
        ([[1, 2]], {"batch": True}, "ERR_PROTOCOL"),
        ([[1, 2]], {"batch": "2"}, "ERR_PROTOCOL"),
        ([[]], {"batch": 0}, "ERR_PROTOCOL"),
        ([np.array(1)], {"batch": 1}, "ERR_PROTOCOL"),
    ],
)
@THREADS
def test_a_batch_that_does_not_fit_is_refused(serving, threads, columns, options, code):
    worker = serving(threads)
    kwargs, options = options.get("kwargs"), {**options}
    options.pop("kwargs", None)
    options.setdefault("batch", 2)
    with pytest.raises(Failed) as raised:
        worker.ask(kinds.CALL, "shout", columns, kwargs, **options)
    assert raised.value.words["code"] == code
    assert gather(worker, "shout", ["a"])[0] == ["A"]


def test_a_function_that_is_no_longer_marked_says_so(start):
    worker = start(SOURCE)
    assert gather(worker, "double", ROWS)[1] is None
    worker.call("rebind", "double")
    words = words_of(worker, "double", ROWS)
    assert words["code"] == "ERR_ARGUMENTS" and "no longer takes batches" in words["message"]
    assert words_of(worker, "plain", ROWS)["code"] == "ERR_ARGUMENTS"


def test_a_function_that_is_rebound_is_called_in_its_new_version():
    made = ModuleType("model")
    dispatch = Dispatch(made)
    found = []
    for _ in range(2):
        made.f = isthmus.batch(lambda rows: rows)
        found.append(dispatch.find("f"))
        assert found[-1].function is made.f and dispatch.find("f") is found[-1]
    assert found[0] is not found[1]
    made.f = lambda rows: rows
    assert dispatch.find("f") is made.f


# --- one item: every other way to call ---


@THREADS
@pytest.mark.parametrize(
    "name, args, expected",
    [
        ("double", [ROWS[0]], ROWS[0] * 2),
        ("double", [np.array(3)], np.array(6)),
        ("later", [ROWS[0]], ROWS[0] + 1),
        ("hidden", [ROWS[0]], ROWS[0] + 1),
        ("sums", [ROWS[1]], 12),
        ("shout", ["abc"], "ABC"),
        ("scaled", [ROWS[0], 3], ROWS[0] * 3),
        ("roots", [16], 4),
        ("called", [1], 2),
        ("Model.negative", [ROWS[0]], -ROWS[0]),
    ],
)
def test_a_plain_call_is_a_batch_of_one(serving, threads, name, args, expected):
    got = serving(threads).call(name, *args)
    assert np.shape(got) == np.shape(expected) and np.array_equal(got, expected)


@THREADS
def test_methods_of_objects_are_called_with_a_batch_of_one(serving, threads):
    worker = serving(threads)
    number = worker.ask(kinds.CREATE, "Model", [3])
    for name in ("predict", "apredict"):
        got = worker.ask(kinds.CALL, [number, name], [ROWS[0]])
        assert np.array_equal(got, ROWS[0] * 3)
    got, _, _ = worker.ask(kinds.CALL, [number, "predict"], [ROWS], batch=4)
    assert np.array_equal(got, ROWS * 3)


def test_items_of_a_map_are_one_batch(serving):
    assert serving().ask(kinds.CALL, "shout", [["a", "b"]], each=True) == ["A", "B"]
    assert serving().ask(kinds.CALL, "later", [ROWS], each=True)[3].tolist() == [
        10,
        11,
        12,
    ]
    given = []
    for items in (list(ROWS), ROWS, [ROWS[0], ROWS[0, :2]]):
        call = ["f", [items], None, {"each": True}]
        assert perform(Batched(lambda got: given.append(got) or [1] * len(got), "f"), call)
    assert [getattr(each, "shape", len(each)) for each in given] == [(4, 3), (4, 3), 2]


def test_one_item_of_a_map_that_fails_fails_the_map(serving):
    with pytest.raises(Failed, match="-1 is negative") as raised:
        serving().ask(kinds.CALL, "roots", [[16, -1]], each=True)
    assert raised.value.words["notes"] == ["in item 1 of 2"]


def test_results_of_a_map_are_written_into_their_rows():
    into = np.zeros((4, 3))
    call = ["double", [list(ROWS)], None, {"each": True, "into": into}]
    assert perform(Batched(lambda rows: rows * 2, "double"), call) is None
    assert np.array_equal(into, ROWS * 2)


def test_rows_of_a_map_are_a_batch():
    for function in (Batched(lambda rows: rows * 2, "double"), lambda rows: rows * 2):
        call = ["double", [ROWS], None, {"rows": True}]
        assert np.array_equal(perform(function, call), ROWS * 2)
    into = np.zeros((4, 3))
    call = ["double", [ROWS], None, {"rows": True, "into": into}]
    assert perform(Batched(lambda rows, out: np.multiply(rows, 2, out=out), "double"), call) is None
    assert np.array_equal(into, ROWS * 2)


def test_the_one_result_is_written_into_what_node_gives():
    for function in (lambda rows: rows * 2, lambda rows, out=None: rows * 2):
        into = np.zeros(3)
        call = ["double", [np.ones(3)], None, {"into": into}]
        assert perform(Batched(function, "double"), call) is None
        assert into.tolist() == [2, 2, 2]


def test_streams_iterate_over_the_one_result(serving):
    assert list(serving().stream("give", "[[1, 2, 3]]")) == [1, 2, 3]


@THREADS
@pytest.mark.parametrize(
    "name, args, kwargs, code, words",
    [
        ("boom", [1], {}, None, "no model"),
        ("roots", [-1], {}, None, "-1 is negative"),
        (
            "give",
            ["[1, 2]"],
            {},
            "ERR_BATCH_RESULT",
            "give was given 1 item and returned 2 results",
        ),
        ("shout", ["a"], {"k": 1}, "ERR_ARGUMENTS", "pass k by position"),
        ("shout", [], {}, "ERR_ARGUMENTS", "it needs an argument"),
        ("shout", ["a", "b"], {}, "ERR_ARGUMENTS", "shout(texts): too many positional"),
        ("give", ["[object()]"], {}, "ERR_VALUE", "type object cannot be sent"),
    ],
)
def test_what_goes_wrong_in_a_plain_call_is_its_own(
    serving, threads, name, args, kwargs, code, words
):
    with pytest.raises(Failed) as raised:
        serving(threads).call(name, *args, **kwargs)
    told = raised.value.words
    assert told["code"] == code and words in told["message"]
    assert told["notes"] == []


# --- at the same time, cancelled, and afterwards ---


def test_batches_run_in_threads(serving):
    worker = serving(2)
    ids = [worker.send_request(kinds.CALL, "meet", [[n]], batch=1) for n in range(2)]
    answers = {id: value for _, id, value in (worker.receive() for _ in ids)}
    assert [answers[id][0] for id in ids] == [[0], [1]]


def test_a_batch_is_cancelled_as_a_call_is(start):
    worker = start(SOURCE)
    id = worker.send_request(kinds.CALL, "forever", [[1, 2]], batch=2)
    worker.call("plain", 1)
    worker.cancel(id)
    assert worker.failure_of(id)["code"] == "ERR_ABORTED"
    assert worker.call("log") == [2]


def test_a_coroutine_that_never_started_is_closed():
    async def f(values):
        return values

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for awaited in (Batched(f, "f").gathered([[1]], {}, 1), Batched(f, "f")(1)):
            asyncio.run(tasks._give_up(awaited))
            del awaited
    assert [str(warning.message) for warning in warned] == []


@THREADS
def test_rows_are_neither_copied_nor_kept(start, threads):
    worker = start(SOURCE, threads=threads)
    for name in ("double", "later", "scaled", "boom", "aboom", "give"):
        for _ in range(3):
            columns = [
                np.ones((4, 50_000)),
                *([[1, 2, 3, 4]] if name == "scaled" else []),
            ]
            id = worker.send_request(kinds.CALL, name, columns, batch=4)
            del columns
            worker.receive()
            assert id
    stats = worker.call("stats")
    assert (stats["copied_bytes"], stats["borrowed_blocks"]) == (0, 0)


@THREADS
@pytest.mark.parametrize("name", ["half", "ahalf"])
def test_nothing_is_kept_of_a_batch_whose_results_cannot_all_be_sent(start, threads, name):
    source = """
import isthmus
@isthmus.batch
def half(rows): return [rows[0], object()]
@isthmus.batch
async def ahalf(rows): return [rows[0], object()]
def stats(): return isthmus.stats()
"""
    worker = start(source, threads=threads)
    results, errors, _ = gather(worker, name, np.ones((2, 50_000)))
    assert results[0].shape == (50_000,) and errors[0][0] == 1
    del results
    stats = worker.call("stats")
    assert (stats["copied_bytes"], stats["borrowed_blocks"]) == (0, 0)


def test_the_arrays_of_exceptions_are_not_kept(start):
    source = """
import numpy as np, isthmus
kept = []
def fail(row): raise ValueError("bad row")
@isthmus.batch
def f(rows):
    for row in rows:
        try: fail(row)
        except ValueError as error: kept.append(error)
    return kept[-len(rows):]
def stats(): return isthmus.stats()
"""
    worker = start(source)
    results, errors, _ = gather(worker, "f", np.ones((2, 50_000)))
    assert (results, len(errors)) == ([None, None], 2)
    assert worker.call("stats")["borrowed_blocks"] == 0
