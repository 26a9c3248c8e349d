"""Train the bundled model: `python benchmarks/bundled_model.py landscape/data/digits.npz` (needs scikit-learn).

A 64-32-10 ReLU network on the 1,797 digits of 8×8 pixels that ship with scikit-learn (Alpaydin and Kaynak, "Optical
recognition of handwritten digits", UCI 1998, CC BY 4.0), four fifths to train and one to test. Plain NumPy, so that the
product does not test itself.
"""

from __future__ import annotations

import sys

import numpy as np
from sklearn.datasets import load_digits

from landscape.model import build_model, save_model

SEED, BATCH, STEPS, KEPT = 0, 64, 900, 36
RATE, BETA_1, BETA_2, EPSILON = 3e-3, 0.9, 0.999, 1e-8
SIZES = (64, 32, 10)
NAMES = ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")


def split(theta: np.ndarray) -> list[np.ndarray]:
    """View θ as the network's four tensors."""
    shapes = [(SIZES[1], SIZES[0]), (SIZES[1],), (SIZES[2], SIZES[1]), (SIZES[2],)]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(theta, ends[:-1]), shapes, strict=True)]


def loss_and_gradient(theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Cross-entropy, accuracy and gradient."""
    w1, b1, w2, b2 = split(theta)
    z1 = x @ w1.T + b1
    a1 = np.maximum(z1, 0)
    z2 = a1 @ w2.T + b2
    log_p = z2 - z2.max(axis=1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    rows = np.arange(len(y))
    d2 = np.exp(log_p)
    d2[rows, y] -= 1
    d2 /= len(y)
    d1 = (d2 @ w2) * (z1 > 0)
    gradient = np.concatenate([(d1.T @ x).ravel(), d1.sum(0), (d2.T @ a1).ravel(), d2.sum(0)])
    return float(-log_p[rows, y].mean()), float((z2.argmax(1) == y).mean()), gradient


def main(path: str) -> None:
    rng = np.random.default_rng(SEED)
    images, labels = load_digits(return_X_y=True)
    x, order = images / 16.0, rng.permutation(len(labels))
    test, train = order[:360], order[360:]
    scales = np.sqrt(2.0 / np.array(SIZES[:2]))
    theta = np.concatenate(
        [
            rng.standard_normal(SIZES[1] * SIZES[0]) * scales[0], np.zeros(SIZES[1]),
            rng.standard_normal(SIZES[2] * SIZES[1]) * scales[1], np.zeros(SIZES[2]),
        ]
    )  # fmt: skip
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    kept, steps, history = [], [], []
    for step in range(STEPS + 1):
        if step % (STEPS // KEPT) == 0:
            loss, accuracy, gradient = loss_and_gradient(theta, x[train], labels[train])
            test_loss, test_accuracy, _ = loss_and_gradient(theta, x[test], labels[test])
            history.append((loss, accuracy, test_loss, test_accuracy, np.linalg.norm(gradient), RATE))
            kept.append(theta.astype(np.float32))
            steps.append(step)
        batch = rng.choice(train, BATCH, replace=False)
        gradient = loss_and_gradient(theta, x[batch], labels[batch])[2]
        m = BETA_1 * m + (1 - BETA_1) * gradient
        v = BETA_2 * v + (1 - BETA_2) * gradient**2
        if step < STEPS:
            corrected = m / (1 - BETA_1 ** (step + 1)), v / (1 - BETA_2 ** (step + 1))
            theta = theta - RATE * corrected[0] / (np.sqrt(corrected[1]) + EPSILON)
    series = ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "gradient_norm", "learning_rate")
    model = build_model(
        name="digits",
        nodes=[{"name": "fc1", "op": "dense"}, {"name": "act1", "op": "relu"}, {"name": "fc2", "op": "dense"}],
        parameters=dict(zip(NAMES, split(kept[-1]), strict=True)),
        loss="cross_entropy",
        x_train=x[train].astype(np.float32),
        y_train=labels[train],
        x_test=x[test].astype(np.float32),
        y_test=labels[test],
        arrays={
            "history.step": np.array(steps),
            **{f"history.{name}": line for name, line in zip(series, np.array(history).T, strict=True)},
            "checkpoints": np.stack(kept),
            "checkpoints.step": np.array(steps),
        },
        training={
            "optimizer": "adam", "learning_rate": RATE, "betas": [BETA_1, BETA_2], "schedule": "constant",
            "batch_size": BATCH, "steps": STEPS, "seed": SEED, "history_loss": "full",
        },
    )  # fmt: skip
    save_model(model, path)
    print(f"{path}: training loss {history[-1][0]:.4f}, test accuracy {history[-1][3]:.3f}")


if __name__ == "__main__":
    main(sys.argv[1])
