"""A scan against PyTorch and two landscape tools: `python benchmarks/scan.py` (needs torch, loss-landscapes, landscaper).

Each network is scanned over the same grid, with the same weights, data, directions and threads, in float32: by `landscape`, by PyTorch
in a loop that writes θ in place, by `torch.func.vmap` over 16 points at a time, and by the peers where they apply.
Runs alternate. A short one is repeated for a quarter of a second, of which the median counts: all are warm, and no tool is timed while
another's threads still wait busily after their run. Ratios are peer/landscape, pair by pair, median and range. Surfaces are compared with
a float64 NumPy one. The last columns are the rate of the multiplications and additions in products, per thread, and before it its share of the best rate
that a product reached on one core in the same run, ours or a BLAS's.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from machine import core_peak, describe
from turns import taken

from landscape.model import Model, build_model
from landscape.objective import NetworkObjective

warnings.filterwarnings("ignore")
CHUNK = 16
TURN = 0.25


@dataclass(frozen=True)
class Problem:
    """A network, its data and a grid."""

    widths: tuple[int, ...]
    activation: str
    examples: int
    side: int

    @property
    def name(self) -> str:
        return f"{'-'.join(map(str, self.widths))} {self.activation}, {self.examples:,}, {self.side**2:,}"

    @cached_property
    def model(self) -> Model:
        rng = np.random.default_rng(0)
        layers = [
            (
                (rng.standard_normal((o, i)) / np.sqrt(i)).astype("f4"),
                (0.1 * rng.standard_normal(o)).astype("f4"),
            )
            for i, o in zip(self.widths[:-1], self.widths[1:], strict=True)
        ]
        x = rng.standard_normal((self.examples, self.widths[0])).astype("f4")
        y = rng.integers(0, self.widths[-1], self.examples)
        return build_model(
            layers=layers, activation=self.activation, loss="cross_entropy", x_train=x, y_train=y
        )

    @cached_property
    def directions(self) -> np.ndarray:
        rng = np.random.default_rng(1)
        scale = np.linalg.norm(self.model.theta) / np.sqrt(self.model.size)
        return (scale * rng.standard_normal((2, self.model.size))).astype("f4").astype("f8")

    @cached_property
    def axis(self) -> np.ndarray:
        return np.linspace(-1, 1, self.side).astype("f4").astype("f8")

    @cached_property
    def reference(self) -> np.ndarray:
        """Evaluate every eleventh point in float64 NumPy."""
        x, y = self.model.data["x_train"].astype("f8"), self.model.data["y_train"]
        return np.array([self.numpy_loss(self.point(k), x, y) for k in range(0, self.side**2, 11)])

    def point(self, k: int) -> np.ndarray:
        i, j = divmod(k, self.side)
        return self.model.theta + self.axis[i] * self.directions[0] + self.axis[j] * self.directions[1]

    def numpy_loss(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
        slots = self.model.layout
        for weight, bias in zip(slots[::2], slots[1::2], strict=True):
            w, b = (theta[s.start : s.stop].reshape(s.shape) for s in (weight, bias))
            x = x @ w.T + b
            if bias is not slots[-1]:
                x = np.tanh(x) if self.activation == "tanh" else np.maximum(x, 0)
        top = x.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(x - top).sum(axis=1)) + top[:, 0]
        return float(np.mean(log_sum - x[np.arange(len(y)), y]))


PROBLEMS = (
    Problem((784, 128, 64, 10), "relu", 10_000, 21),
    Problem((64, 64, 32, 10), "tanh", 1_797, 51),
    Problem((64, 64, 32, 10), "tanh", 64, 51),
    Problem((64, 256, 256, 10), "tanh", 1_797, 21),
)


def ours(problem: Problem, threads: int, dtype: str = "float32") -> Callable[[], np.ndarray]:
    objective = NetworkObjective(problem.model, dtype=dtype, threads=threads)
    return lambda: scanned(problem, objective)


def scanned(problem: Problem, objective: NetworkObjective) -> np.ndarray:
    sweep = objective.sweep(problem.model.theta, problem.directions, (problem.axis, problem.axis))
    for step in range(sweep.steps):
        sweep.run(step)
    return sweep.finish()["loss"]


def network(problem: Problem) -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    layers: list[torch.nn.Module] = []
    for i, o in zip(problem.widths[:-1], problem.widths[1:], strict=True):
        layers += [
            torch.nn.Linear(i, o),
            torch.nn.Tanh() if problem.activation == "tanh" else torch.nn.ReLU(),
        ]
    module = torch.nn.Sequential(*layers[:-1])
    theta = torch.tensor(problem.model.theta, dtype=torch.float32)
    torch.nn.utils.vector_to_parameters(theta, module.parameters())
    return (
        module,
        torch.from_numpy(problem.model.data["x_train"]),
        torch.from_numpy(problem.model.data["y_train"]),
    )


def coordinates(problem: Problem) -> torch.Tensor:
    axis = torch.tensor(problem.axis, dtype=torch.float32)
    return torch.cartesian_prod(axis, axis)


def torch_loop(problem: Problem) -> Callable[[], np.ndarray]:
    module, x, y = network(problem)
    center = torch.tensor(problem.model.theta, dtype=torch.float32)
    first, second = torch.tensor(problem.directions, dtype=torch.float32)
    flat = center.clone()
    start = 0
    for parameter in module.parameters():
        parameter.data = flat[start : start + parameter.numel()].view_as(parameter)
        start += parameter.numel()
    pairs = coordinates(problem).tolist()

    @torch.inference_mode()
    def run() -> np.ndarray:
        losses = np.empty(len(pairs))
        for k, (a, b) in enumerate(pairs):
            torch.add(center, first, alpha=a, out=flat)
            flat.add_(second, alpha=b)
            losses[k] = torch.nn.functional.cross_entropy(module(x), y).item()
        return losses

    return run


def torch_vmap(problem: Problem) -> Callable[[], np.ndarray]:
    module, x, y = network(problem)
    names = [name for name, _ in module.named_parameters()]
    shapes = [parameter.shape for parameter in module.parameters()]
    center = torch.tensor(problem.model.theta, dtype=torch.float32)
    first, second = torch.tensor(problem.directions, dtype=torch.float32)
    pairs = coordinates(problem)

    def loss(theta: torch.Tensor) -> torch.Tensor:
        parts = torch.split(theta, [s.numel() for s in shapes])
        named = {n: p.view(s) for n, p, s in zip(names, parts, shapes, strict=True)}
        return torch.nn.functional.cross_entropy(torch.func.functional_call(module, named, (x,)), y)

    many = torch.func.vmap(loss)

    @torch.inference_mode()
    def run() -> np.ndarray:
        blocks = [many(center + p[:, :1] * first + p[:, 1:] * second) for p in pairs.split(CHUNK)]
        return torch.cat(blocks).double().numpy()

    return run


def loss_landscapes(problem: Problem) -> Callable[[], None]:
    import loss_landscapes as peer
    import loss_landscapes.metrics as metrics

    module, x, y = network(problem)
    metric = metrics.Loss(torch.nn.functional.cross_entropy, x, y)
    return lambda: peer.random_plane(
        module, metric, distance=1, steps=problem.side, normalization="filter", deepcopy_model=True
    )


def landscaper(problem: Problem) -> Callable[[], None]:
    from landscaper.compute import compute_loss_landscape

    module, x, y = network(problem)
    vectors = torch.tensor(problem.directions, dtype=torch.float32)
    sizes = [parameter.numel() for parameter in module.parameters()]
    directions = [
        [part.view_as(p) for part, p in zip(vector.split(sizes), module.parameters(), strict=True)]
        for vector in vectors
    ]

    def criterion(m: torch.nn.Module, d: tuple[torch.Tensor, torch.Tensor]) -> float:
        return float(torch.nn.functional.cross_entropy(m(d[0]), d[1]).item())

    return lambda: compute_loss_landscape(
        copy.deepcopy(module),
        (x, y),
        directions,
        criterion,
        steps=problem.side,
        distance=1.0,
        dim=2,
        device="cpu",
    )


def seconds(call: Callable[[], object], turn: float = 0.0) -> float:
    """Time a call, the median of those that a turn of so many seconds has room for; what a peer prints of its progress goes nowhere."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        return statistics.median(taken(call, turn))


def useful(problem: Problem) -> float:
    """Count the multiply-adds that a scan does in products: every layer but the shared first, and that three times."""
    each = [i * o for i, o in zip(problem.widths[:-1], problem.widths[1:], strict=True)]
    return problem.examples * (problem.side**2 * sum(each[1:]) + 3 * each[0])


def spread(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):5.1f} ({min(ratios):.1f}–{max(ratios):.1f})"


def measure(problem: Problem, threads: int, rounds: int, peers: bool) -> str:
    torch.set_num_threads(threads)
    candidates: dict[str, Callable[[], object]] = {"loop": torch_loop(problem), "vmap": torch_vmap(problem)}
    if peers:
        candidates |= {"loss-landscapes": loss_landscapes(problem), "landscaper": landscaper(problem)}
    scan = ours(problem, threads)
    surface = scan()[::11]
    error = float(np.max(np.abs(surface / problem.reference - 1)))
    exact = float(np.max(np.abs(ours(problem, threads, "float64")()[::11] / problem.reference - 1)))
    for name in ("loop", "vmap"):
        found = np.asarray(candidates[name]())[::11]
        assert np.allclose(found, problem.reference, rtol=1e-3), f"{name} does other work"
    times: dict[str, list[float]] = {name: [] for name in ("landscape", *candidates)}
    for _ in range(rounds):
        times["landscape"].append(seconds(scan, TURN))
        for name, call in candidates.items():
            times[name].append(seconds(call, TURN))
    best = min(("loop", "vmap"), key=lambda name: statistics.median(times[name]))
    ratios = {
        name: spread([t / o for t, o in zip(times[name], times["landscape"], strict=True)])
        for name in candidates
    }
    rate = 2e-9 * useful(problem) / min(times["landscape"]) / threads
    cells = [problem.name, str(threads), ratios["loop"], ratios["vmap"], best]
    cells += [ratios.get("loss-landscapes", "—"), ratios.get("landscaper", "—")]
    return (
        "| "
        + " | ".join([*cells, f"{error:.1e}", f"{exact:.1e}", f"{rate / core_peak():.0%}", f"{rate:.0f}"])
        + " |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--problems", type=int, nargs="+", default=range(len(PROBLEMS)))
    parser.add_argument("--no-peers", action="store_true", help="PyTorch alone")
    options = parser.parse_args()
    print(
        "| network, examples, points | threads | loop | vmap | faster | loss-landscapes | landscaper | float32 | float64 | of peak | Gflop/s a core |"
    )
    print("| --- " * 11 + "|")
    for threads in options.threads:
        for number in options.problems:
            print(measure(PROBLEMS[number], threads, options.rounds, not options.no_peers), flush=True)
    print(f"\n{describe()}")


if __name__ == "__main__":
    main()
