"""A GPU against PyTorch on the same card: `python benchmarks/gpu.py [--quick]` (needs a GPU, numba-cuda, and torch with CUDA).

Scans of networks at 51×51 points and 60,000 examples; 4,096 trainings on the bundled digits at once; 10⁶ descents on a test surface; the dense
Hessian of 2,410 parameters by differences of gradients. PyTorch is at its best of what is listed for each: batched products over all
that fits, `vmap`, and CUDA graphs, so that no launch waits for Python. Everything is in float32 with tf32 off, except where "tf32" stands. Times are
the least of repeats that take turns, after one that compiles and is not counted. The last two columns are shares of the card's
float32 rate (a large product) and of its memory's bandwidth (a large copy), both measured in the same run: useful multiply-adds and the bytes of data,
parameters and results, each once.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from scan import Problem, scanned

from landscape.curvature.finite_difference import FiniteDifference
from landscape.model import bundled_path, load_model
from landscape.objective import NetworkObjective
from landscape.training import descend, new_model, train_many

WIDTHS = ((784, 128, 64, 10), (784, 64, 32, 10), (784, 256, 256, 10), (784, 512, 512, 10))
EXAMPLES, SIDE, CHUNK_BYTES = 60_000, 51, 2 * 2**30
RUNS, STEPS, BATCH, STARTS = 4096, 500, 32, 1_000_000
REPEATS = 5
Work = Callable[[], object]


def timed(works: dict[str, Work], repeats: int) -> dict[str, float]:
    """Time works in turns; the least seconds of each."""
    found = dict.fromkeys(works, math.inf)
    for turn in range(repeats + 1):
        for name, work in works.items():
            torch.cuda.synchronize()
            begun = time.perf_counter()
            work()
            torch.cuda.synchronize()
            if turn:
                found[name] = min(found[name], time.perf_counter() - begun)
    return found


def measured_rates() -> tuple[float, float]:
    """Give the card's float32 multiply-adds and its bytes moved, a second."""
    a, b = torch.randn(2, 8192, 8192, device="cuda").unbind()
    source = torch.empty(2**30, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    found = timed({"product": lambda: a @ b, "copy": lambda: target.copy_(source)}, 10)
    return 8192.0**3 / found["product"], 2.0 * source.numel() / found["copy"]


def graphed(step: Work) -> Work:
    """Capture a step as a CUDA graph, and give what replays it."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def with_tf32(work: Work) -> Work:
    """Do a work with tf32 allowed."""

    def done() -> object:
        torch.backends.cuda.matmul.allow_tf32 = True
        try:
            return work()
        finally:
            torch.backends.cuda.matmul.allow_tf32 = False

    return done


def layers_of(thetas: torch.Tensor, widths: tuple[int, ...]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Cut θ [K, P] into weights [K, out, in] and biases [K, out, 1]."""
    found, start = [], 0
    for i, o in pairwise(widths):
        weight = thetas[:, start : start + o * i].view(-1, o, i)
        bias = thetas[:, start + o * i : start + o * i + o].view(-1, o, 1)
        found.append((weight, bias))
        start += o * i + o
    return found


def batched_losses(
    thetas: torch.Tensor, widths: tuple[int, ...], x: torch.Tensor, y: torch.Tensor
) -> torch.Tensor:
    """Give the losses [K] at rows of θ, all points' products in one `baddbmm` a layer; x [F, N] or [K, F, N]."""
    layers = layers_of(thetas, widths)
    a = x.expand(len(thetas), -1, -1)
    for number, (weight, bias) in enumerate(layers):
        a = torch.baddbmm(bias, weight, a)
        a = a if number == len(layers) - 1 else torch.relu_(a) if not a.requires_grad else torch.relu(a)
    labels = y.expand(len(thetas), -1)
    return torch.nn.functional.cross_entropy(a, labels, reduction="none").mean(dim=1)


def torch_scans(problem: Problem) -> dict[str, Work]:
    """Scan with PyTorch: batched over as many points as memory bears, and a point at a time as a CUDA graph."""
    model, widths = problem.model, problem.widths
    x = torch.from_numpy(np.ascontiguousarray(model.data["x_train"].T)).cuda()
    y = torch.from_numpy(model.data["y_train"]).long().cuda()
    center = torch.from_numpy(model.theta.astype("f4")).cuda()
    directions = torch.from_numpy(problem.directions.astype("f4")).cuda()
    axis = torch.from_numpy(problem.axis.astype("f4")).cuda()
    points = torch.cartesian_prod(axis, axis)
    chunk = max(1, CHUNK_BYTES // (4 * max(widths[1:]) * problem.examples))

    def batched() -> torch.Tensor:
        parts = [batched_losses(center + part @ directions, widths, x, y) for part in points.split(chunk)]
        return torch.cat(parts)

    at, loss = torch.zeros(1, 2, device="cuda"), torch.zeros(1, device="cuda")
    replay = graphed(lambda: loss.copy_(batched_losses(center + at @ directions, widths, x, y)))

    def one_by_one() -> torch.Tensor:
        losses = torch.empty(len(points), device="cuda")
        for k in range(len(points)):
            at.copy_(points[k : k + 1])
            replay()
            losses[k : k + 1].copy_(loss)
        return losses

    return {
        "torch, batched": batched,
        "torch, graph a point": one_by_one,
        "torch, batched, tf32": with_tf32(batched),
    }


def scan_row(widths: tuple[int, ...], side: int, repeats: int, rates: tuple[float, float]) -> None:
    """Compare one network's scan."""
    problem = Problem(widths, "relu", EXAMPLES, side)
    objective = NetworkObjective(problem.model, dtype="float32", device="cuda")
    with torch.no_grad():
        works = {"landscape": lambda: scanned(problem, objective)} | torch_scans(problem)
        surfaces = {name: work() for name, work in works.items()}
        found = timed(works, repeats)
    ours = np.asarray(surfaces["landscape"]).ravel()
    theirs = surfaces["torch, batched"].cpu().numpy()
    distance = np.max(np.abs(ours / theirs - 1))
    later = sum(i * o for i, o in pairwise(widths[1:]))
    work = side**2 * EXAMPLES * (later + 2 * widths[1]) + 3 * EXAMPLES * widths[0] * widths[1]
    moved = problem.model.data["x_train"].nbytes + 4 * 3 * problem.model.size + 8 * side**2
    report(f"scan {problem.name} (surfaces agree to {distance:.0e})", found, work, moved, rates)


def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """Give the bundled digits on the GPU, [F, N] and labels."""
    data = load_model(bundled_path("digits")).data
    x = np.asarray(data["x_train"], "f4").reshape(len(data["x_train"]), -1)
    return torch.from_numpy(np.ascontiguousarray(x.T)).cuda(), torch.from_numpy(
        np.asarray(data["y_train"])
    ).long().cuda()


def ensemble_row(steps: int, repeats: int, rates: tuple[float, float]) -> None:
    """Compare 4,096 trainings of 64-32-10 at once, Adam, batches of 32 that each run draws for itself."""
    widths = (64, 32, 10)
    model = new_model(bundled_path("digits"), widths, seed=0)
    (x, y), rows = digits(), RUNS

    def ours() -> object:
        return train_many(
            model, optimizer="adam", learning_rate=1e-3, batch_size=BATCH, steps=steps, seed=range(RUNS), looks=2,
            device="cuda",
        )  # fmt: skip

    start = torch.from_numpy(model.theta.astype("f4")).cuda()
    thetas = start.repeat(rows, 1).requires_grad_()
    optimizer = torch.optim.Adam([thetas], lr=1e-3, fused=True, capturable=True)

    def step() -> None:
        chosen = torch.randint(x.shape[1], (rows, BATCH), device="cuda")
        optimizer.zero_grad(set_to_none=False)
        layers = layers_of(thetas, widths)
        a = torch.relu(torch.baddbmm(layers[0][1], layers[0][0], x.T[chosen].transpose(1, 2)))
        z = torch.baddbmm(layers[1][1], layers[1][0], a)
        torch.nn.functional.cross_entropy(z, y[chosen], reduction="sum").div(BATCH).backward()
        optimizer.step()

    replay = graphed(step)
    found = timed(
        {"landscape": ours, "torch, bmm in a graph": lambda: [replay() for _ in range(steps)]}, repeats
    )
    work = 3.0 * rows * steps * BATCH * sum(i * o for i, o in pairwise(widths))
    moved = 4.0 * rows * (3 * model.size + steps * BATCH * widths[0])
    report(f"{rows:,} trainings of 64-32-10, {steps} Adam steps of batch {BATCH}", found, work, moved, rates)


def surface_row(steps: int, repeats: int, rates: tuple[float, float]) -> None:
    """Compare 10⁶ descents on Himmelblau's surface."""
    starts = np.random.default_rng(0).uniform(-5, 5, (STARTS, 2))
    theta = torch.from_numpy(starts.astype("f4")).cuda().requires_grad_()
    optimizer = torch.optim.Adam([theta], lr=0.01, fused=True, capturable=True)

    def step() -> None:
        optimizer.zero_grad(set_to_none=False)
        u, v = theta[:, 0], theta[:, 1]
        ((u * u + v - 11) ** 2 + (u + v * v - 7) ** 2).sum().backward()
        optimizer.step()

    replay = graphed(step)

    def ours() -> object:
        return descend(
            "himmelblau", starts, optimizer="adam", learning_rate=0.01, steps=steps, every=steps, dtype="float32",
            device="cuda",
        )  # fmt: skip

    found = timed({"landscape": ours, "torch, in a graph": lambda: [replay() for _ in range(steps)]}, repeats)
    report(
        f"{STARTS:,} descents on himmelblau, {steps} Adam steps",
        found,
        20.0 * STARTS * steps,
        16.0 * STARTS,
        rates,
    )


def hessian_row(repeats: int, rates: tuple[float, float]) -> None:
    """Compare the dense Hessian of 64-32-10 by central differences of gradients."""
    widths = (64, 32, 10)
    model = new_model(bundled_path("digits"), widths, seed=0)
    objective = NetworkObjective(model, dtype="float32", device="cuda")
    (x, y), size = digits(), model.size
    difference = FiniteDifference(objective, model.theta, order="central", step=1e-2)
    center = torch.from_numpy(model.theta.astype("f4")).cuda()
    chunk = max(1, CHUNK_BYTES // (8 * widths[1] * x.shape[1]))

    def gradients(thetas: torch.Tensor) -> torch.Tensor:
        thetas = thetas.requires_grad_()
        return torch.autograd.grad(batched_losses(thetas, widths, x, y).sum(), thetas)[0]

    def theirs() -> torch.Tensor:
        moves = 1e-2 * torch.eye(size, device="cuda")
        parts = [
            gradients(center + part) - gradients(center - part) for part in moves.split(max(1, chunk // 2))
        ]
        return torch.cat(parts) / 2e-2

    found = timed({"landscape": lambda: difference.products(np.eye(size)), "torch, batched": theirs}, repeats)
    work = 2.0 * size * 3 * x.shape[1] * sum(i * o for i, o in pairwise(widths))
    moved = 8.0 * size * size
    report(
        f"dense finite-difference Hessian, P = {size:,}, {x.shape[1]:,} examples", found, work, moved, rates
    )


def report(
    title: str, found: dict[str, float], work: float, moved: float, rates: tuple[float, float]
) -> None:
    """Print seconds, how many times ours each peer takes, and the shares of the card."""
    print(f"\n{title}")
    for name, seconds in found.items():
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
    quick = parser.parse_args().quick
    torch.backends.cuda.matmul.allow_tf32 = False
    repeats = 2 if quick else REPEATS
    rates = measured_rates()
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    print(
        f"float32 {2e-12 * rates[0]:.1f} Tflop/s in a product of 8192, {1e-9 * rates[1]:,.0f} GB/s in a copy"
    )
    for widths in WIDTHS:
        scan_row(widths, 11 if quick else SIDE, repeats, rates)
    ensemble_row(50 if quick else STEPS, repeats, rates)
    surface_row(50 if quick else STEPS, repeats, rates)
    hessian_row(repeats, rates)


if __name__ == "__main__":
    main()
