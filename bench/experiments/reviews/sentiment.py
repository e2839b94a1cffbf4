"""The model of all arms: a MiniLM encoder in ONNX Runtime, and a logistic head. `label(text)` is great or other."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

FOLDER = Path(os.environ["ISTHMUS_EXPERIMENT_FOLDER"])
MOST_TOKENS = 256  # what the encoder's own sentence_bert_config.json says
PADDING = 1.1  # texts go through the model together if that makes at most so many times as many tokens of them,
MOST_TOGETHER = 512  # and no more than these: beyond, they only take more memory


class Encoder:
    def __init__(self, threads: int) -> None:
        self.tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(MOST_TOKENS)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that spin while they wait take the core from whoever else is in the arm.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(
            str(FOLDER / "encoder.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def _run(self, tokens: list[list[int]]) -> np.ndarray:
        ids = np.zeros((len(tokens), max(map(len, tokens))), np.int32)
        mask = np.zeros_like(ids)
        for row, text in enumerate(tokens):
            ids[row, : len(text)] = text
            mask[row, : len(text)] = 1
        (embedding,) = self.session.run(None, {"input_ids": ids, "attention_mask": mask})
        return embedding

    def embed(self, texts: list[str]) -> np.ndarray:
        """`[n, 384]`, of unit length. Texts of similar length go through the model together."""
        tokens = [self.tokenizer.encode(text).ids for text in texts]
        order = sorted(range(len(tokens)), key=lambda at: len(tokens[at]))
        result = np.empty((len(tokens), 384), np.float32)
        start, total = 0, 0
        for at, row in enumerate(order):
            total += len(tokens[row])
            following = order[at + 1 : at + 2]
            wide = max((len(tokens[row]) for row in following), default=0)
            padded = wide * (at + 2 - start)
            if following and padded <= min(MOST_TOGETHER, PADDING * (total + wide)):
                continue
            rows = order[start : at + 1]
            result[rows] = self._run([tokens[row] for row in rows])
            start, total = at + 1, 0
        return result


class Sentiment:
    def __init__(self) -> None:
        self.encoder = Encoder(int(os.environ["ISTHMUS_EXPERIMENT_THREADS"]))
        head = json.loads((FOLDER / "head.json").read_text())
        self.weights = np.array(head["weights"], np.float32)
        self.bias = float(head["bias"])

    def labels(self, texts: list[str]) -> list[str]:
        scores = self.encoder.embed(texts) @ self.weights + self.bias
        return ["great" if score > 0 else "other" for score in scores.tolist()]

    def label(self, text: str) -> str:
        return self.labels([text])[0]


def reviews() -> list[str]:
    """The texts that every arm labels, in the same order."""
    texts = json.loads((FOLDER / "texts.json").read_text())
    return texts[: int(os.environ["ISTHMUS_EXPERIMENT_COUNT"])]
