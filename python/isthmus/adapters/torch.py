"""PyTorch over shared memory.

model = Model(network)          # or astensor(), empty() and asarray(), one by one

@isthmus.batch(max_size=64)
def classify(rows):
    return model(rows)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import torch

from isthmus.adapters import placement

if TYPE_CHECKING:
    from numpy.typing import NDArray


def astensor(array: NDArray[Any]) -> torch.Tensor:
    """A tensor over the bytes of an array: `torch.from_numpy`. What is written to one is seen in the other."""
    return torch.from_numpy(array)


def empty(shape: Sequence[int], dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """An uninitialised tensor in shared memory, to be written to: `torch.matmul(a, b, out=empty(…))`.

    Raises ArenaFullError when the budget is used up, TypeError for a dtype that numpy does not have.
    """
    return torch.from_numpy(placement.empty(shape, _numpy_name(dtype)))


def asarray(tensor: torch.Tensor) -> NDArray[Any]:
    """The array of a tensor that lies in shared memory; otherwise a counted copy that does, from whatever device.

    Raises as `empty` does.
    """
    tensor = tensor.detach().resolve_conj().resolve_neg()
    name = _numpy_name(tensor.dtype)
    if tensor.device.type == "cpu":
        array: NDArray[Any] = tensor.numpy()
        if placement.stays(array):
            return array
    array = placement.empty(tuple(tensor.shape), name)
    torch.from_numpy(array).copy_(tensor)
    return placement.count(array)


class Model:
    """A module in evaluation mode, called with arrays.

    Arrays become tensors over the same bytes; on another device than the CPU, copies. Tensors in the result, also in a
    tuple, list or dict, become arrays in shared memory: one copy each, unless the module has written there.
    """

    def __init__(self, module: torch.nn.Module, device: str | torch.device = "cpu") -> None:
        self.device: Final = torch.device(device)
        self.module: Final = module.to(self.device).eval()

    def __call__(self, *arrays: NDArray[Any]) -> Any:
        with torch.inference_mode():
            result = self.module(*(astensor(array).to(self.device) for array in arrays))
            return _arrays(result)


def _arrays(result: Any) -> Any:
    if isinstance(result, torch.Tensor):
        return asarray(result)
    if isinstance(result, dict):
        return {key: _arrays(value) for key, value in result.items()}
    if isinstance(result, (tuple, list)):
        return [_arrays(value) for value in result]
    return result


def _numpy_name(dtype: torch.dtype) -> str:
    name = str(dtype).removeprefix("torch.")
    if name == "bfloat16" or name.startswith(("float8", "q")):
        raise TypeError(f"numpy has no {name}; convert the tensor first, as with .float()")
    return name
