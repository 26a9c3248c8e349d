"""`TorchObjective` beside bare loops of PyTorch and other packages: a scan, a gradient and a product of ResNet-18.

The others are those that are installed: loss-landscapes for the scan, curvlinops, hessian-eigenthings and PyHessian for the product (pip install
loss-landscapes curvlinops-for-pytorch hessian-eigenthings pyhessian). Each has the same batches and the same module in evaluation.

    python benchmarks/torch_objective.py --images 512 --points 9 --turns 5

Each turn does every job once in each way, one after the other, so that what else the machine does falls on all of them. Told are the medians of the
turns, the ratio (bare loop / this way: above 1 is faster than the loop), and how far each result is from the same in float64.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import nn

import landscape

F = nn.functional


class Block(nn.Module):
    """A residual block of ResNet-18 (He et al. 2016)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)
        self.conv2, self.bn2 = nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)
        self.short: nn.Module = nn.Identity()
        if stride > 1 or before != after:
            self.short = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)) + self.short(x))


class ResNet18(nn.Module):
    """ResNet-18 with the beginning of ImageNet's, as torchvision has it; `width` is the first stage's."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width)
        stages, before = [], width
        for place in range(4):
            after = width * 2**place
            stages += [Block(before, after, 1 if place == 0 else 2), Block(after, after, 1)]
            before = after
        self.blocks, self.fc = nn.Sequential(*stages), nn.Linear(before, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        return self.fc(F.adaptive_avg_pool2d(self.blocks(x), 1).flatten(1))


class Bare:
    """The loops that one writes: parameters in place, sums over batches."""

    def __init__(self, module: nn.Module, x: torch.Tensor, y: torch.Tensor, size: int) -> None:
        self.module, self.parameters = module, list(module.parameters())
        self.batches = list(zip(x.split(size), y.split(size), strict=True))
        self.count = len(x)

    def scan(self, direction: torch.Tensor, steps: np.ndarray) -> np.ndarray:
        center = nn.utils.parameters_to_vector(self.parameters).detach().clone()
        losses = []
        with torch.no_grad():
            for step in steps:
                nn.utils.vector_to_parameters(center + float(step) * direction, self.parameters)
                total = 0.0
                for x, y in self.batches:
                    total += float(F.cross_entropy(self.module(x), y)) * len(x)
                losses.append(total / self.count)
            nn.utils.vector_to_parameters(center, self.parameters)
        return np.array(losses)

    def gradient(self) -> np.ndarray:
        total: Any = 0
        for x, y in self.batches:
            parts = torch.autograd.grad(F.cross_entropy(self.module(x), y), self.parameters)
            total = total + torch.cat([part.reshape(-1) for part in parts]) * len(x)
        return (total / self.count).double().numpy()

    def product(self, vector: torch.Tensor) -> np.ndarray:
        rows, start = [], 0
        for parameter in self.parameters:
            rows.append(vector[start : start + parameter.numel()].view_as(parameter))
            start += parameter.numel()
        total: Any = 0
        for x, y in self.batches:
            first = torch.autograd.grad(
                F.cross_entropy(self.module(x), y), self.parameters, create_graph=True
            )
            parts = torch.autograd.grad(first, self.parameters, rows)
            total = total + torch.cat([part.reshape(-1) for part in parts]) * len(x)
        return (total / self.count).double().numpy()


def scans(bare: Bare, direction: torch.Tensor, steps: np.ndarray) -> dict[str, Callable[[], np.ndarray]]:
    """Give the scans of other packages that are installed."""
    found: dict[str, Callable[[], np.ndarray]] = {}
    if find_spec("loss_landscapes") is not None and len(steps) > 1:
        import loss_landscapes
        from loss_landscapes.metrics import Metric

        class Mean(Metric):
            """The loss over all batches."""

            def __call__(self, wrapper: Any) -> float:
                with torch.no_grad():
                    parts = [float(F.cross_entropy(wrapper.forward(x), y)) * len(x) for x, y in bare.batches]
                return sum(parts) / bare.count

        # Its line leaves its first end out.
        gap = float(steps[1] - steps[0])
        ends = [moved(bare.module, direction, float(step)) for step in (steps[0] - gap, steps[-1])]

        def along() -> np.ndarray:
            # It moves the module that it is given.
            values = loss_landscapes.linear_interpolation(
                *ends, Mean(), steps=len(steps), deepcopy_model=True
            )
            return np.asarray(values)

        found["loss-landscapes"] = along
    return found


def moved(module: nn.Module, direction: torch.Tensor, step: float) -> nn.Module:
    """Copy a module, moved along a direction."""
    other = copy.deepcopy(module)
    point = nn.utils.parameters_to_vector(other.parameters()).detach() + step * direction
    nn.utils.vector_to_parameters(point, other.parameters())
    return other


def products(bare: Bare, vector: torch.Tensor) -> dict[str, Callable[[], np.ndarray]]:
    """Give the products of other packages that are installed."""
    found: dict[str, Callable[[], np.ndarray]] = {}
    loss = nn.CrossEntropyLoss()
    if find_spec("curvlinops") is not None:
        from curvlinops import HessianLinearOperator

        linear = HessianLinearOperator(
            bare.module, loss, bare.parameters, bare.batches, check_deterministic=False
        )
        found["curvlinops"] = lambda: (linear @ vector).detach().double().numpy()
    if find_spec("hessian_eigenthings") is not None:
        from hessian_eigenthings import HessianOperator, supervised_loss

        operator = HessianOperator(bare.module, bare.batches, supervised_loss(loss))
        found["hessian-eigenthings"] = lambda: operator.matvec(vector).detach().double().numpy()
    if find_spec("pyhessian") is not None:
        from pyhessian import hessian

        whole = hessian(bare.module, loss, dataloader=bare.batches, cuda=False)
        bare.module.zero_grad()
        rows = list(vector.split([p.numel() for p in bare.parameters]))
        rows = [row.view_as(p) for row, p in zip(rows, bare.parameters, strict=True)]

        def product() -> np.ndarray:
            parts = whole.dataloader_hv_product(rows)[1]
            bare.module.zero_grad()
            return torch.cat([part.reshape(-1) for part in parts]).double().numpy()

        found["PyHessian"] = product
    return found


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def off(found: np.ndarray, exact: np.ndarray) -> float:
    """Measure how far a result is from the exact one, in parts of that one's length."""
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def by_turns(ways: dict[str, Callable[[], Any]], turns: int) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Time each way once in each turn, after one that does not count; give also what it found."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    found: dict[str, Any] = {}
    for turn in range(turns + 1):
        # Each way is first as often as the others.
        for way in list(ways)[:: 1 if turn % 2 else -1]:
            taken, found[way] = timed(ways[way])
            if turn:
                seconds[way].append(taken)
    return seconds, found


def ratio_of(times: list[float], others: list[float]) -> float:
    """Say how many times as long as the others the first take, by the median of the turns."""
    return statistics.median(a / b for a, b in zip(times, others, strict=True))


def compare(job: str, seconds: dict[str, list[float]], found: dict[str, Any], right: np.ndarray) -> None:
    """Print the times of each way, beside the bare loop's, and how far off its result is."""
    for way, times in seconds.items():
        print(
            f"{job:<9} {way:<20} {statistics.median(times):8.3f} s ({min(times):.3f} to {max(times):.3f}), "
            f"ratio {ratio_of(seconds['bare loop'], times):.2f}, off by {off(found[way], right):.1e}"
        )
    fastest = min((times for way, times in seconds.items() if way != "TorchObjective"), key=statistics.median)
    ratio = ratio_of(fastest, seconds["TorchObjective"])
    print(f"{job:<9} TorchObjective beside the fastest of the others: ratio {ratio:.2f} (wanted: 0.95)")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, usual in (
        ("images", 512), ("points", 9), ("turns", 5), ("batch", 128), ("width", 64), ("threads", 0)
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--job", action="append", choices=("scan", "gradient", "product"))
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    module = ResNet18(given.width).eval()
    x, y = torch.randn(given.images, 3, 32, 32), torch.randint(10, (given.images,))
    bare = Bare(module, x, y, given.batch)
    # Without the accuracy, which the loops do not count either.
    options: dict[str, Any] = {"batch_size": given.batch, "metrics": {}}
    ours = landscape.TorchObjective(module, nn.CrossEntropyLoss(), (x, y), **options)
    theta, axis = ours.theta, np.linspace(-1, 1, given.points)
    vector = np.random.default_rng(0).standard_normal(ours.size)
    vector *= 0.1 * np.linalg.norm(theta) / np.linalg.norm(vector)
    single = torch.from_numpy(vector).float()

    def scan(objective: Any) -> np.ndarray:
        sweep = objective.sweep(theta, vector[None], (axis,))
        for step in range(sweep.steps):
            sweep.run(step)
        return np.asarray(sweep.finish()["loss"])

    jobs: dict[str, dict[str, Callable[[], Any]]] = {
        "scan": {"bare loop": lambda: bare.scan(single, axis), "TorchObjective": lambda: scan(ours)},
        "gradient": {"bare loop": bare.gradient, "TorchObjective": lambda: ours.gradient(theta)},
        "product": {
            "bare loop": lambda: bare.product(single),
            "TorchObjective": lambda: ours.hvp(theta, vector),
        },
    }
    wanted = given.job or list(jobs)
    jobs["scan"] |= scans(bare, single, axis) if "scan" in wanted else {}
    jobs["product"] |= products(bare, single) if "product" in wanted else {}
    wide = landscape.TorchObjective(
        module,
        nn.CrossEntropyLoss(),
        (x, y),
        dtype="float64",
        **(options | {"batch_size": given.batch // 2 or 1}),
    )
    # At θ and along the vector as float32 holds them.
    exact: dict[str, Callable[[], np.ndarray]] = {
        "scan": lambda: scan(wide),
        "gradient": lambda: wide.gradient(theta),
        "product": lambda: wide.hvp(theta, vector.astype(np.float32)),
    }
    print(
        f"ResNet-18, width {given.width}, P = {ours.size:,}, {given.images} images of 32 × 32 in batches of {given.batch}, "
        f"{given.points} points, {torch.get_num_threads()} threads, PyTorch {torch.__version__}"
    )
    for job in wanted:
        compare(job, *by_turns(jobs[job], given.turns), exact[job]())


if __name__ == "__main__":
    main()
