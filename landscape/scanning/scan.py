"""`scan`: evaluate a loss on a grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.directions import (
    Origin,
    make_directions,
    model_tensors,
    require_same_shapes,
    shaped_tensors,
    told_tensors,
)
from landscape.errors import InputError
from landscape.files import require_writable
from landscape.model import Model, load_model
from landscape.objective import HasValue, complete, require_network
from landscape.objective.about import About, about
from landscape.objective.metric_table import read_names
from landscape.progress import Announce, Progress, nobody, silent
from landscape.records import Connection, Scan
from landscape.scanning.driver import run_plan, wanted_of
from landscape.scanning.eigen import extreme_eigenvectors, in_double
from landscape.scanning.grid import MAXIMUM_DIMENSIONS, Span
from landscape.scanning.plan import Plan, Subject, make_plan, require_grid
from landscape.scanning.plane import digest_of, marks_of, overlay_record, overlays_of, path_of
from landscape.scanning.subject import function_subject, held_notes, model_subject, told_splits, told_subject
from landscape.workers import Executor, Workers

Array = NDArray[np.float64]
# Where a direction may lead.
Far = Model | str | Path | NDArray[np.floating]


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
    if dimensions is not None and not 1 <= dimensions <= MAXIMUM_DIMENSIONS:
        raise InputError(f"cannot scan {dimensions} dimensions: expected 1, 2 or 3")
    require_grid(points, span, quantity, dimensions)
    if read_names(metrics) and quantity != "loss":
        raise InputError(
            f"metrics go with the quantity loss, found {quantity}: leave metrics (--metric) out, or scan twice"
        )
    path = None if output is None else Path(output)
    if path is not None:
        require_writable(path)
    told = None if isinstance(subject, Model) else about(subject)
    (to, further), names = both_ends(to)
    other, third = far_point(told, to), far_point(told, further)
    curves = required_overlay(overlay, direction, normalize)
    if isinstance(subject, Model):
        if center is not None or shapes is not None:
            raise InputError("a model has its own center and shapes: give them with a plain objective only")
        whole = model_subject(
            subject,
            split=split,
            examples=examples,
            seed=seed,
            dtype=dtype,
            threads=threads,
            device=device,
            recompute_statistics=recompute_statistics,
            metrics=metrics,
            toward=leads_to(subject, other, direction, normalize, said(to)),
            across=leads_to(subject, third, direction, normalize, said(further)),
        )
    else:
        whole = objective_subject(
            subject, center, seed, split=split, examples=examples, device=device, recompute_statistics=recompute_statistics,
            metrics=metrics,
        )  # fmt: skip
    directions = make_directions(
        find_origin(subject, whole, shapes),
        direction,
        dimensions=dimensions,
        to=None if other is None else target(subject, other, said(to)),
        to_name=target_name(to),
        third=None if third is None else target(subject, third, said(further)),
        third_name=target_name(further),
        normalize=normalize,
        include_bias=include_bias,
        orthogonal=orthogonalize,
        seed=seed,
    )
    plan = make_plan(whole, directions, points=points, span=span, quantity=quantity)
    if is_plane(direction):
        assert other is not None
        assert third is not None
        plan = with_marks(plan, [target(subject, one, "") for one in (other, third)], names, curves)
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


def is_plane(direction: str | Path | NDArray[np.floating]) -> bool:
    """Say whether the plane through three models is asked for."""
    return isinstance(direction, str) and direction == "plane"


def both_ends(to: Far | Sequence[Far] | None) -> tuple[tuple[Far | None, Far | None], tuple[str, str]]:
    """Take one or two models to go to, and their names.

    Raises
    ------
    InputError
        More than two.
    """
    many: list[Any] = list(to) if isinstance(to, list | tuple) else [to]
    if len(many) > 2 or not many:
        raise InputError(f"to: expected one model, or two for direction 'plane', found {len(many)}")
    pair = (many[0], many[1] if len(many) == 2 else None)
    return pair, (target_name(pair[0]), target_name(pair[1]))


def required_overlay(
    overlay: Connection | str | Path | None,
    direction: str | Path | NDArray[np.floating],
    normalize: str | None,
) -> Connection | None:
    """Read the curves to draw; refuse them, and a normalization, where they do not go with the direction.

    Raises
    ------
    InputError
        Curves without a plane, a plane that is stretched, or a record of another kind.
    """
    if overlay is not None and not is_plane(direction):
        raise InputError(
            "overlay: curves are drawn on the plane through three models: give --direction plane"
        )
    if is_plane(direction) and normalize not in (None, "none"):
        raise InputError("direction 'plane' goes through the models as they are: leave --normalize out")
    return None if overlay is None else overlay_record(overlay)


def with_marks(
    plan: Plan, thetas: Sequence[Array], names: tuple[str, str], curves: Connection | None
) -> Plan:
    """Add what is marked on the plane to a plan: the models with their own losses, their mean, and the curves."""
    center, vectors = plan.subject.center, plan.directions.vectors
    rows = np.stack([center, *thetas])
    marks = marks_of(center, vectors, rows, ("θ", *names))
    objective = next(iter(plan.subject.objectives.values()))
    points = np.concatenate([rows, rows.mean(axis=0)[None]])
    # The map leaves weight decay out too.
    decay = 0.0 if plan.subject.decay is None else 0.5 * np.sum(plan.subject.decay * points**2, axis=1)
    for mark, loss in zip(marks, objective.values(points) - decay, strict=True):
        mark["loss"] = float(loss) if np.isfinite(loss) else None
    words, settings, notes = plan.words | {"marks": marks}, plan.settings, plan.notes
    if curves is not None:
        overlays = overlays_of(curves, center, vectors)
        words, settings = words | {"overlays": overlays}, settings | {"overlay": digest_of(curves)}
        notes += tuple(f"{one['name']}: up to {one['distance']:.4g} out of the plane" for one in overlays)
    return replace(plan, words=words, settings=settings, notes=notes)


def with_path(plan: Plan, model: Model) -> Plan:
    """Add the run to a plan whose plane its checkpoints gave, unless a normalization has turned the directions."""
    vectors = plan.directions.vectors
    if model.checkpoints is None or len(vectors) != 2 or plan.directions.normalize != "none":
        return plan
    run = path_of(model.checkpoints, model.checkpoint_steps, plan.subject.center, vectors)
    return replace(plan, words=plan.words | {"run": run})


def far_point(
    told: About | None, to: Model | str | Path | NDArray[np.floating] | None
) -> Model | NDArray[np.floating] | None:
    """Read where `between` goes: a model's file, or for an objective that reads checkpoints one of these."""
    if told is not None and to is not None and not isinstance(to, Model | np.ndarray):
        return told.read_run([to]).thetas[0]
    return load_model(to) if isinstance(to, str | Path) else to


def objective_subject(
    objective: HasValue, center: ArrayLike | None, seed: int, *, split: str, **options: Any
) -> Subject:
    """Take an objective at a point, by default at its own parameters.

    Raises
    ------
    InputError
        No point, or another length, or a choice that was made where the objective was.
    """
    told = about(objective)
    refuse_options_of_models(split=split if told is None else "both", **options)
    whole = complete(objective).anew(seed)
    point = checked_center(whole, told.theta if told is not None and center is None else center)
    if told is None:
        return function_subject(whole, point, seed)
    return told_subject(told, point, told_splits(told, split), seed)


def refuse_options_of_models(
    *,
    split: str,
    examples: int | None,
    device: str,
    recompute_statistics: bool,
    metrics: str | Sequence[str] = (),
) -> None:
    """Refuse a choice of data, metrics, device or statistics, which an objective that is given has made.

    Raises
    ------
    InputError
        There is one.
    """
    if examples is not None or split == "test" or recompute_statistics or device not in ("cpu", "auto"):
        raise InputError(
            "an objective has its own data: choose split, examples, device and statistics where it is made"
        )
    if len(metrics):
        raise InputError(
            "an objective has its own metrics: choose them where it is made, NetworkObjective(…, metrics=…)"
        )


def checked_center(objective: HasValue, center: ArrayLike | None) -> Array:
    """Check the point that an objective is scanned around.

    Raises
    ------
    InputError
        None was given, or it has another length, or numbers that are not finite.
    """
    if center is None:
        raise InputError("an objective needs center=θ, the point to scan around")
    theta = np.asarray(center, dtype=np.float64)
    if theta.shape != (objective.size,):
        raise InputError(f"center has shape {list(theta.shape)}, expected [{objective.size}]")
    if not np.all(np.isfinite(theta)):
        raise InputError("center holds NaN or infinity, expected finite numbers")
    return theta


def find_origin(subject: Model | HasValue, whole: Subject, shapes: Sequence[Sequence[int]] | None) -> Origin:
    """Say what is known where the directions start; the gradient is the first split's."""
    if isinstance(subject, Model):
        return model_origin(subject, whole)
    objective = complete(next(iter(whole.objectives.values())))
    told = about(objective)
    tensors = None if told is None else told_tensors(told)
    if shapes is not None:
        tensors = shaped_tensors(shapes, whole.center.size)

    def eigenvectors(count: int) -> tuple[Array, Array]:
        return extreme_eigenvectors(objective, whole.center, count)

    return Origin(whole.center, tensors, gradient=objective.gradient, eigenvectors=eigenvectors)


def model_origin(model: Model, whole: Subject) -> Origin:
    """Say what is known of a model where the directions start."""
    objective = complete(next(iter(whole.objectives.values())))

    def eigenvectors(count: int) -> tuple[Array, Array]:
        objective.require_derivatives()
        exact = in_double(
            model, require_network(objective, "direction 'eigen'", "the Hessian"), whole.settings["seed"]
        )
        return extreme_eigenvectors(exact, whole.center, count)

    return Origin(whole.center, model_tensors(model), model.checkpoints, objective.gradient, eigenvectors)


def target_name(to: Model | str | Path | NDArray[np.floating] | None) -> str:
    """Name where `between` goes: the file if there is one, since two models of a run share their name."""
    path = to.path if isinstance(to, Model) else to
    if isinstance(path, str | Path):
        return Path(path).name
    return to.name if isinstance(to, Model) else "the other model"


def said(to: Model | str | Path | NDArray[np.floating] | None) -> str:
    """Say in a message where `between` goes: the file as it was given, else its name."""
    return str(to) if isinstance(to, str | Path) else target_name(to)


def leads_to(
    subject: Model,
    other: Model | NDArray[np.floating] | None,
    direction: str | Path | NDArray[np.floating],
    normalize: str | None,
    name: str,
) -> Model | None:
    """Give the model that is at 1 along the first direction; None if none is.

    Raises
    ------
    InputError
        It has other shapes.
    """
    if (
        not isinstance(other, Model)
        or not isinstance(direction, str)
        or direction not in ("between", "plane")
    ):
        return None
    require_same_shapes(subject, other, name)
    return other if normalize in (None, "none") else None


def target(subject: Model | HasValue, other: Model | NDArray[np.floating], name: str) -> Array:
    """Find the θ that `between` goes to.

    Raises
    ------
    InputError
        Not a model of the same shapes.
    """
    if not isinstance(other, Model):
        return np.asarray(other, dtype=np.float64)
    if isinstance(subject, Model):
        require_same_shapes(subject, other, name)
    return np.asarray(other.theta, dtype=np.float64)
