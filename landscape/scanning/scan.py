"""`scan`: evaluate a loss on a grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.directions import make_directions, require_others
from landscape.errors import InputError
from landscape.files import require_writable
from landscape.model import Model
from landscape.objective import HasValue
from landscape.objective.metric_table import read_names
from landscape.progress import Announce, Progress, nobody, silent
from landscape.records import Connection, Scan
from landscape.scanning.driver import run_plan, wanted_of
from landscape.scanning.ends import Far, both_ends, is_plane, required_overlay
from landscape.scanning.grid import MAXIMUM_DIMENSIONS, Span
from landscape.scanning.origin import find_origin, objective_subject
from landscape.scanning.plan import Plan, make_plan, require_grid
from landscape.scanning.plane import with_marks, with_path
from landscape.scanning.subject import held_notes, model_subject
from landscape.workers import Executor, Workers


def scan(
    subject: Model | HasValue,
    *,
    center: NDArray[np.floating] | None = None,
    shapes: Sequence[Sequence[int]] | None = None,
    dimensions: int | None = None,
    points: int | str | Sequence[int] = 51,
    span: float | str | Sequence[float | str | Span] | None = None,
    direction: str | Path | NDArray[np.floating] = "random",
    to: Far | Sequence[Far] | None = None,
    overlay: Connection | str | Path | None = None,
    normalize: str | None = None,
    include_bias: bool = False,
    orthogonalize: bool = True,
    quantity: str = "loss",
    split: str = "both",
    examples: int | None = None,
    seed: int = 0,
    dtype: str = "float32",
    threads: int | None = None,
    device: str = "auto",
    recompute_statistics: bool = False,
    metrics: str | Sequence[str] = (),
    output: str | Path | None = None,
    fresh: bool = False,
    executor: Executor | Workers | None = None,
    progress: Progress = nobody,
    announce: Announce = silent,
    planned: Callable[[Plan], object] | None = None,
) -> Scan:
    """Evaluate a loss on a grid of one, two or three directions around a point.

    Parameters
    ----------
    subject
        A model, or any objective. Methods that an objective lacks are supplied by `landscape.complete`.
    center, shapes
        For an objective only: the θ [P] to scan around, and the shapes of its tensors (for normalization); a `TorchObjective` has its own.
    dimensions
        How many directions, 1 to 3; by default 2, or as many as a file of directions has.
    points
        Number of points along each axis: `51`, `"51x31"` or `(51, 31)`.
    span
        Range of the axes: `1` means −1 to 1, `"a:b"` or `(a, b)` means a to b, and `"auto"` searches for a range over
        which the loss rises visibly. A list has one range for each axis. By default 1, or 0 to 1 between two models.
    direction
        `random`, `gradient`, `principal` (of the model's checkpoints), `eigen` (the Hessian's eigenvectors of the
        largest and of the smallest eigenvalue), `between`, `plane` (through this model and two others), a `.npz` with `directions` [d, P], or
        such an array.
    to
        The other end of `between`: a model, its file, or a θ, and for a `TorchObjective` also a state dict or its file.
        For `plane`, a list of two.
    overlay
        For `plane`: a record of `connect`, or its file, whose curves and bands are drawn on it, with their distance out of the plane.
    normalize
        `filter`, `layer` or `none`; by default `filter` for `random` and `none` for the others.
    include_bias
        Move biases too, scaled to their norm, instead of leaving them unchanged.
    orthogonalize
        Make random directions orthogonal before they are normalized.
    quantity
        `loss` (with the accuracy), or `curvature`, which adds the extreme eigenvalues of the Hessian at every point.
    split
        `train`, `test`, or `both`, which means training data, and test data if there are any.
    examples
        Evaluate on a random subset of this many examples, with standard errors.
    seed
        Seed of the random directions and of the subset.
    dtype, threads
        Precision of the arithmetic for a model, and number of threads.
    device
        Device to compute on for a model: `cpu`, `cuda`, `cuda:N`, or `auto`, which is the CPU.
    recompute_statistics
        At every point, average the statistics of batch normalization over the training data before evaluating.
    metrics
        For a model: metrics to evaluate beside the loss, such as `top5` (or any K), `balanced_accuracy` or `r2`,
        depending on its loss. They take another pass over the data at each point.
    output
        The file of the record. Work is saved there as it goes, and an interrupted scan is continued. A finished record
        of the same settings is returned as it is.
    fresh
        Start anew, and overwrite what `output` holds.
    executor
        An executor with the method `submit` of `concurrent.futures`, whose workers compute runs of points, or
        `Workers`, which contains one. The record is identical to the bit.
    progress, announce
        Called with the share of the work that is done, and the same in words, such as "1,300 of 2,601 points", and with
        messages.
    planned
        Called once with the plan, before the work.

    Raises
    ------
    InputError
        A choice that is impossible; an output that cannot be written or holds a scan of other settings.
    WorkerError
        Workers have another kind of CPU or other versions, or cannot read what they are sent.
    ComputationError
        A save failed, or workers died; the last good record is still there.
    KeyboardInterrupt
        Ctrl-C; what was done is in `output`.

    Examples
    --------
    >>> import numpy as np
    >>> from landscape.objective import CallableObjective
    >>> bowl = CallableObjective(lambda theta: float(theta @ theta), size=2)
    >>> record = scan(bowl, center=np.zeros(2), direction=np.eye(2), points=3)
    >>> record.values["train_loss"].tolist()
    [[2.0, 1.0, 2.0], [1.0, 0.0, 1.0], [2.0, 1.0, 2.0]]
    """
    require_choices(dimensions, points, span, quantity, metrics)
    path = None if output is None else Path(output)
    if path is not None:
        require_writable(path)
    ends = both_ends(subject, to)
    first, second = (end.theta(subject) for end in ends)
    require_others(direction, first, second)
    curves = required_overlay(overlay, direction, normalize)
    if isinstance(subject, Model):
        if center is not None or shapes is not None:
            raise InputError("a model has its own center and shapes: give them with a plain objective only")
        toward, across = (end.model(subject, direction, normalize) for end in ends)
        whole = model_subject(
            subject, split=split, examples=examples, seed=seed, dtype=dtype, threads=threads, device=device,
            recompute_statistics=recompute_statistics, metrics=metrics, toward=toward, across=across,
        )  # fmt: skip
    else:
        whole = objective_subject(
            subject, center, seed, split=split, examples=examples, device=device, recompute_statistics=recompute_statistics,
            metrics=metrics,
        )  # fmt: skip
    directions = make_directions(
        find_origin(subject, whole, shapes), direction, dimensions=dimensions, to=first, to_name=ends[0].name, third=second,
        third_name=ends[1].name, normalize=normalize, include_bias=include_bias, orthogonal=orthogonalize, seed=seed,
    )  # fmt: skip
    plan = make_plan(whole, directions, points=points, span=span, quantity=quantity)
    if is_plane(direction):
        assert first is not None
        assert second is not None
        plan = with_marks(plan, (first, second), (ends[0].name, ends[1].name), curves)
    if isinstance(subject, Model) and isinstance(direction, str) and direction == "principal":
        plan = replace(plan, notes=plan.notes + held_notes(subject, recompute_statistics))
        plan = with_path(plan, subject)
    # A refusal comes before anything is said, or kept beside the record.
    wanted_of(plan, path, fresh).found()
    if planned is not None:
        planned(plan)
    for note in plan.notes:
        announce(note)
    return run_plan(plan, path=path, fresh=fresh, executor=executor, progress=progress, announce=announce)


def require_choices(
    dimensions: int | None, points: int | str | Sequence[int], span: Any, quantity: str, metrics: str | Sequence[str]
) -> None:  # fmt: skip
    """Refuse choices that are impossible whatever is scanned.

    Raises
    ------
    InputError
        A number of dimensions, a grid, or metrics of another quantity than the loss.
    """
    if dimensions is not None and not 1 <= dimensions <= MAXIMUM_DIMENSIONS:
        raise InputError(f"cannot scan {dimensions} dimensions: expected 1, 2 or 3")
    require_grid(points, span, quantity, dimensions)
    if read_names(metrics) and quantity != "loss":
        raise InputError(
            f"metrics go with the quantity loss, found {quantity}: leave metrics (--metric) out, or scan twice"
        )
