"""ONNX Runtime reads its inputs, and writes its outputs, where they lie in shared memory.

session = Session("model.onnx")

@isthmus.batch(max_size=64)
def embed(rows):
    return session(rows)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnxruntime

from isthmus.adapters import placement

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DTYPES: Final[dict[str, np.dtype[Any]]] = {
    "tensor(float)": np.dtype("float32"),
    "tensor(double)": np.dtype("float64"),
    "tensor(float16)": np.dtype("float16"),
    "tensor(bool)": np.dtype("bool"),
    **{
        f"tensor({sign}int{bits})": np.dtype(f"{sign}int{bits}")
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    },
}

Dim = int | str | None


class Session:
    """An `onnxruntime.InferenceSession` that is called with arrays: `session(x)`, `session(ids=…, mask=…)`.

    `model`: a path, the bytes of a model, or a session that was made already, whose settings then hold.
    `outputs`: names of those that are wanted, in this order. Default: all.
    `threads`: of one call. Default: `OMP_NUM_THREADS`, which a pool sets for its workers, or what onnxruntime chooses.
    `providers`: as onnxruntime takes them. With one for a GPU, inputs and outputs are still bound in the memory of the CPU.

    May be called from several threads at a time. Raises TypeError for inputs and outputs that are not tensors of
    numbers or booleans.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | bytes | onnxruntime.InferenceSession,
        *,
        outputs: Sequence[str] | None = None,
        threads: int | None = None,
        providers: Sequence[Any] = ("CPUExecutionProvider",),
    ) -> None:
        if not isinstance(model, onnxruntime.InferenceSession):
            source = model if isinstance(model, bytes) else os.fspath(model)
            model = onnxruntime.InferenceSession(
                source, _options(threads), providers=list(providers)
            )
        self.session: Final = model
        self.inputs: Final = {node.name: _Port("input", node) for node in model.get_inputs()}
        offered = {node.name: node for node in model.get_outputs()}
        wanted = list(offered) if outputs is None else list(outputs)
        if unknown := [name for name in wanted if name not in offered]:
            raise ValueError(f"the model has no output {unknown[0]}; it has {', '.join(offered)}")
        self.outputs: Final = [_Port("output", offered[name]) for name in wanted]

    def __call__(self, *args: Any, **named: Any) -> Any:
        """The output as an array; a tuple of arrays if there are several.

        Raises TypeError for an array of another dtype than the input's, and what onnxruntime raises for other shapes.
        An output whose shape follows from the inputs' is written where it stays; another one is copied once.
        """
        binding = self.session.io_binding()
        known: dict[str, int] = {}
        # onnxruntime gets addresses only: the arrays must live until it has run.
        given = [
            port.bind_input(binding, value, known) for port, value in self._matched(args, named)
        ]
        results = [port.bind_output(binding, known) for port in self.outputs]
        self.session.run_with_iobinding(binding)
        del given
        if any(result is None for result in results):
            made = binding.get_outputs()
            results = [
                placement.copied(made[at].numpy()) if result is None else result
                for at, result in enumerate(results)
            ]
        return results[0] if len(results) == 1 else tuple(results)

    def _matched(self, args: tuple[Any, ...], named: dict[str, Any]) -> list[tuple[_Port, Any]]:
        if not named and len(args) == len(self.inputs):
            return list(zip(self.inputs.values(), args, strict=True))
        values = dict(zip(self.inputs, args, strict=False)) | named
        if len(args) + len(named) != len(values) or values.keys() != self.inputs.keys():
            names = ", ".join(self.inputs)
            raise TypeError(f"the model takes {names}, each once, by place or by name")
        return [(self.inputs[name], value) for name, value in values.items()]


class _Port:
    """An input or an output of the model."""

    def __init__(self, what: str, node: Any) -> None:
        if node.type not in _DTYPES:
            hint = "; skl2onnx: options={'zipmap': False}" if node.type.startswith("seq") else ""
            raise TypeError(
                f"{what} {node.name} is {node.type}, and only tensors of numbers or booleans can be bound{hint}"
            )
        self.name: Final[str] = node.name
        self.dtype: Final = _DTYPES[node.type]
        self.dims: Final[list[Dim]] = list(node.shape)

    def bind_input(self, binding: Any, value: Any, known: dict[str, int]) -> NDArray[Any]:
        if isinstance(value, np.ndarray) and value.dtype != self.dtype:
            raise TypeError(f"{self.name} takes {self.dtype}, and got {value.dtype}")
        array: NDArray[Any] = np.asarray(value, self.dtype, order="C")
        for dim, length in zip(self.dims, array.shape, strict=False):
            if isinstance(dim, str):
                known[dim] = length
        binding.bind_input(self.name, "cpu", 0, self.dtype.type, array.shape, array.ctypes.data)
        return array

    def bind_output(self, binding: Any, known: dict[str, int]) -> NDArray[Any] | None:
        """None: nobody can say how large it will be, so onnxruntime makes it."""
        shape: list[int] = []
        for dim in self.dims:
            length = known.get(dim) if isinstance(dim, str) else dim
            if length is None:
                binding.bind_output(self.name, "cpu")
                return None
            shape.append(length)
        array = placement.empty(shape, self.dtype)
        binding.bind_output(self.name, "cpu", 0, self.dtype.type, array.shape, array.ctypes.data)
        return array


def _options(threads: int | None) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    count = threads or int(os.environ.get("OMP_NUM_THREADS") or 0)
    if count > 0:
        options.intra_op_num_threads = count
    return options
