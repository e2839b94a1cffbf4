"""Which of two circles a point belongs to: a network that PyTorch trains here."""

import isthmus
import numpy as np
import torch
from isthmus.adapters.torch import Model, asarray, astensor, empty
from numpy.typing import NDArray

Points = NDArray[np.float32]

model: Model


def circles(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    inner = torch.arange(count) % 2
    angle = 2 * torch.pi * torch.rand(count, generator=random)
    radius = 1 - 0.5 * inner + 0.08 * torch.randn(count, generator=random)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1), inner


@isthmus.on_start
def train() -> None:
    global model
    torch.manual_seed(0)
    points, inner = circles(2000, seed=1)
    network = torch.nn.Sequential(torch.nn.Linear(2, 32), torch.nn.Tanh(), torch.nn.Linear(32, 2))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(200):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(points), inner).backward()
        optimizer.step()
    model = Model(torch.nn.Sequential(network, torch.nn.Softmax(dim=1)))


@isthmus.batch(max_size=128, max_delay_ms=1)
def chances(points: Points) -> Points:
    """Probabilities of the outer and the inner circle: [n, 2] → [n, 2]."""
    return model(points)


def held_out() -> tuple[Points, list[int]]:
    points, inner = circles(500, seed=2)
    return asarray(points), inner.tolist()


def product(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """PyTorch writes the result where Node reads it."""
    out = empty((a.shape[0], b.shape[1]))
    return asarray(torch.matmul(astensor(a), astensor(b), out=out))
