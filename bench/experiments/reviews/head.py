"""Logistic regression on embeddings: Newton's method, strength of the penalty by cross-validation."""

from __future__ import annotations

import numpy as np

PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
FOLDS = 5
SEED = 5


def fit(x: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    """Weights, and the bias, which is not penalised, as the last one."""
    x = np.hstack([x, np.ones((len(x), 1))])
    ridge = np.full(x.shape[1], penalty)
    ridge[-1] = 0
    weights = np.zeros(x.shape[1])
    for _ in range(20):
        p = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (p - y) + ridge * weights
        hessian = (x * (p * (1 - p))[:, None]).T @ x + np.diag(ridge)
        step = np.linalg.solve(hessian, gradient)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return weights


def accuracy(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean((x @ weights[:-1] + weights[-1] > 0) == y))


def train(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """The weights, and the penalty that was best on rows left out."""
    x = x.astype(np.float64)
    fold = np.random.default_rng(SEED).permutation(len(x)) % FOLDS

    def left_out(penalty: float) -> float:
        rates = [
            accuracy(fit(x[fold != k], y[fold != k], penalty), x[fold == k], y[fold == k])
            for k in range(FOLDS)
        ]
        return float(np.mean(rates))

    best = max(PENALTIES, key=left_out)
    return fit(x, y, best), best
