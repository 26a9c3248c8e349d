"""`analyze_hessian`: compute what was requested of a Hessian, and make the record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.curvature.dense import require_memory
from landscape.curvature.eigen import require_counts
from landscape.curvature.journal import Journal
from landscape.curvature.operators import MATRICES, parameter_nodes
from landscape.curvature.point import (
    Point,
    function_point,
    model_point,
    preconditioner_of,
    require_finite_loss,
)
from landscape.curvature.request import Request
from landscape.curvature.work import Work
from landscape.errors import InputError, did_you_mean
from landscape.model import Model
from landscape.objective import HasValue, complete
from landscape.objective.about import about
from landscape.objective.session import session
from landscape.progress import Announce, Progress, nobody, silent
from landscape.records import Hessian
from landscape.records.keeping import Fields, Inside, Key, Wanted, produce_inside

METHODS = ("exact", "finite-difference", "both")
# What is computed where nothing is asked for.
TOP, BOTTOM = 10, 5


def analyze_hessian(
    subject: Model | HasValue,
    theta: ArrayLike | None = None,
    *,
    top: int | None = None,
    bottom: int | None = None,
    all: bool = False,
    density: bool = False,
    trace: bool = False,
    by_node: bool = False,
    method: str = "exact",
    operator: str = "hessian",
    precondition: bool = False,
    node: str | None = None,
    split: str = "train",
    dtype: str = "float64",
    examples: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    device: str = "auto",
    accuracy: float = 0.05,
    tolerance: float = 1e-6,
    max_products: int = 200_000,
    output: str | Path | None = None,
    fresh: bool = False,
    progress: Progress = nobody,
    announce: Announce = silent,
) -> Hessian:
    """Analyse the Hessian of a model's loss (penalty included) at its parameters, or of an objective at θ.

    Parameters
    ----------
    subject
        A model, or any objective; missing gradients and products are replaced by finite differences.
    theta
        The point [P], for an objective; by default a `TorchObjective` is analysed at its module's parameters.
    top, bottom, all
        How many of the largest and of the smallest (most negative) eigenvalues to find, or all of them. If nothing at
        all is requested, ten and five.
    density, trace
        Whether to estimate the spectral density (to an `accuracy`), and the trace and the Frobenius norm.
    by_node
        Also find the smallest and the largest eigenvalue of each node's submatrix.
    method
        "exact", "finite-difference" (of gradients), or "both", which compares them. For an objective without products
        the Hessian is made of finite differences.
    operator
        "hessian", or an approximation of it: "gauss-newton", "fisher", "empirical-fisher".
    precondition
        Analyse P^(−1/2) H P^(−1/2), where P is what Adam divides by, taken from the optimizer's state in the model's
        file.
    node
        Analyse the submatrix of one node only.
    split, dtype, examples, seed, threads, device
        As in `NetworkObjective`.
    tolerance, max_products
        Settings of the search for eigenvalues, as in `eigenpairs`.
    output, fresh
        The file to save to. A finished record of the same settings that is there is returned, and an unfinished one is
        continued, unless `fresh`.
    progress, announce
        Called with the share of the work that is done, and the same in words, such as "310 of about 410 products", and
        with messages.

    Raises
    ------
    InputError
        Something that cannot be computed of this subject; the message says what can.
    ComputationError
        Products that are not finite, or a file that cannot be written.
    KeyboardInterrupt
        Ctrl-C. If there is an output, the products so far were saved.

    Examples
    --------
    >>> import numpy as np
    >>> from landscape.objective import CallableObjective
    >>> toy = CallableObjective(lambda w: (1 - w[0] * w[1]) ** 2,
    ...     hvp=lambda w, v: np.array([[0.0, -2.0], [-2.0, 0.0]]) @ v, size=2)
    >>> analyze_hessian(toy, [0.0, 0.0], all=True).eigenvalues.round(12).tolist()
    [-2.0, 2.0]
    """
    request = Request(
        top=top or 0, bottom=bottom or 0, all=all, density=density, trace=trace, by_node=by_node,
        method=method, operator=operator, precondition=precondition, node=node, accuracy=accuracy, tolerance=tolerance, max_products=max_products,
        seed=seed,
    )  # fmt: skip
    default = top is None and bottom is None
    # What is wrong with it is said before the network is evaluated, and compiled for that.
    if isinstance(subject, Model):
        checked_request(
            request, subject.size, parameter_nodes(subject), preconditioner_of(subject), default=default
        )
    point = point_of(
        subject, theta, split=split, dtype=dtype, threads=threads, examples=examples, seed=seed, device=device,
        without=() if operator == "hessian" else (f"the operator '{operator}'",),
    )  # fmt: skip
    request = checked_request(request, point.theta.size, point.nodes, point.preconditioner, default=default)
    request = settled_method(request, point)
    key = Key(point.model, point.data, settings_of(point, request))
    path = None if output is None else Path(output)

    def work(keeper: Inside[Hessian]) -> Fields:
        require_finite_loss(point)
        # Finite differences also count what they crossed, so they begin anew.
        resumes = path is not None and request.method == "exact"
        # One thread for BLAS: the same bits whatever else runs, and no fight with the threads of the products.
        with keeper.deferred() if resumes else nullcontext(), session():
            journal = journal_of(keeper, point.theta.size) if resumes else None
            work = Work(point, request, announce, journal)
            results = work.told(keeper.progress)
        return {**results, "settings": key.settings | work.learned()}

    return produce_inside(Wanted(Hessian, key, path, fresh, progress, announce), work)


def journal_of(keeper: Inside[Hessian], size: int) -> Journal:
    """Make the journal that stores an analysis's products in its record, with those of an earlier run."""
    journal = Journal(keeper, None if keeper.earlier is None else keeper.earlier.partial)
    nothing = np.zeros(0)
    unfinished = {
        **dict.fromkeys(("eigenvalues", "residuals", "errors"), nothing),
        "eigenvectors": np.zeros((0, size)),
        "status": "unfinished: the same command goes on from here",
    }
    keeper.state = lambda: {**unfinished, "partial": partial} if (partial := journal.arrays()) else None
    return journal


# What only a model leaves open, with the values that choose nothing.
OF_MODELS: dict[str, tuple[Any, ...]] = {
    "split": ("train",),
    "dtype": ("float64",),
    "examples": (None,),
    "device": ("cpu", "auto"),
}


def point_of(subject: Model | HasValue, theta: ArrayLike | None, **options: Any) -> Point:
    """Take a model at its own parameters, an objective at those given."""
    if isinstance(subject, Model):
        if theta is not None:
            raise InputError("a model is analysed at its own parameters: use model.with_theta(theta)")
        return model_point(subject, **options)
    told = about(subject)
    if told is not None:
        subject = told.at_split(options.pop("split", told.split))
        theta = told.theta if theta is None else theta
    subject = complete(subject)
    if theta is None:
        raise InputError("expected theta, the point at which the objective is analysed")
    for name, usual in OF_MODELS.items():
        if options.get(name, usual[0]) not in usual:
            raise InputError(f"{name}: is chosen for a model; an objective that is given comes with its own")
    return function_point(subject, theta)


def checked_request(
    request: Request,
    size: int,
    nodes: Mapping[str, NDArray],
    preconditioner: NDArray | None,
    *,
    default: bool,
) -> Request:
    """Fill in the defaults of a request, and refuse what cannot be computed.

    Raises
    ------
    InputError
        The message says what there is.
    """
    if request.method not in METHODS:
        raise InputError(
            f"unknown method '{request.method}': choose {', '.join(METHODS)}{did_you_mean(request.method, METHODS)}"
        )
    if request.operator not in MATRICES:
        raise InputError(
            f"unknown operator '{request.operator}': choose {', '.join(MATRICES)}{did_you_mean(request.operator, MATRICES)}"
        )
    if request.operator != "hessian" and request.method != "exact":
        raise InputError("finite differences are those of the Hessian: leave --method or --operator out")
    if request.precondition and preconditioner is None:
        raise InputError(
            "--precondition needs Adam's state in the file (optimizer.v and optimizer.step), and there is none"
        )
    if request.node is not None and request.node not in nodes:
        names = ", ".join(nodes) or "none, since this is no model"
        raise InputError(
            f"no node '{request.node}' with trainable parameters: there are {names}{did_you_mean(request.node, nodes)}"
        )
    if request.node is not None:
        size = len(nodes[request.node])
    if request.by_node and (request.node is not None or not nodes):
        raise InputError("--by-node compares the nodes of a whole model: leave --node out")
    if request.all and not default:
        raise InputError("--all gives every eigenvalue: leave --top and --bottom out")
    if default and not (request.all or request.density or request.trace):
        top = min(TOP, size)
        request = replace(request, top=top, bottom=min(BOTTOM, size - top))
    if request.all:
        require_memory(size)
    elif not default:
        require_counts(request.top, request.bottom, size)
    return request


def settled_method(request: Request, point: Point) -> Request:
    """Return the method, finite differences if the objective has no Hessian–vector products of its own.

    Raises
    ------
    InputError
        These were to be compared with exact products.
    """
    if request.operator != "hessian" or complete(point.objective).exact:
        return request
    if request.method == "both":
        raise InputError(
            "method 'both' compares differences with exact products, and the objective has no hvp: give hvp=…, or leave the method out"
        )
    return replace(request, method="finite-difference")


def settings_of(point: Point, request: Request) -> dict[str, Any]:
    """Give the settings that can change a number in the record."""
    errors = {
        "eigenvalues": "bound: residual and asymmetry, and rounding by estimate"
        if request.method != "finite-difference"
        else "residual and asymmetry, and the spread between orders, which is an estimate",
        "trace": "one standard error, 0 where exact",
        "frobenius": "one standard error, 0 where exact",
        "density": "one standard error over the random vectors",
        "finite_difference": "spread between orders, relative to the largest eigenvalue",
    }
    size = point.theta.size if request.node is None else len(point.nodes[request.node])
    asked = json.loads(json.dumps(asdict(request)))
    return {**point.settings, **asked, "parameters": size, "errors": errors}
