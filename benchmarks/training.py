"""Training against its peers, side by side in one run: `python benchmarks/training.py [--quick] [--runs R]` (needs PyTorch).

Three works: one run of a 64-32-10 network on the bundled digits, 1,000 Adam steps of batch 32; R such runs at once; 10,000 starts on
Himmelblau's surface, 1,000 Adam steps. Times are the least of repeats that take turns; CPU time stands beside wall time, since on a
busy machine only the former says anything. Everything is in float32 (the surface in float64) and starts from the same parameters.
Cut short, by Ctrl-C or otherwise, the same command goes on with the works that are not measured yet.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from machine import core_peak, describe

from landscape.formulas.optimizers import OPTIMIZERS
from landscape.model import Model, bundled_path, load_model
from landscape.objective.by_device import make_trainer
from landscape.objective.session import available_cores
from landscape.records import Pieces
from landscape.training import Recipe, descend, initialize
from landscape.training.recipe import columns

BATCH, RATE = 32, 1e-3
# Of an example in a step: the output, the weights' gradient, and the adjoint of all but the data.
MULTIPLICATIONS = 2 * (64 * 32 + 32 * 10) + 32 * 10
BETA_1, BETA_2, EPSILON = OPTIMIZERS["adam"].momentum, OPTIMIZERS["adam"].beta2, OPTIMIZERS["adam"].eps


def best(works: dict[str, Callable[[], object]], repeats: int) -> dict[str, np.ndarray]:
    """Time works in turns, after one turn that is not counted: least wall and least CPU seconds of each."""
    found = dict.fromkeys(works, np.full(2, np.inf))
    for turn in range(repeats + 1):
        for name, work in works.items():
            wall, cpu = time.perf_counter(), time.process_time()
            work()
            taken = np.array([time.perf_counter() - wall, time.process_time() - cpu])
            if turn:
                found[name] = np.minimum(found[name], taken)
    return found


def report(title: str, found: dict[str, np.ndarray], units: dict[str, int]) -> None:
    """Print microseconds a unit, and how many times ours each peer takes."""
    print(f"\n{title}")
    per = {name: 1e6 * times / units[name] for name, times in found.items()}
    ours = per["landscape"]
    for name, (wall, cpu) in per.items():
        print(
            f"  {name:<26} {wall:10.3f} wall  {cpu:10.3f} CPU   ×{wall / ours[0]:7.1f} wall  ×{cpu / ours[1]:7.1f} CPU"
        )


def network() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))


def tensors(model: Model) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = np.asarray(model.data["x_train"]), np.asarray(model.data["y_train"])
    return torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y.astype(np.int64))


def torch_loop(model: Model, steps: int, fused: bool) -> Callable[[], object]:
    x, y = tensors(model)

    def work() -> None:
        torch.set_num_threads(1)
        net = network()
        optimizer = torch.optim.Adam(net.parameters(), lr=RATE, fused=fused)
        loss = torch.nn.CrossEntropyLoss()
        order = torch.randperm(len(x))
        per_epoch = len(x) // BATCH
        for step in range(steps):
            start = step % per_epoch * BATCH
            rows = order[start : start + BATCH]
            optimizer.zero_grad()
            loss(net(x[rows]), y[rows]).backward()
            optimizer.step()

    return work


def torch_vmap(model: Model, runs: int, steps: int, threads: int) -> Callable[[], object]:
    x, y = tensors(model)
    shapes = [(32, 64), (32,), (10, 32), (10,)]

    def loss(parameters: list[torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        w1, b1, w2, b2 = parameters
        hidden = torch.relu(torch.nn.functional.linear(x, w1, b1))
        return torch.nn.functional.cross_entropy(torch.nn.functional.linear(hidden, w2, b2), y)

    slope = torch.func.vmap(torch.func.grad(loss))

    def work() -> None:
        torch.set_num_threads(threads)
        parameters = [0.1 * torch.randn(runs, *shape) for shape in shapes]
        first, second = ([torch.zeros_like(p) for p in parameters] for _ in range(2))
        for step in range(1, steps + 1):
            rows = torch.randint(len(x), (runs, BATCH))
            gradients = slope(parameters, x[rows], y[rows])
            for p, g, m, v in zip(parameters, gradients, first, second, strict=True):
                m.mul_(BETA_1).add_(g, alpha=1 - BETA_1)
                v.mul_(BETA_2).addcmul_(g, g, value=1 - BETA_2)
                bottom = (v.sqrt() / (1 - BETA_2**step) ** 0.5).add_(EPSILON)
                p.addcdiv_(m, bottom, value=-RATE / (1 - BETA_1**step))

    return work


def ours(model: Model, runs: int, steps: int, threads: int) -> Callable[[], object]:
    recipes = [
        Recipe(optimizer="adam", learning_rate=RATE, batch_size=BATCH, steps=steps, seed=seed)
        for seed in range(runs)
    ]
    starts = np.array([initialize(model, "he", seed) for seed in range(runs)])
    settings = columns(recipes, model.examples("train"))

    def work() -> None:
        make_trainer(model, settings, starts, threads=threads).advance(steps)

    return work


def himmelblau(theta: np.ndarray) -> np.ndarray:
    x, y = theta
    a, b = x * x + y - 11, x + y * y - 7
    return np.array([4 * x * a + 2 * b, 2 * a + 4 * y * b])


def numpy_descent(starts: np.ndarray, steps: int) -> Callable[[], object]:
    """Descend from all starts at once where they are an array [2, R], from one where they are [2]."""

    def work() -> None:
        theta, m, v = starts.copy(), np.zeros_like(starts), np.zeros_like(starts)
        for step in range(1, steps + 1):
            g = himmelblau(theta)
            m = BETA_1 * m + (1 - BETA_1) * g
            v = BETA_2 * v + (1 - BETA_2) * g * g
            theta = theta - RATE * (m / (1 - BETA_1**step)) / (np.sqrt(v / (1 - BETA_2**step)) + EPSILON)

    return work


def one_run(model: Model, steps: int) -> tuple[str, dict[str, Callable[[], object]], dict[str, int]]:
    works = {
        "landscape": ours(model, 1, steps, 1), "torch loop": torch_loop(model, steps, False),
        "torch loop, fused Adam": torch_loop(model, steps, True),
    }  # fmt: skip
    return f"one run, {steps} steps, one thread", works, dict.fromkeys(works, steps)


def many_runs(
    model: Model, runs: int, steps: int, threads: int
) -> tuple[str, dict[str, Callable[[], object]], dict[str, int]]:
    fewer = 20
    works = {
        "landscape": ours(model, runs, steps // 5, threads),
        "torch vmap": torch_vmap(model, runs, fewer, threads),
    }
    units = {"landscape": runs * (steps // 5), "torch vmap": runs * fewer}
    return f"{runs} runs at once, {threads} threads", works, units


def surface(
    count: int, steps: int, threads: int
) -> tuple[str, dict[str, Callable[[], object]], dict[str, int]]:
    starts = np.random.default_rng(0).uniform(-5, 5, (count, 2))
    settings = {"optimizer": "adam", "learning_rate": RATE, "steps": steps, "every": steps}
    works = {
        "landscape": lambda: descend("himmelblau", starts, **settings),
        "NumPy, all at once": numpy_descent(starts.T.copy(), steps), "NumPy, one by one": numpy_descent(starts[0], steps),
    }  # fmt: skip
    units = {"landscape": count * steps, "NumPy, all at once": count * steps, "NumPy, one by one": steps}
    return f"{count} starts on a surface, {threads} threads", works, units


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, twice")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--output", default="training-benchmark.npz", help="what is measured stands beside it till the end"
    )
    options = parser.parse_args()
    part, repeats = (10, 2) if options.quick else (1, options.repeats)
    model, threads, steps = load_model(bundled_path("digits")), available_cores(), 1000 // part
    print(
        f"{threads} threads, torch {torch.__version__}; microseconds a step, a model's step, a start's step"
    )
    identity = {"model": model.fingerprint(), "data": model.data_fingerprint()}
    settings = {"part": part, "repeats": repeats, "runs": options.runs}
    with Pieces(options.output, settings=settings, **identity) as pieces:
        for title, works, units in (
            one_run(model, steps), many_runs(model, options.runs // part, steps, threads),
            surface(10_000 // part, steps, threads),
        ):  # fmt: skip
            found = pieces.once(title, partial(best, works, repeats))
            report(title, found, units)
            if title.startswith(("one run", f"{options.runs // part} runs")):
                rate = (
                    2e-9
                    * BATCH
                    * MULTIPLICATIONS
                    * units["landscape"]
                    / found["landscape"][0]
                    / (1 if "one thread" in title else threads)
                )
                print(
                    f"  products of landscape's: {rate:.0f} Gflop/s a thread, {rate / core_peak():.0%} of a core's best"
                )
        print(f"\n{describe()}")


if __name__ == "__main__":
    main()
