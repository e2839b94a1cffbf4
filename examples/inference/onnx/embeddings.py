"""A network in ONNX. Its weights are random, but always the same ones."""

import isthmus
import numpy as np
from isthmus.adapters.onnx import Session
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Rows = NDArray[np.float32]

INPUTS, HIDDEN, OUTPUTS = 256, 512, 128

random = np.random.default_rng(0)
first = random.standard_normal((INPUTS, HIDDEN), np.float32) / np.sqrt(INPUTS, dtype=np.float32)
second = random.standard_normal((HIDDEN, OUTPUTS), np.float32) / np.sqrt(HIDDEN, dtype=np.float32)


def model() -> bytes:
    """rows → MatMul → Relu → MatMul → embeddings."""
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["rows", "first"], ["hidden"]),
            helper.make_node("Relu", ["hidden"], ["positive"]),
            helper.make_node("MatMul", ["positive", "second"], ["embeddings"]),
        ],
        "embeddings",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", INPUTS])],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n", OUTPUTS])],
        [numpy_helper.from_array(first, "first"), numpy_helper.from_array(second, "second")],
    )
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()


session = Session(model())


def embed_all(rows: Rows) -> Rows:
    """[n, 256] → [n, 128], in one call."""
    return session(rows)


@isthmus.batch(max_size=64, max_delay_ms=2)
def embed(rows: Rows) -> Rows:
    """The same, for callers that have one row each."""
    return session(rows)


def difference(rows: Rows, embeddings: Rows) -> float:
    """The largest, from what numpy makes of the rows."""
    return float(np.abs(np.maximum(rows @ first, 0) @ second - embeddings).max())
