"""Curvature against PyTorch's tools: `python benchmarks/curvature.py` (needs torch; curvlinops-for-pytorch, pyhessian, hessian-eigenthings).

Products, the ten largest eigenvalues and the dense Hessian of tanh networks in float64, one thread each, the same weights and
data. Runs alternate; a time is the least CPU time of its repeats, so that other work on the machine counts little, and a ratio is the tool's
over landscape's. Accuracy stands beside every time:
of a product and a matrix relative to `torch.func`'s, of eigenvalues relative to those of the dense matrix, or the largest
residual where that does not fit. A tool that is not installed, or fails, is named with the reason.
"""

from __future__ import annotations

import argparse
import io
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from machine import describe
from scipy.sparse.linalg import LinearOperator, eigsh
from threadpoolctl import threadpool_limits

from landscape.curvature import dense_matrix, eigenpairs, hessian_operator
from landscape.model import Model, build_model
from landscape.objective import NetworkObjective

warnings.filterwarnings("ignore")
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
threadpool_limits(1)
Array = np.ndarray
Run = Callable[[], Any]


@dataclass(frozen=True)
class Problem:
    """A tanh network and random data."""

    widths: tuple[int, ...]
    examples: int

    @cached_property
    def model(self) -> Model:
        rng = np.random.default_rng(0)
        sizes = list(zip(self.widths[1:], self.widths[:-1], strict=True))
        layers = [(rng.standard_normal((o, i)) / np.sqrt(i), 0.1 * rng.standard_normal(o)) for o, i in sizes]
        x = rng.standard_normal((self.examples, self.widths[0]))
        y = rng.integers(0, self.widths[-1], self.examples)
        return build_model(layers=layers, activation="tanh", loss="cross_entropy", x_train=x, y_train=y)

    @property
    def name(self) -> str:
        return f"{'-'.join(map(str, self.widths))}, P = {self.model.size:,}, n = {self.examples:,}"

    @cached_property
    def objective(self) -> NetworkObjective:
        return NetworkObjective(self.model, threads=1)

    @cached_property
    def vector(self) -> Array:
        vector = np.random.default_rng(1).standard_normal(self.model.size)
        return vector / np.linalg.norm(vector)

    @cached_property
    def data(self) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.from_numpy(self.model.data["x_train"]), torch.from_numpy(self.model.data["y_train"])

    def module(self) -> torch.nn.Module:
        layers: list[torch.nn.Module] = []
        for i, o in zip(self.widths[:-1], self.widths[1:], strict=True):
            layers += [torch.nn.Linear(i, o), torch.nn.Tanh()]
        module = torch.nn.Sequential(*layers[:-1])
        torch.nn.utils.vector_to_parameters(torch.tensor(self.model.theta), module.parameters())
        return module


SMALL = Problem((20, 16, 16, 4), 300)
MIDDLE = Problem((64, 32, 10), 1_437)
LARGE = Problem((784, 128, 10), 2_000)
# A short run is repeated for so many seconds before it is the next tool's turn: products come one after another in use, too.
TURN = 0.02
CRITERION = torch.nn.CrossEntropyLoss()


def landscape_product(problem: Problem) -> Callable[[Array], Array]:
    """Take the objective's products, prepared at θ as PyHessian's graph is."""
    products = problem.objective.hvps_at(problem.model.theta)
    return lambda v: products(v[None])[0]


def flat_loss(problem: Problem) -> tuple[Callable[[torch.Tensor], torch.Tensor], torch.Tensor]:
    """Give the loss as a function of a flat θ."""
    module, (x, y) = problem.module(), problem.data
    names, shapes = zip(*((name, p.shape) for name, p in module.named_parameters()), strict=True)
    sizes = [shape.numel() for shape in shapes]

    def loss(theta: torch.Tensor) -> torch.Tensor:
        parts = [part.view(shape) for part, shape in zip(theta.split(sizes), shapes, strict=True)]
        named = dict(zip(names, parts, strict=True))
        return CRITERION(torch.func.functional_call(module, named, (x,)), y)

    return loss, torch.tensor(problem.model.theta)


def torch_product(problem: Problem) -> Callable[[Array], Array]:
    """Return PyTorch's product, by forward over reverse mode."""
    loss, theta = flat_loss(problem)
    gradient = torch.func.grad(loss)
    return lambda v: torch.func.jvp(gradient, (theta,), (torch.from_numpy(v),))[1].detach().numpy()


def pyhessian_product(problem: Problem) -> Callable[[Array], Array]:
    """Return PyHessian's product, by its cached graph of the gradient."""
    from pyhessian import hessian
    from pyhessian.utils import hessian_vector_product

    whole = hessian(problem.module(), CRITERION, data=problem.data, cuda=False)
    sizes = [p.numel() for p in whole.params]

    def product(v: Array) -> Array:
        parts = torch.from_numpy(v).split(sizes)
        rows = [part.view(p.shape) for part, p in zip(parts, whole.params, strict=True)]
        found = hessian_vector_product(whole.gradsH, whole.params, rows)
        return torch.cat([part.reshape(-1) for part in found]).detach().numpy()

    return product


def eigenthings_product(problem: Problem) -> Callable[[Array], Array]:
    """Take its operator over one batch."""
    from hessian_eigenthings import HessianOperator, supervised_loss

    operator = HessianOperator(problem.module(), [problem.data], supervised_loss(CRITERION))
    return lambda v: (operator @ torch.from_numpy(v)).detach().numpy()


def curvlinops_product(problem: Problem) -> Callable[[Array], Array]:
    """Take its operator over one batch."""
    from curvlinops import HessianLinearOperator

    module = problem.module()
    parameters = list(module.parameters())
    operator = HessianLinearOperator(module, CRITERION, parameters, [problem.data], check_deterministic=False)
    return lambda v: (operator @ torch.from_numpy(v)).detach().numpy()


PRODUCTS = {
    "landscape": landscape_product,
    "torch.func": torch_product,
    "pyhessian (cached graph)": pyhessian_product,
    "hessian-eigenthings": eigenthings_product,
    "curvlinops": curvlinops_product,
}


def timed(runs: dict[str, Run], seconds: float) -> dict[str, float]:
    """Give the least CPU time of each, alternating for about so many seconds in all."""
    least = dict.fromkeys(runs, np.inf)
    end = time.perf_counter() + seconds
    while True:
        for name, run in runs.items():
            turn = time.process_time() + TURN
            while True:
                begun = time.process_time()
                run()
                ended = time.process_time()
                least[name] = min(least[name], ended - begun)
                if ended > turn:
                    break
        if time.perf_counter() > end:
            return least


def made(problem: Problem) -> dict[str, Callable[[Array], Array]]:
    """Set every tool up, and name those that cannot be."""
    found = {}
    for name, make in PRODUCTS.items():
        try:
            product = make(problem)
            product(problem.vector)
            found[name] = product
        except Exception as error:
            print(f"  {name}: not run ({type(error).__name__}: {str(error).splitlines()[0][:90]})")
    return found


def table(least: dict[str, float], accuracy: dict[str, str]) -> None:
    """Print times, ratios and accuracy."""
    for name, each in least.items():
        print(
            f"  {name:<28} {each * 1e3:>12.3f} ms   ×{each / least['landscape']:<8.2f} {accuracy.get(name, '')}"
        )


def relative(found: Array, expected: Array) -> str:
    """Write a relative distance."""
    return f"off by {np.linalg.norm(found - expected) / np.linalg.norm(expected):.1e}"


def products(problem: Problem, seconds: float) -> None:
    """Time a product."""
    print(f"product: {problem.name}", flush=True)
    tools = made(problem)
    expected = tools["torch.func"](problem.vector)
    accuracy = {name: relative(tool(problem.vector), expected) for name, tool in tools.items()}
    table(timed({name: lambda t=tool: t(problem.vector) for name, tool in tools.items()}, seconds), accuracy)


def eigsh_of(problem: Problem, product: Callable[[Array], Array]) -> Run:
    """Run SciPy's search on a tool's products, to the same tolerance."""
    size = problem.model.size
    operator = LinearOperator(
        (size, size), matvec=lambda v: product(np.ascontiguousarray(v.reshape(-1))), dtype=np.float64
    )
    return lambda: eigsh(operator, k=10, which="LA", tol=1e-6, v0=problem.vector)


def eigenvalues(problem: Problem, seconds: float) -> None:
    """Time the search for the ten largest."""
    print(f"ten largest eigenvalues: {problem.name}", flush=True)
    tools = made(problem)
    runs: dict[str, Run] = {
        "landscape": lambda: eigenpairs(hessian_operator(problem.objective, problem.model.theta), top=10)
    }
    runs |= {
        f"{name} + eigsh": eigsh_of(problem, tool) for name, tool in tools.items() if name != "landscape"
    }
    runs |= own_searches(problem)
    accuracy = {}
    truth = dense_eigenvalues(problem) if problem.model.size < 5000 else None
    for name, run in list(runs.items()):
        try:
            accuracy[name] = eigenvalue_error(problem, run(), truth)
        except Exception as error:
            print(f"  {name}: not run ({type(error).__name__}: {str(error).splitlines()[0][:90]})")
            del runs[name]
    table(timed(runs, seconds), accuracy)


def own_searches(problem: Problem) -> dict[str, Run]:
    """The searches that tools bring themselves, as their documentation calls them."""

    def by_pyhessian() -> tuple[Array, Array]:
        from pyhessian import hessian

        whole = hessian(problem.module(), CRITERION, data=problem.data, cuda=False)
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            values, rows = whole.eigenvalues(top_n=10)
        vectors = [torch.cat([part.reshape(-1) for part in row]).detach().numpy() for row in rows]
        return np.array(values), np.array(vectors).T

    def by_eigenthings() -> tuple[Array, Array]:
        from hessian_eigenthings import HessianOperator, lanczos, supervised_loss

        operator = HessianOperator(problem.module(), [problem.data], supervised_loss(CRITERION))
        found = lanczos(operator, k=10, max_iter=50, which="LA", seed=0)
        vectors = np.asarray(found.eigenvectors)
        return np.asarray(found.eigenvalues), vectors if len(vectors) == problem.model.size else vectors.T

    return {"pyhessian's own": by_pyhessian, "hessian-eigenthings' own (50 steps)": by_eigenthings}


def dense_eigenvalues(problem: Problem) -> Array:
    """Give the ten largest of torch's dense Hessian."""
    loss, theta = flat_loss(problem)
    return np.linalg.eigvalsh(torch.func.hessian(loss)(theta).detach().numpy())[-10:]


def eigenvalue_error(problem: Problem, found: Any, truth: Array | None) -> str:
    """Say how far the eigenvalues are from the dense matrix's; where there is none, the largest residual."""
    ours = hasattr(found, "values") and hasattr(found, "residuals")
    values = np.sort(found.values if ours else found[0])
    if truth is not None:
        return f"off by {np.abs(values - truth).max() / truth[-1]:.1e} of the largest"
    columns = found.vectors.T if ours else found[1]
    quotients = np.asarray(found.values if ours else found[0])
    images = problem.objective.hvps(problem.model.theta, columns.T).T
    residual = np.linalg.norm(images - columns * quotients, axis=0).max()
    return f"largest residual {residual / values[-1]:.1e} of the largest eigenvalue"


def dense(problem: Problem, seconds: float) -> None:
    """Time the whole matrix."""
    print(f"dense Hessian: {problem.name}", flush=True)
    loss, theta = flat_loss(problem)
    runs: dict[str, Run] = {
        "landscape": lambda: dense_matrix(hessian_operator(problem.objective, problem.model.theta)).matrix,
        "torch.func.hessian": lambda: torch.func.hessian(loss)(theta).detach().numpy(),
        "torch.autograd, vectorized": lambda: torch.autograd.functional.hessian(
            loss, theta, vectorize=True
        ).numpy(),
    }
    expected = runs["torch.func.hessian"]()
    table(timed(runs, seconds), {name: relative(run(), expected) for name, run in runs.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="for each comparison")
    seconds = parser.parse_args().seconds
    products(SMALL, seconds)
    products(LARGE, seconds)
    eigenvalues(SMALL, seconds)
    eigenvalues(LARGE, seconds)
    dense(SMALL, seconds)
    dense(MIDDLE, seconds)
    print(f"\n{describe()}")


if __name__ == "__main__":
    main()
