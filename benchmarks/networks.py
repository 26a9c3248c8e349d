"""Networks of many kinds against PyTorch: `python benchmarks/networks.py` (needs torch).

ResNet-20 (CIFAR shapes, 512 images), LeNet (28×28, 2,000 images) and a causal transformer of two layers (d = 64, T = 64, 256 sequences), and those of
`networks_imported.py`, which come in by `from_torch`: value at one θ, a scan of 21 points, gradient and Hessian-vector product, float32, the same
weights, data and threads. PyTorch runs in evaluation mode,
images channels last, values under inference_mode with θ written in place, the faster of whole and chunked batches. Runs alternate; times are the least of
`--repeats`, ratios PyTorch/landscape. Differences are norm-wise, to PyTorch in float64. The rate at the end of a line is that of the multiplications and
additions which plain products and sums over windows take (a gradient three times a value's, a product eight times), a thread, and its share of the best
that a product reached on one core in the same run; convolutions by squares do fewer.
"""

from __future__ import annotations

import argparse
import math
import resource
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from machine import core_peak, describe
from networks_imported import IMPORTED
from networks_modules import LeNet, ResNet20, Transformer
from torch.nn.functional import cross_entropy
from turns import taken

from landscape import from_torch
from landscape.kernels.lowering import lower
from landscape.model import Model, build_model
from landscape.objective import NetworkObjective
from landscape.program.codes import Op
from landscape.program.table import Column, Geometry

warnings.filterwarnings("ignore")
POINTS = np.linspace(-0.5, 0.5, 21).astype("f4").astype("f8")
CHUNKS = (1_000_000, 128, 32)
TURN = 0.6


@dataclass
class Problem:
    """A module, its data, and the same as a model."""

    name: str
    module: Any
    x: torch.Tensor
    y: torch.Tensor

    @property
    def model(self) -> Model:
        """Convert the module: nodes are named as its parameters are."""
        state = {
            key: value.numpy() for key, value in self.module.state_dict().items() if "tracked" not in key
        }
        x, y = self.x.contiguous().numpy(), self.y.numpy()
        if not hasattr(self.module, "nodes"):
            return from_torch(self.module, "cross_entropy", (x, y))
        return build_model(
            nodes=self.module.nodes(), parameters=state, loss="cross_entropy", x_train=x, y_train=y
        )


def problems(names: list[str]) -> list[Problem]:
    """Make the networks with fixed seeds; running statistics as after some steps of training."""
    torch.manual_seed(0)
    makers: dict[str, Callable[[], Problem]] = {
        "resnet20": lambda: Problem(
            "resnet20",
            ResNet20(),
            torch.randn(512, 3, 32, 32).to(memory_format=torch.channels_last),
            torch.randint(0, 10, (512,)),
        ),
        "lenet": lambda: Problem(
            "lenet", LeNet(), torch.randn(2000, 1, 28, 28), torch.randint(0, 10, (2000,))
        ),
        "transformer": lambda: Problem(
            "transformer", Transformer(), torch.randint(0, 64, (256, 64)), torch.randint(0, 64, (256, 64))
        ),
    }
    makers |= {name: lambda name=name: Problem(name, *IMPORTED[name]()) for name in IMPORTED}
    found = [makers[name]() for name in names or makers]
    for problem in found:
        with torch.no_grad():
            problem.module.train()(problem.x[:128])
        problem.module.eval()
        if problem.x.ndim == 4:
            problem.module.to(memory_format=torch.channels_last)
    return found


class Peer:
    """PyTorch's own way to the same numbers."""

    def __init__(self, problem: Problem, model: Model, chunk: int) -> None:
        self.problem, self.chunk, self.parameters = problem, chunk, dict(problem.module.named_parameters())
        # θ is in the format's order, which is not `parameters()`'.
        self.slots = [(self.named(slot), slot) for slot in model.layout]

    def named(self, slot: Any) -> torch.Tensor:
        """Find a slot's parameter: of its name, of its node's, or of its node's with the bias in place of the weight."""
        weight, _, last = slot.name.rpartition(".")
        names = (slot.name, weight, weight.replace("weight_", "bias_"))
        return next(
            self.parameters[name]
            for name in (names if last != "bias" else names[::2])
            if name in self.parameters
        )

    def write(self, theta: np.ndarray) -> None:
        """Put θ into the module's own memory."""
        flat = torch.from_numpy(theta.astype("f4"))
        with torch.no_grad():
            for parameter, slot in self.slots:
                parameter.copy_(flat[slot.start : slot.stop].reshape(slot.shape))

    def loss(self, part: slice) -> torch.Tensor:
        output, target = self.problem.module(self.problem.x[part]), self.problem.y[part]
        if output.ndim == 4:
            return cross_entropy(output, target, reduction="sum")
        return cross_entropy(output.flatten(0, -2), target.flatten(), reduction="sum")

    def parts(self) -> list[slice]:
        return [slice(start, start + self.chunk) for start in range(0, len(self.problem.x), self.chunk)]

    def value(self) -> float:
        with torch.inference_mode():
            return sum(float(self.loss(part)) for part in self.parts()) / self.problem.y.numel()

    def scan(self, thetas: np.ndarray) -> np.ndarray:
        values = []
        for theta in thetas:
            self.write(theta)
            values.append(self.value())
        return np.array(values)

    def gradient(self) -> np.ndarray:
        total = [torch.zeros_like(parameter) for parameter, _ in self.slots]
        for part in self.parts():
            found = torch.autograd.grad(self.loss(part), [parameter for parameter, _ in self.slots])
            for place, gradient in zip(total, found, strict=True):
                place += gradient
        return self.flat(total)

    def product(self, vector: np.ndarray) -> np.ndarray:
        wanted = [parameter for parameter, _ in self.slots]
        dtype = wanted[0].dtype
        along = [torch.from_numpy(vector[s.start : s.stop].reshape(s.shape)).to(dtype) for _, s in self.slots]
        total = [torch.zeros_like(parameter) for parameter in wanted]
        # Fused attention has no second derivative.
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            for part in self.parts():
                gradient = torch.autograd.grad(self.loss(part), wanted, create_graph=True)
                found = torch.autograd.grad(
                    sum((g * v).sum() for g, v in zip(gradient, along, strict=True)),
                    wanted,
                    materialize_grads=True,
                )
                for place, product in zip(total, found, strict=True):
                    place += product
        return self.flat(total)

    def flat(self, total: list[torch.Tensor]) -> np.ndarray:
        return np.concatenate([part.numpy().ravel() for part in total]) / self.problem.y.numel()


def memory() -> float:
    """Give the peak of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# How many times a value's multiplications each work does.
PASSES = {"value": 1, "scan of 21": 21, "gradient": 3, "product": 8}


def multiplications(model: Model) -> int:
    """Count the multiplications of an example's value in products, convolutions and attention."""
    program, total = lower(model, derivatives=False), 0
    for number, row in enumerate(program.rows):
        if row[Column.OP] in (Op.DENSE, Op.DENSE_OF):
            total += row[Column.GROUPS] * row[Column.OUT] * row[Column.WIDE]
        elif row[Column.OP] in (Op.CONVOLUTION, Op.CONVOLUTION_OF):
            shape = program.geometry[number]
            total += (
                shape[Geometry.OUT_HEIGHT] * shape[Geometry.OUT_WIDTH] * row[Column.OUT] * row[Column.WIDE]
            )
        elif row[Column.OP] == Op.ATTENTION:
            shape, tokens = program.geometry[number], row[Column.GROUPS]
            pairs = tokens * (tokens + 1) // 2 if shape[Geometry.CAUSAL] else tokens**2
            total += 2 * pairs * row[Column.WIDE]
        elif row[Column.OP] == Op.MATMUL:
            total += math.prod(program.links[row[Column.MAP] :][:4].tolist())
    return int(total)


def distance(found: np.ndarray, expected: np.ndarray) -> float:
    """Give the norm-wise difference."""
    return float(np.linalg.norm(np.subtract(found, expected)) / np.linalg.norm(expected))


def compare(problem: Problem, threads: int, repeats: int) -> None:
    """Print one network's rows."""
    model = problem.model
    objective = NetworkObjective(model, dtype="float32", threads=threads)
    theta, rng = model.theta, np.random.default_rng(1)
    direction = (rng.standard_normal(model.size) * np.abs(theta)).astype("f4").astype("f8")
    vector = (rng.standard_normal(model.size) / np.sqrt(model.size)).astype("f4").astype("f8")
    thetas = theta + POINTS[:, None] * direction

    def scan() -> np.ndarray:
        sweep = objective.sweep(theta, direction[None], (POINTS,))
        for step in range(sweep.steps):
            sweep.run(step)
        return sweep.finish()["loss"]

    ours: dict[str, Callable[[], Any]] = {
        "value": lambda: objective.value(theta),
        "scan of 21": scan,
        "gradient": lambda: objective.gradient(theta),
        "product": lambda: objective.hvp(theta, vector),
    }
    width = objective.on_cpu.tiled.tiles.width
    print(f"{problem.name}: {model.size:,} parameters, tiles of {width}, {threads} threads")
    peers = [Peer(problem, model, chunk) for chunk in CHUNKS if chunk > 1000 or chunk < len(problem.x)]
    for what, mine in ours.items():
        mine()
        theirs: list[Callable[[], Any]] = [
            {
                "value": p.value,
                "scan of 21": lambda p=p: p.scan(thetas),
                "gradient": p.gradient,
                "product": lambda p=p: p.product(vector),
            }[what]
            for p in peers
        ]
        peers[0].write(theta)
        least_mine, least_theirs = np.inf, np.inf
        for _ in range(repeats if what != "scan of 21" else max(1, repeats // 3)):
            least_mine = min(least_mine, min(taken(mine, TURN)))
            least_theirs = min(least_theirs, *(min(taken(their, TURN)) for their in theirs))
        peers[0].write(theta)
        rate = 2e-9 * multiplications(model) * len(problem.x) * PASSES[what] / least_mine / threads
        print(
            f"  {what:11} {1e3 * least_mine:9.1f} ms, PyTorch {1e3 * least_theirs:9.1f} ms: "
            f"{least_theirs / least_mine:5.2f}×, peak {memory():,.0f} MiB, {rate:.0f} Gflop/s a thread, {rate / core_peak():.0%} of a core's best"
        )
    problem.module.double()
    if problem.x.dtype == torch.float32:
        problem.x = problem.x.double()
    exact = Peer(problem, model, 64)
    print(
        f"  differences to float64: value {distance([ours['value']()], [exact.value()]):.1e}, "
        f"gradient {distance(ours['gradient'](), exact.gradient()):.1e}, product {distance(ours['product'](), exact.product(vector)):.1e}"
    )


def main() -> None:
    """Compare the networks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for problem in problems(arguments.names):
        compare(problem, arguments.threads, arguments.repeats)
    print(f"\n{describe()}")


if __name__ == "__main__":
    main()
