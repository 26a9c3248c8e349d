"""`landscape.connect` beside other procedures, at equal numbers of gradients: a Bézier curve, an elastic band, an alignment.

    python benchmarks/connect.py --turns 3          (needs torch and orqviz)

Two trainings of the digits network (64-32-10). The curve is fitted as dnn-mode-connectivity does (Garipov et al. 2018, one place and one minibatch a
step, momentum, their schedule of the rate) in plain PyTorch, the band relaxed by orqviz itself, whose gradients are PyTorch's. Both get as many
gradients of examples as ours took, at the best of some rates by the height that they reach. Told are medians over turns, in which the ways take
turns, the ratio of times (theirs / ours), and the highest training loss on the way; and the same ratio for ours stopped as soon as its way is as low
as theirs. The floor of a gradient is told too: its products of matrices alone, by BLAS. One thread; times are of the processor, not of the clock, so
that other work beside them counts little.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from orqviz import elastic_band
from threadpoolctl import threadpool_limits

import landscape
from landscape.connection import Bezier, fit, relax
from landscape.connection.band import CYCLES
from landscape.connection.curves import along, started
from landscape.connection.network_ends import NetworkEnds

GOALS = {"ratio": 10.0, "alignment": 2.0}
RATES = (0.015, 0.05, 0.2)
PIVOTS = 15
# Steps of ours that are tried until its way is as low as theirs.
BUDGETS = (2, 3, 4, 6, 8, 10, 14, 20, 30, 40, 60, 80, 120, 200)


def solutions() -> list[landscape.Model]:
    """Train the digits network twice."""
    model = landscape.load_model(landscape.bundled_path("digits"))
    return [
        landscape.train(
            model, init="he", optimizer="adam", learning_rate=0.01, batch_size=32, steps=1500, seed=seed
        )
        for seed in (1, 2)
    ]


class Torch:
    """The same loss in PyTorch, of flat vectors in the model's order."""

    def __init__(self, model: landscape.Model) -> None:
        self.x = torch.tensor(np.asarray(model.data["x_train"]), dtype=torch.float64)
        self.y = torch.tensor(np.asarray(model.data["y_train"]), dtype=torch.int64)
        self.layout = [(slot.start, slot.stop, slot.shape) for slot in model.layout]

    def loss(self, theta: torch.Tensor, rows: Any = slice(None)) -> torch.Tensor:
        """Give the mean loss of some examples."""
        w1, b1, w2, b2 = (theta[start:stop].view(*shape) for start, stop, shape in self.layout)
        hidden = torch.relu(self.x[rows] @ w1.T + b1)
        return torch.nn.functional.cross_entropy(hidden @ w2.T + b2, self.y[rows])

    def gradient(self, theta: torch.Tensor, rows: Any = slice(None)) -> torch.Tensor:
        """Give its gradient."""
        point = theta.detach().requires_grad_(True)
        return torch.autograd.grad(self.loss(point, rows), point)[0]


def garipov(
    there: Torch, one: np.ndarray, other: np.ndarray, examples: int, rate: float, seed: int
) -> np.ndarray:
    """Fit the bend of a Bézier curve by minibatches; return points of the curve [61, P]."""
    draw = torch.Generator().manual_seed(seed)
    a, b = torch.tensor(one), torch.tensor(other)
    bend, velocity, batch = 0.5 * (a + b), torch.zeros(len(one), dtype=torch.float64), 128
    steps = max(1, examples // batch)
    for step in range(steps):
        share = step / steps
        now = rate * (1.0 if share <= 0.5 else 1.0 - 0.99 * (share - 0.5) / 0.4 if share <= 0.9 else 0.01)
        t = torch.rand((), generator=draw, dtype=torch.float64)
        rows = torch.randint(len(there.x), (batch,), generator=draw)
        weight = 2 * t * (1 - t)
        point = (1 - t) ** 2 * a + weight * bend + t**2 * b
        velocity = 0.9 * velocity + weight * there.gradient(point, rows)
        bend = bend - now * velocity
    t = np.linspace(0, 1, 61)[:, None]
    return np.asarray((1 - t) ** 2 * one + 2 * t * (1 - t) * bend.numpy() + t**2 * other)


def neb(
    there: Torch, one: np.ndarray, other: np.ndarray, gradients: int, rate: float, seed: int
) -> np.ndarray:
    """Relax a band by orqviz; return points of it, ten for each segment."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, PIVOTS)[:, None]
    kick = 0.01 * np.linalg.norm(other - one) / np.sqrt(len(one)) * rng.standard_normal(len(one))
    chain = elastic_band.Chain((1 - t) * one + t * other + np.sin(np.pi * t) * kick)
    found = elastic_band.run_NEB(
        chain,
        lambda theta: float(there.loss(torch.tensor(theta))),
        lambda theta: there.gradient(torch.tensor(theta)).numpy(),
        n_iters=max(1, gradients // (PIVOTS - 2)),
        learning_rate=rate,
    )[-1].pivots
    share = np.linspace(0, 1, 11)[:, None]
    return np.concatenate([before + share * (after - before) for before, after in itertools.pairwise(found)])


def top(there: Torch, rows: np.ndarray) -> float:
    """Give the highest training loss at some points."""
    with torch.no_grad():
        return max(float(there.loss(torch.tensor(row))) for row in rows)


class Counted:
    """Counts the gradients that a call of ours takes: points of a band, nodes of a curve."""

    def __init__(self) -> None:
        self.count, self.own = 0, (NetworkEnds.values_and_gradients, NetworkEnds.nodes)

    def __enter__(self) -> Counted:
        gradients, nodes = self.own

        def counted(ends: NetworkEnds, thetas: np.ndarray, constants: Any) -> Any:
            self.count += len(thetas)
            return gradients(ends, thetas, constants)

        def counted_nodes(ends: NetworkEnds, basis: np.ndarray, *given: Any) -> Any:
            at = nodes(ends, basis, *given)

            def counting(bends: np.ndarray) -> Any:
                self.count += len(basis)
                return at(bends)

            return counting

        NetworkEnds.values_and_gradients = counted  # type: ignore[method-assign]
        NetworkEnds.nodes = counted_nodes  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        NetworkEnds.values_and_gradients, NetworkEnds.nodes = self.own  # type: ignore[method-assign]


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Give the processor's seconds of a call and what it returns."""
    start = time.process_time()
    found = call()
    return time.process_time() - start, found


def floor(model: landscape.Model, there: Torch) -> None:
    """Print the cost of a gradient of all examples: its matrix products alone, PyTorch's gradient, and ours."""
    x, theta = np.ascontiguousarray(model.data["x_train"], np.float64), torch.tensor(np.array(model.theta))
    weights, hidden = np.ones((32, 64)), np.ones((len(x), 32))
    last, slopes = np.ones((10, 32)), np.ones((len(x), 10))
    objective, rows = landscape.NetworkObjective(model, threads=1), np.stack([model.theta] * 8)
    calls = {
        "products alone (BLAS)": lambda: (x @ weights.T, hidden @ last.T, slopes @ last, slopes.T @ hidden, hidden.T @ x),
        "PyTorch": lambda: there.gradient(theta),
        "ours": lambda: objective.gradients(rows),
    }  # fmt: skip
    words = []
    with threadpool_limits(limits=1):
        for name, call in calls.items():
            call()
            seconds, _ = timed(lambda call=call: [call() for _ in range(100)])  # type: ignore[misc]
            words.append(f"{name} {10.0 * seconds / (8 if name == 'ours' else 1):.3f} ms")
    print("a gradient of all examples: " + ", ".join(words))


def compare(
    name: str, ours: Callable[[int | None], np.ndarray], theirs: Callable[[float, int], np.ndarray], there: Torch, turns: int
) -> None:  # fmt: skip
    """Time both ways, which give points [n, P] of a path, in turns, and print times, heights and goals; `ours` takes a number of steps or None."""
    times: dict[str, list[float]] = {"ours": [], "theirs": [], "as low": []}
    ours(None)
    with Counted() as counted:
        ours(None)
    best = min(RATES, key=lambda rate: top(there, theirs(rate, counted.count)))
    bound = top(there, theirs(best, counted.count))
    steps = next((k for k in BUDGETS if top(there, ours(k)) <= bound), None)
    for _ in range(turns):
        seconds, found = timed(lambda: ours(None))
        times["ours"].append(seconds)
        seconds, rows = timed(lambda: theirs(best, counted.count))
        times["theirs"].append(seconds)
        times["as low"].append(timed(lambda: ours(steps))[0])
    mine, other = top(there, found), top(there, rows)
    print(f"{name}: {counted.count} gradients of all examples")
    mean = {way: statistics.median(found) for way, found in times.items()}
    print(
        f"  seconds  ours {mean['ours']:.3f}, theirs {mean['theirs']:.3f}: ratio {mean['theirs'] / mean['ours']:.1f} (goal {GOALS['ratio']:g})"
    )
    word = "met" if mine <= other else "missed"
    print(
        f"  highest loss on the way  ours {mine:.4g}, theirs {other:.4g} at the rate {best:g} (goal: ours no higher, {word})"
    )
    print(
        f"  as low as theirs after {mean['as low']:.3f} s ({steps} steps): ratio {mean['theirs'] / mean['as low']:.1f}"
    )


def alignment() -> None:
    """Time the alignment of two networks of three hidden layers of 512."""
    rng = np.random.default_rng(0)
    sizes = (64, 512, 512, 512, 10)
    x, y = rng.standard_normal((64, 64)), np.arange(64) % 10
    models = [
        landscape.build_model(
            layers=[(rng.standard_normal((a, b)) / np.sqrt(a), np.zeros(b)) for a, b in itertools.pairwise(sizes)],
            loss="cross_entropy", x_train=x, y_train=y,
        )
        for _ in range(2)
    ]  # fmt: skip
    landscape.align(*models, threads=1)
    seconds, found = timed(lambda: landscape.align(*models, threads=1))
    print(
        f"alignment of 64-512-512-512-10: {seconds:.2f} s (goal {GOALS['alignment']:g} s), {found.sweeps} sweeps, outputs agree to {found.agreement:.1g}"
    )


def curve_of(models: list[landscape.Model], steps: int | None = None) -> np.ndarray:
    """Fit our Bézier curve, with the record's whole evaluation; return points of it."""
    usual = fit.STEPS, fit.ROUND
    if steps is not None:
        fit.STEPS = fit.ROUND = steps
    try:
        record = landscape.connect(models, curve="bezier", threads=1, alphas=3)
    finally:
        fit.STEPS, fit.ROUND = usual
    return along(Bezier(1), np.array(record.series["path.0-1.bezier.points"]), np.linspace(0, 1, 61))


def band_of(models: list[landscape.Model], steps: int | None = None) -> np.ndarray:
    """Relax our band, without the analysis of its highest point; return points of it, ten for each segment."""
    ends = NetworkEnds(models, examples=None, seed=0, dtype="float64", threads=1, device="cpu")
    aside = np.sin(np.pi * np.linspace(0, 1, 7))[1:-1, None] * fit.kick_of(ends, 0, 1, 1, 0)
    start = started(ends.thetas[0], ends.thetas[1], 5, aside)
    found = relax(
        lambda thetas, t: ends.values_and_gradients(thetas, None), lambda thetas, t: ends.values(thetas, None), start,
        ends.values(ends.thetas, None), cycles=CYCLES if steps is None else (steps,),
    )  # fmt: skip
    share = np.linspace(0, 1, 11)[:, None]
    return np.concatenate([one + share * (other - one) for one, other in itertools.pairwise(found.points)])


def main() -> None:
    """Run all comparisons."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=3)
    turns = parser.parse_args().turns
    torch.set_num_threads(1)
    models = solutions()
    there, examples = Torch(models[0]), models[0].examples("train")
    a, b = (np.array(model.theta) for model in models)
    line = np.linspace(0, 1, 25)[:, None]
    print(
        f"the line rises to {top(there, (1 - line) * a + line * b):.4g}, the ends have {top(there, a[None]):.4g} and {top(there, b[None]):.4g}"
    )
    floor(models[0], there)
    compare(
        "Bézier curve, one bend, beside dnn-mode-connectivity's procedure",
        lambda steps: curve_of(models, steps), lambda rate, count: garipov(there, a, b, count * examples, rate, 0), there, turns,
    )  # fmt: skip
    compare(
        f"elastic band beside orqviz with {PIVOTS} pivots",
        lambda steps: band_of(models, steps), lambda rate, count: neb(there, a, b, count, rate, 0), there, turns,
    )  # fmt: skip
    alignment()


if __name__ == "__main__":
    main()
