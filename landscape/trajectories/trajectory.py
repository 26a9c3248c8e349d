"""`trajectory`: project a run on a plane and scan that plane."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.directions import make_directions
from landscape.directions.normalize import require_normalization
from landscape.directions.sources import DEFAULT_SPAN, rows_of
from landscape.errors import InputError
from landscape.files import require_writable
from landscape.model import Model
from landscape.objective import HasValue, complete
from landscape.objective.about import PointsOfRun, about
from landscape.progress import Announce, Progress, nobody, silent
from landscape.records import Pieces, Scan, Trajectory
from landscape.records.earlier import loaded
from landscape.records.keeping import Fields, Key, Wanted, produce
from landscape.scanning import Plan, Subject, make_plan, run_plan
from landscape.scanning.grid import Span, make_axis, parse_points, parse_spans
from landscape.scanning.origin import find_origin, model_origin, objective_subject
from landscape.scanning.resume import unlike
from landscape.scanning.subject import chosen_splits, held_notes, model_subject
from landscape.trajectories.projection import Projection, project, spans_around

Array = NDArray[np.float64]

DIMENSIONS = 2
HELD = (
    "the map keeps the running statistics and other buffers of the module, and the checkpoints have their own"
)


def trajectory(
    subject: Model | HasValue,
    *,
    checkpoints: ArrayLike | Sequence[Any] | str | Path | None = None,
    center: ArrayLike | None = None,
    shapes: Sequence[Sequence[int]] | None = None,
    direction: str | Path | NDArray[np.floating] = "principal",
    points: int | str | Sequence[int] = 51,
    span: float | str | Sequence[float | str | Span] | None = None,
    normalize: str | None = None,
    include_bias: bool = False,
    split: str = "both",
    examples: int | None = None,
    seed: int = 0,
    dtype: str = "float32",
    threads: int | None = None,
    device: str = "auto",
    recompute_statistics: bool = False,
    output: str | Path | None = None,
    fresh: bool = False,
    progress: Progress = nobody,
    announce: Announce = silent,
) -> Trajectory:
    """Project the checkpoints of a training on a plane through its last point, or a model's θ, and scan that plane.

    The map shows the loss of a checkpoint's projection. The record also has the checkpoint's own loss, and its distance
    from the plane.

    Parameters
    ----------
    subject
        A model with checkpoints, or any objective together with `checkpoints`.
    checkpoints, center, shapes
        For an objective only: the points of the run [K, P] in their order; the point through which the plane goes, by
        default the last of them; and the shapes of the tensors in θ (for normalization). For a `TorchObjective` the
        checkpoints may also be state dicts, files of `torch.save`, or a folder of these, and shapes are not needed.
    direction
        The directions of the plane: `principal`, any other direction of `scan` except `between`, or an array [2, P].
    points, span
        The plane's grid; by default its range shows the whole path.
    normalize, include_bias, split, examples, seed, dtype, threads, device, recompute_statistics
        As in `scan`. A checkpoint's own loss is computed with the running statistics that the file has for it.
    output, fresh
        The file to save to. A record of the same settings that is there is returned, unless `fresh`.
    progress, announce
        As in `scan`.

    Raises
    ------
    InputError
        No checkpoints, a choice that is impossible, or an output that cannot be written.

    Examples
    --------
    >>> from landscape.objective import CallableObjective
    >>> bowl = CallableObjective(lambda theta: float(theta @ theta), size=3)
    >>> path = np.array([[4.0, 2.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    >>> found = trajectory(bowl, checkpoints=path, points=3)
    >>> found.values["train_loss"].tolist(), found.distance.round(9).tolist()
    ([20.0, 4.0, 0.0], [0.0, 0.0, 0.0])
    """
    path = None if output is None else Path(output)
    asked = subject if isinstance(subject, Model) else complete(subject)
    require_choices(asked, direction=direction, points=points, span=span, split=split, path=path)
    if isinstance(asked, Model):
        require_none_of_objectives(checkpoints, center, shapes)
        run = finite_checkpoints(asked)
        whole = model_subject(
            asked, split=split, examples=examples, seed=seed, dtype=dtype, threads=threads, device=device,
            recompute_statistics=recompute_statistics,
        )  # fmt: skip
    else:
        run = given_run(asked, checkpoints)
        whole = objective_subject(
            asked, run.thetas[-1] if center is None else center, seed,
            split=split, examples=examples, device=device, recompute_statistics=recompute_statistics,
        )  # fmt: skip
    directions = make_directions(
        replace(find_origin(subject, whole, shapes), checkpoints=run.thetas),
        direction,
        dimensions=DIMENSIONS,
        normalize=normalize,
        include_bias=include_bias,
        seed=seed,
    )
    projection = project(run.thetas, whole.center, directions.vectors)
    spans = spans_around(projection.coordinates) if span is None or span == [] else span
    plan = with_run(make_plan(whole, directions, points=points, span=spans), run)
    if isinstance(subject, Model):
        plan = replace(plan, notes=plan.notes + held_notes(subject, recompute_statistics))

    def work(pieces: Pieces) -> Fields:
        place = None if path is None else plane_path(path)
        scan = run_plan(plan, path=place, fresh=fresh, progress=pieces.progress, announce=announce)
        return fields_of(plan, scan, run, projection)

    # A refusal comes before anything is said.
    wanted = wanted_of(plan, path, fresh)
    wanted.found()
    for note in plan.notes:
        announce(note)
    return produce(replace(wanted, progress=progress, announce=announce), work)


def wanted_of(plan: Plan, path: Path | None, fresh: bool) -> Wanted[Trajectory]:
    """Say what record is asked for."""
    key = Key(plan.subject.model, plan.subject.data, {**plan.settings, **plan.words})
    return Wanted(Trajectory, key, path, fresh, differing=lambda found: unlike(found.scan, plan))


def require_choices(
    subject: Model | HasValue, *, direction: str | Path | NDArray[np.floating], points: int | str | Sequence[int],
    span: float | str | Sequence[float | str | Span] | None, split: str, path: Path | None,
) -> None:  # fmt: skip
    """Refuse choices that are impossible whatever the run is.

    Raises
    ------
    InputError
        One of them, or an output that cannot be written or holds something else than a trajectory.
    """
    if path is not None:
        require_writable(path)
        if path.exists():
            loaded(Trajectory, path)
    if isinstance(direction, str) and direction in ("between", "plane"):
        raise InputError(
            f"direction '{direction}' goes to another model, which a trajectory does not have: choose principal, random, gradient, eigen or a .npz file"
        )
    rows_of(direction, subject.size)
    if isinstance(subject, Model):
        chosen_splits(subject, split)
    counts = parse_points(points, DIMENSIONS)
    if min(counts) < 2:
        raise InputError(f"points '{points}': expected at least 2 along each axis, for a map")
    if span is not None and span != []:
        spans = parse_spans(span, [DEFAULT_SPAN] * DIMENSIONS)
        for one, count in zip(spans, counts, strict=True):
            if not isinstance(one, str):
                make_axis(one, count)


def require_possible(
    model: Model,
    *,
    direction: str | Path | NDArray[np.floating],
    points: int | str | Sequence[int],
    span: float | str | Sequence[float | str | Span] | None,
    split: str,
    path: Path | None,
    normalize: str | None = None,
    include_bias: bool = False,
    recompute_statistics: bool = False,
    **engine: Any,
) -> None:
    """Refuse what no run of this model could be drawn with, before one is trained for it; the rest is as `trajectory` takes it.

    Raises
    ------
    InputError
        A choice that is impossible, or an output that cannot be written or holds something else than a trajectory.
    """
    require_choices(model, direction=direction, points=points, span=span, split=split, path=path)
    if normalize is not None:
        require_normalization(normalize)
    whole = model_subject(
        model, split=split, recompute_statistics=recompute_statistics, **engine
    )  # fmt: skip
    # What depends on where the run ends is not known yet.
    if isinstance(direction, np.ndarray) or direction not in ("principal", "gradient", "eigen"):
        make_directions(
            model_origin(model, whole), direction, dimensions=DIMENSIONS, normalize=normalize, include_bias=include_bias,
            seed=engine.get("seed", 0),
        )  # fmt: skip


@dataclass(frozen=True)
class Run:
    """Checkpoints [K, P], the updates [K] before each, and their constants [K, C] where the file has buffers; `notes` say what was left out."""

    thetas: Array
    steps: NDArray[np.int64]
    constants: Array | None = None
    notes: tuple[str, ...] = ()


def finite_checkpoints(model: Model) -> Run:
    """Take a model's checkpoints without those that diverged.

    Raises
    ------
    InputError
        Fewer than two are left.
    """
    if model.checkpoints is None:
        raise InputError(
            "a trajectory needs the run's checkpoints, and the file holds none (key 'checkpoints', [K, P]): "
            "--optimizer trains a fresh run and draws that; `landscape scan` looks around one point"
        )
    thetas = np.asarray(model.checkpoints, np.float64)
    steps = model.checkpoint_steps
    counted = np.arange(len(thetas)) if steps is None else np.asarray(steps)
    finite, notes = finite_rows(thetas)
    return Run(thetas[finite], counted[finite], own_constants(model, finite), notes)


def given_run(objective: HasValue, checkpoints: Any) -> Run:
    """Take the points of an objective's run, as given or as it reads them, without those that diverged.

    Raises
    ------
    InputError
        None were given, of another shape, or fewer than two finite ones.
    """
    if checkpoints is None:
        raise InputError(
            "trajectory of an objective needs checkpoints=[…], the points of its run [K, P]: a run itself is made of a model, by train"
        )
    told = about(objective)
    read = PointsOfRun(np.asarray(checkpoints, np.float64)) if told is None else told.read_run(checkpoints)
    thetas, size = read.thetas, objective.size
    if thetas.ndim != 2 or thetas.shape[1] != size:
        raise InputError(
            f"checkpoints: expected points [K, {size}], one row a point, found shape {list(thetas.shape)}"
        )
    finite, notes = finite_rows(thetas)
    steps = np.arange(len(thetas)) if read.steps is None else read.steps
    if read.buffers is None:
        return Run(thetas[finite], steps[finite], None, notes)
    return Run(thetas[finite], steps[finite], read.buffers[finite], (*notes, HELD))


def finite_rows(thetas: Array) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Give which points are finite, and a sentence on how many are not.

    Raises
    ------
    InputError
        Fewer than two are.
    """
    finite = np.asarray(np.isfinite(thetas).all(axis=1))
    kept = int(np.count_nonzero(finite))
    if kept < 2:
        raise InputError(f"{kept} of {len(thetas)} checkpoints are finite: a trajectory needs two")
    left_out = len(thetas) - kept
    note = f"{left_out} of {len(thetas)} checkpoints are not finite and are left out"
    return finite, (note,) if left_out else ()


def require_none_of_objectives(*given: Any) -> None:
    """Refuse arguments for objectives if a model is given, which has its own checkpoints.

    Raises
    ------
    InputError
        Something was given.
    """
    if any(each is not None for each in given):
        raise InputError(
            "a model has its own checkpoints, center and shapes: give them with a plain objective only"
        )


def own_constants(model: Model, kept: NDArray[np.bool_]) -> Array | None:
    """Give the constants that belong to each checkpoint that is kept, None if the file has none of its own for them."""
    if model.checkpoint_buffers is None:
        return None
    buffers = np.asarray(model.checkpoint_buffers, np.float64)[kept]
    frozen = model.constants[: model.constants.size - model.buffer_size]
    return np.concatenate([np.broadcast_to(frozen, (len(buffers), frozen.size)), buffers], axis=1)


def with_run(plan: Plan, run: Run) -> Plan:
    """Add the checkpoints to a plan's key: another run on the same plane is another record."""
    digest = hashlib.sha256(run.thetas.astype("<f8").tobytes())
    if run.constants is not None:
        digest.update(run.constants.astype("<f8").tobytes())
    settings = {**plan.settings, "checkpoints_sha256": digest.hexdigest()}
    return replace(plan, settings=settings, notes=plan.notes + run.notes)


def plane_path(path: Path) -> Path:
    """Name the file of the plane's scan, which is continued after an interruption."""
    return path.with_name(f"{path.name.removesuffix('.npz')}.plane.npz")


def fields_of(plan: Plan, scan: Scan, run: Run, projection: Projection) -> Fields:
    """Evaluate the checkpoints and their projections, and put everything together."""
    on_plane = plan.subject.center + projection.coordinates @ plan.directions.vectors
    return {
        "scan": scan,
        "step": run.steps,
        "projected": projection.coordinates,
        "distance": projection.distance,
        "captured": projection.captured,
        "values": losses(plan.subject, run.thetas, run.constants),
        "plane_values": losses(plan.subject, on_plane),
        "settings": scan.settings,
    }


def losses(subject: Subject, thetas: Array, constants: Array | None = None) -> dict[str, Array]:
    """Evaluate every split at each row of thetas [K, P], with constants of its own if there are some, without the penalty, as a scan's losses are."""
    decay = np.zeros(thetas.shape[1]) if subject.decay is None else subject.decay
    penalty = 0.5 * np.sum(decay * thetas**2, axis=1)

    # Only a network has constants.
    own: tuple[Any, ...] = () if constants is None else (constants,)
    return {
        f"{split}_loss": np.asarray(objective.values(thetas, *own)) - penalty
        for split, objective in subject.objectives.items()
    }
