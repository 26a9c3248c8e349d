"""A GPU against PyTorch on the same card: `python benchmarks/gpu.py [--quick]` (needs a GPU, numba-cuda, and torch with CUDA).

Scans of networks at 51×51 points and 60,000 examples; 4,096 trainings on the bundled digits at once; 10⁶ descents on a test surface; the dense
Hessian of 2,410 parameters by differences of gradients. PyTorch is at its best of what is listed for each: products of all points that fit at
once (one of the data with all first layers' weights, then `baddbmm`), `vmap`, and CUDA graphs, so that no launch waits for Python. Everything is in
float32 with tf32 off, except where "tf32" stands. Times are the least of repeats that take turns, after one that compiles and is not counted. The last
two columns are shares of the card's float32 rate (a large product) and of its memory's bandwidth (a large copy), both measured in the same run: useful
multiply-adds and the bytes of data, parameters and results, each once.

`NUMBA_ENABLE_CUDASIM=1 NUMBA_DISABLE_JIT=1 python benchmarks/gpu.py --rehearse` goes through every row at tiny sizes without a GPU, ours in Numba's
simulator and PyTorch on the CPU, and compares the results: no time is printed, since none would mean anything.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from scan import Problem, scanned

from landscape.model import Model, bundled_path
from landscape.objective import NetworkObjective
from landscape.objective.finite_difference import FiniteDifference
from landscape.training import descend, new_model, train_many

CHUNK_BYTES = 2 * 2**30
Work = Callable[[], object]


@dataclass(frozen=True)
class Sizes:
    """How large the rows are."""

    widths: tuple[tuple[int, ...], ...] = ((784, 128, 64, 10), (784, 64, 32, 10), (784, 256, 256, 10), (784, 512, 512, 10))  # fmt: skip
    examples: int = 60_000
    side: int = 51
    network: tuple[int, ...] = (64, 32, 10)
    runs: int = 4096
    steps: int = 500
    batch: int = 32
    starts: int = 1_000_000
    repeats: int = 5
    rate: int = 8192
    copied: int = 2**30
    rehearsed: bool = False

    @property
    def device(self) -> str:
        """Where PyTorch computes."""
        return "cpu" if self.rehearsed else "cuda"

    def model(self) -> Model:
        """Give the network that is trained: of the bundled digits, or of a few random numbers."""
        if self.rehearsed:
            return Problem(self.network, "relu", self.examples, 2).model
        return new_model(bundled_path("digits"), self.network, seed=0)


QUICK = Sizes(side=11, steps=50, repeats=2)
REHEARSAL = Sizes(
    ((5, 3, 2),), examples=5, side=2, network=(2, 3, 2), runs=2, steps=2, batch=3, starts=3, repeats=0, rate=64, copied=2**20, rehearsed=True
)  # fmt: skip


def wait() -> None:
    """Wait for the card, where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def timed(works: dict[str, Work], repeats: int) -> dict[str, float]:
    """Time works in turns; the least seconds of each."""
    found = dict.fromkeys(works, math.inf)
    for turn in range(repeats + 1):
        for name, work in works.items():
            wait()
            begun = time.perf_counter()
            work()
            wait()
            if turn:
                found[name] = min(found[name], time.perf_counter() - begun)
    return found


def measured_rates(sizes: Sizes) -> tuple[float, float]:
    """Give the card's float32 multiply-adds and its bytes moved, a second."""
    a, b = torch.randn(2, sizes.rate, sizes.rate, device=sizes.device).unbind()
    source = torch.empty(sizes.copied, dtype=torch.uint8, device=sizes.device)
    target = torch.empty_like(source)
    found = timed({"product": lambda: a @ b, "copy": lambda: target.copy_(source)}, 10)
    return float(sizes.rate) ** 3 / found["product"], 2.0 * source.numel() / found["copy"]


def graphed(step: Work, device: str) -> Work:
    """Capture a step as a CUDA graph, and give what replays it; without a card, the step."""
    if device == "cpu":
        return step
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()

    def replay(kept: Work = step) -> None:
        # A graph keeps addresses only: what it reads and writes lives as long as the step that it was captured from.
        graph.replay()

    return replay


def with_tf32(work: Work) -> Work:
    """Do a work with tf32 allowed."""

    def done() -> object:
        torch.backends.cuda.matmul.allow_tf32 = True
        try:
            return work()
        finally:
            torch.backends.cuda.matmul.allow_tf32 = False

    return done


def repeated(replay: Work, steps: int) -> Work:
    """Return a function that repeats a step."""
    return lambda: [replay() for _ in range(steps)]


def layers_of(thetas: torch.Tensor, widths: tuple[int, ...]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Cut θ [K, P] into weights [K, out, in] and biases [K, out, 1]."""
    found, start = [], 0
    for i, o in pairwise(widths):
        weight = thetas[:, start : start + o * i].view(-1, o, i)
        bias = thetas[:, start + o * i : start + o * i + o].view(-1, o, 1)
        found.append((weight, bias))
        start += o * i + o
    return found


def plain_loss(
    theta: torch.Tensor, widths: tuple[int, ...], x: torch.Tensor, y: torch.Tensor
) -> torch.Tensor:
    """Give the loss at one θ [P], as `vmap` takes it."""
    a, start = x, 0
    for i, o in pairwise(widths):
        weight, bias = theta[start : start + o * i].view(o, i), theta[start + o * i : start + o * i + o]
        a, start = torch.relu(a) if start else a, start + o * i + o
        a = weight @ a + bias[:, None]
    return torch.nn.functional.cross_entropy(a.T, y)


def batched_losses(
    thetas: torch.Tensor, widths: tuple[int, ...], x: torch.Tensor, y: torch.Tensor
) -> torch.Tensor:
    """Give the losses [K] at rows of θ, all points' products in one a layer: a plain one of the data x [F, N], which they share, then `baddbmm`."""
    (weight, bias), *later = layers_of(thetas, widths)
    a = (weight.flatten(0, 1) @ x).view(len(thetas), -1, x.shape[1]).add_(bias)
    for weight, bias in later:
        a = torch.baddbmm(bias, weight, torch.relu(a) if a.requires_grad else torch.relu_(a))
    labels = y.expand(len(thetas), -1)
    return torch.nn.functional.cross_entropy(a, labels, reduction="none").mean(dim=1)


def scan_data(problem: Problem, device: str) -> tuple[torch.Tensor, ...]:
    """Give inputs [F, N], labels, centre, directions and points of a scan."""
    model = problem.model
    axis = torch.from_numpy(problem.axis.astype("f4"))
    found = (
        torch.from_numpy(np.ascontiguousarray(model.data["x_train"].T)),
        torch.from_numpy(model.data["y_train"]).long(),
        torch.from_numpy(model.theta.astype("f4")),
        torch.from_numpy(problem.directions.astype("f4")),
        torch.cartesian_prod(axis, axis),
    )
    return tuple(part.to(device) for part in found)


def torch_scans(problem: Problem, device: str) -> dict[str, Work]:
    """Scan with PyTorch: all points that memory bears in one product a layer or by `vmap`, and a point at a time as a CUDA graph."""
    widths = problem.widths
    x, y, center, directions, points = scan_data(problem, device)
    chunk = max(1, CHUNK_BYTES // (4 * max(widths[1:]) * problem.examples))

    def batched() -> torch.Tensor:
        parts = [batched_losses(center + part @ directions, widths, x, y) for part in points.split(chunk)]
        return torch.cat(parts)

    mapped = torch.func.vmap(lambda theta: plain_loss(theta, widths, x, y))

    def by_vmap() -> torch.Tensor:
        return torch.cat([mapped(center + part @ directions) for part in points.split(chunk)])

    at, loss = torch.zeros(1, 2, device=device), torch.zeros(1, device=device)
    replay = graphed(lambda: loss.copy_(batched_losses(center + at @ directions, widths, x, y)), device)

    def one_by_one() -> torch.Tensor:
        losses = torch.empty(len(points), device=device)
        for k in range(len(points)):
            at.copy_(points[k : k + 1])
            replay()
            losses[k : k + 1].copy_(loss)
        return losses

    return {
        "torch, batched": batched,
        "torch, vmap": by_vmap,
        "torch, graph a point": one_by_one,
        "torch, batched, tf32": with_tf32(batched),
    }


def scan_row(widths: tuple[int, ...], sizes: Sizes, rates: tuple[float, float]) -> None:
    """Compare one network's scan."""
    problem = Problem(widths, "relu", sizes.examples, sizes.side)
    objective = NetworkObjective(problem.model, dtype="float32", device="cuda")
    with torch.no_grad():
        works = {"landscape": lambda: scanned(problem, objective)} | torch_scans(problem, sizes.device)
        surfaces = {name: np.asarray(torch.as_tensor(work()).cpu()).ravel() for name, work in works.items()}
        found = timed(works, sizes.repeats)
    later = sum(i * o for i, o in pairwise(widths[1:]))
    points, examples = sizes.side**2, sizes.examples
    work = points * examples * (later + 2 * widths[1]) + 3 * examples * widths[0] * widths[1]
    moved = problem.model.data["x_train"].nbytes + 4 * 3 * problem.model.size + 8 * points
    report(f"scan {problem.name}", found, work, moved, rates, agreement(surfaces, "tf32"))


def agreement(results: dict[str, np.ndarray], apart: str) -> str:
    """Write how far the peers' results are from ours, those in another precision `apart`."""
    ours = results["landscape"]
    others = [theirs for name, theirs in results.items() if apart not in name]
    return f"agree to {max(np.linalg.norm(theirs - ours) / np.linalg.norm(ours) for theirs in others):.0e}"


def data_of(model: Model, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Give a model's training data, [F, N] and labels."""
    x = np.asarray(model.data["x_train"], "f4").reshape(len(model.data["x_train"]), -1)
    y = np.asarray(model.data["y_train"])
    return torch.from_numpy(np.ascontiguousarray(x.T)).to(device), torch.from_numpy(y).long().to(device)


def torch_ensemble(model: Model, sizes: Sizes) -> Work:
    """Capture a step of all runs at once: `baddbmm`, fused Adam, batches drawn on the card."""
    widths, (x, y), rows = sizes.network, data_of(model, sizes.device), sizes.runs
    start = torch.from_numpy(model.theta.astype("f4")).to(sizes.device)
    thetas = start.repeat(rows, 1).requires_grad_()
    optimizer = torch.optim.Adam([thetas], lr=1e-3, fused=True, capturable=not sizes.rehearsed)

    def step() -> None:
        chosen = torch.randint(x.shape[1], (rows, sizes.batch), device=sizes.device)
        optimizer.zero_grad(set_to_none=False)
        layers = layers_of(thetas, widths)
        a = torch.relu(torch.baddbmm(layers[0][1], layers[0][0], x.T[chosen].transpose(1, 2)))
        z = torch.baddbmm(layers[1][1], layers[1][0], a)
        torch.nn.functional.cross_entropy(z, y[chosen], reduction="sum").div(sizes.batch).backward()
        optimizer.step()

    return graphed(step, sizes.device)


def ensemble_row(sizes: Sizes, rates: tuple[float, float]) -> None:
    """Compare many trainings at once, Adam, batches that each run draws for itself."""
    model, widths, runs, steps, batch = sizes.model(), sizes.network, sizes.runs, sizes.steps, sizes.batch

    def ours() -> object:
        return train_many(
            model, optimizer="adam", learning_rate=1e-3, batch_size=batch, steps=steps, seed=range(runs), looks=2,
            device="cuda",
        )  # fmt: skip

    allowed = with_tf32(lambda: torch_ensemble(model, sizes))
    works = {
        "landscape": ours,
        "torch, bmm in a graph": repeated(torch_ensemble(model, sizes), steps),
        # Which precision a graph has is settled when it is captured.
        "torch, the same, tf32": repeated(allowed(), steps),
    }
    found = timed(works, sizes.repeats)
    work = 3.0 * runs * steps * batch * sum(i * o for i, o in pairwise(widths))
    moved = 4.0 * runs * (3 * model.size + steps * batch * widths[0])
    title = f"{runs:,} trainings of {'-'.join(map(str, widths))}, {steps} Adam steps of batch {batch}"
    report(title, found, work, moved, rates)


def surface_row(sizes: Sizes, rates: tuple[float, float]) -> None:
    """Compare many descents on Himmelblau's surface."""
    steps = sizes.steps
    starts = np.random.default_rng(0).uniform(-5, 5, (sizes.starts, 2))
    theta = torch.from_numpy(starts.astype("f4")).to(sizes.device).requires_grad_()
    optimizer = torch.optim.Adam([theta], lr=0.01, fused=True, capturable=not sizes.rehearsed)

    def step() -> None:
        optimizer.zero_grad(set_to_none=False)
        u, v = theta[:, 0], theta[:, 1]
        ((u * u + v - 11) ** 2 + (u + v * v - 7) ** 2).sum().backward()
        optimizer.step()

    def ours() -> object:
        return descend(
            "himmelblau", starts, optimizer="adam", learning_rate=0.01, steps=steps, every=steps, dtype="float32",
            device="cuda",
        )  # fmt: skip

    works = {"landscape": ours, "torch, in a graph": repeated(graphed(step, sizes.device), steps)}
    found = timed(works, sizes.repeats)
    title = f"{sizes.starts:,} descents on himmelblau, {steps} Adam steps"
    report(title, found, 20.0 * sizes.starts * steps, 16.0 * sizes.starts, rates)


def torch_hessian(model: Model, sizes: Sizes) -> Work:
    """Take central differences of gradients, of as many points at once as memory bears."""
    widths, (x, y), size = sizes.network, data_of(model, sizes.device), model.size
    center = torch.from_numpy(model.theta.astype("f4")).to(sizes.device)
    chunk = max(1, CHUNK_BYTES // (8 * widths[1] * x.shape[1]) // 2)

    def gradients(thetas: torch.Tensor) -> torch.Tensor:
        thetas = thetas.requires_grad_()
        return torch.autograd.grad(batched_losses(thetas, widths, x, y).sum(), thetas)[0]

    def done() -> torch.Tensor:
        moves = 1e-2 * torch.eye(size, device=sizes.device)
        parts = [gradients(center + part) - gradients(center - part) for part in moves.split(chunk)]
        return torch.cat(parts) / 2e-2

    return done


def hessian_row(sizes: Sizes, rates: tuple[float, float]) -> None:
    """Compare a dense Hessian by central differences of gradients."""
    model, widths = sizes.model(), sizes.network
    objective = NetworkObjective(model, dtype="float32", device="cuda")
    difference = FiniteDifference(objective, model.theta, order="central", step=1e-2)
    theirs, size, examples = torch_hessian(model, sizes), model.size, model.examples("train")
    works = {
        "landscape": lambda: difference.products(np.eye(size)),
        "torch, batched": theirs,
        "torch, batched, tf32": with_tf32(theirs),
    }
    matrices = {name: np.asarray(torch.as_tensor(work()).cpu()) for name, work in works.items()}
    found = timed(works, sizes.repeats)
    work = 2.0 * size * 3 * examples * sum(i * o for i, o in pairwise(widths))
    title = f"dense finite-difference Hessian, P = {size:,}, {examples:,} examples"
    report(title, found, work, 8.0 * size * size, rates, agreement(matrices, "tf32"))


def report(
    title: str,
    found: dict[str, float],
    work: float,
    moved: float,
    rates: tuple[float, float],
    agrees: str = "",
) -> None:
    """Print seconds, how many times ours each peer takes, and the shares of the card; of a rehearsal what was run."""
    print(f"\n{title}" + (f" ({agrees})" if agrees else ""))
    for name, seconds in found.items():
        if math.isinf(seconds):
            print(f"  {name:<24} rehearsed")
            continue
        shares = work / seconds / rates[0], moved / seconds / rates[1]
        print(
            f"  {name:<24} {seconds:10.4f} s  ×{seconds / found['landscape']:7.2f}  {shares[0]:6.1%} of the rate  "
            f"{shares[1]:6.1%} of the bandwidth"
        )


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer points, steps and repeats")
    parser.add_argument("--rehearse", action="store_true", help="tiny rows in the simulator, without a GPU")
    options = parser.parse_args()
    sizes = REHEARSAL if options.rehearse else QUICK if options.quick else Sizes()
    torch.backends.cuda.matmul.allow_tf32 = False
    rates = measured_rates(sizes)
    if not sizes.rehearsed:
        print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
        print(f"float32 {2e-12 * rates[0]:.1f} Tflop/s in a product of {sizes.rate}, {1e-9 * rates[1]:,.0f} GB/s in a copy")  # fmt: skip
    for widths in sizes.widths:
        scan_row(widths, sizes, rates)
    ensemble_row(sizes, rates)
    surface_row(sizes, rates)
    hessian_row(sizes, rates)


if __name__ == "__main__":
    main()
