"""`landscape trajectory`: the checkpoints of a run on a plane of its landscape, as a record and figures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from landscape.commands import options, parsing
from landscape.commands.call import Call, makes_record
from landscape.errors import ComputationError, InputError

if TYPE_CHECKING:
    from landscape.model import Model
    from landscape.progress import Progress
    from landscape.records import Trajectory

# Of a fresh run: its checkpoints, and what its options depend on.
CHECKPOINTS, OF_RUN = 60, "With --optimizer: "


@parsing.command("trajectory", epilog="For example: landscape trajectory digits.npz --points 31")
@click.option(
    "--direction",
    metavar="principal|random|FILE.npz|…",
    default="principal",
    show_default=True,
    help="Directions that span the plane: the principal directions of the checkpoints, or gradient, eigen, random, or a file.",
)
@options.points
@click.option(
    "--span",
    multiple=True,
    metavar="S|A:B",
    help="Range of the axes, given once or once for each axis; by default wide enough for the whole path.",
)
@options.normalize
@options.include_bias
@options.recompute_statistics
@click.option(
    "--animate",
    metavar="FILE.gif|FILE.mp4",
    type=parsing.FileName(),
    help="Also write an animation with a frame for each checkpoint.",
)
@click.option(
    "--optimizer",
    metavar="NAME",
    help="Train MODEL with this optimizer and draw that run, in place of the checkpoints in the file.",
)
@options.init(OF_RUN)
@options.learning_rate(0.01, OF_RUN)
@options.batch_size(OF_RUN)
@options.steps(500, when=OF_RUN)
@options.data
@options.engine
@options.device
@makes_record("trajectory", programs=True)
def command(
    call: Call,
    span: tuple[str, ...],
    animate: Path | None,
    optimizer: str | None,
    init: str | None,
    learning_rate: float,
    batch_size: int,
    steps: int,
    **choices: Any,
) -> None:
    """Project the checkpoints of MODEL on a plane, and draw them over the loss there.

    Says which share of the path lies on the plane, how far out of it the checkpoints are, and how their own
    losses differ from what the map shows at their places. Writes STEM.npz, STEM.plane.npz (the scan of the
    plane), STEM.run.npz (a fresh run, with its checkpoints) and figures. After an interruption the same
    command continues where it stopped.
    """
    from landscape.progress import part
    from landscape.trajectories import require_possible, trajectory

    if animate is not None:
        from landscape.plots import require_film

        require_film(animate, inputs=[call.model, *call.read], fresh=choices["fresh"])
    if init is not None and optimizer is None:
        raise InputError("--init starts a fresh run, which needs --optimizer")
    if call.program is not None and optimizer is not None:
        raise InputError(
            "--optimizer: trains a model's file; of FILE.py:NAME give the run's checkpoints by --weights FOLDER"
        )

    loaded, given = run_of(call)
    recipe = {"learning_rate": learning_rate, "batch_size": batch_size, "steps": steps, "init": init}
    plane = {**choices, "span": list(span)}
    if optimizer is not None:
        fresh = plane.pop("fresh")
        require_possible(loaded, path=call.record_path, **plane)
        plane["fresh"] = fresh
    with call.working() as progress:
        begin = 0.0
        if optimizer is not None:
            begin = share_of_run(loaded, choices["points"], steps * batch_size)
            same = {name: choices[name] for name in ("seed", "fresh", "dtype", "threads", "device")}
            loaded = fresh_run(
                call, loaded, part(progress, 0.0, begin), optimizer=optimizer, **same, **recipe
            )
        record = trajectory(
            loaded,
            output=call.record_path,
            progress=part(progress, begin, 1.0),
            announce=call.say,
            **plane,
            **given,
        )
    own = [plane_path(call), *([] if optimizer is None else [run_path(call)])]
    more = [file for file in own if file.exists()]
    if animate is not None:
        from landscape.plots import save_film

        save_film(record, animate, inputs=[call.model, *call.read], fresh=choices["fresh"])
        more.append(animate)
    call.end(record, table, more)


def run_of(call: Call) -> tuple[Any, dict[str, Any]]:
    """Load MODEL; of FILE.py:NAME, make the objective at the last checkpoint of the folder that --weights names, and give the folder.

    Raises
    ------
    InputError
        There is no folder, or no checkpoint in it that fits.
    """
    if call.program is None:
        return call.subject(), {}
    from landscape.torch_objective.checkpoints import files_of

    if call.weights is None:
        raise InputError("trajectory of FILE.py:NAME needs --weights FOLDER, the checkpoints of its run")
    folder, call.weights = call.weights, files_of(call.weights)[-1]
    return call.subject(), {"checkpoints": folder}


def share_of_run(model: Model, points: str, examples: int) -> float:
    """Estimate the share of the time that a fresh run takes, from the examples evaluated by the run and by the plane; a step counts as three evaluations."""
    from landscape.scanning.grid import parse_points

    run = 3.0 * examples
    return run / (run + math.prod(parse_points(points, 2)) * model.examples("train"))


def run_path(call: Call) -> Path:
    """Name the file of a fresh run."""
    return Path(f"{call.stem}.run.npz")


def plane_path(call: Call) -> Path:
    """Name the file of the plane's scan."""
    return Path(f"{call.stem}.plane.npz")


def fresh_run(call: Call, model: Model, progress: Progress, **recipe: Any) -> Model:
    """Train from the model, or continue an interrupted run; a run that diverges is drawn as far as it went."""
    from landscape.model import load_model
    from landscape.training import DivergenceError, train

    output = run_path(call)
    require_same_length(call, output, **recipe)
    try:
        train(
            model, checkpoints=CHECKPOINTS, history=2, output=output, progress=progress, announce=call.say, **recipe
        )  # fmt: skip
    except DivergenceError as error:
        call.say(str(error))
        if error.model.checkpoints is None or len(error.model.checkpoints) < 2:
            raise ComputationError(
                f"the run diverged at step {error.step}, before its second checkpoint: there is no path to draw; "
                "try a smaller --learning-rate"
            ) from None
    # As it is in the file, so that another call of the same command draws the same model.
    return load_model(output)


def require_same_length(call: Call, output: Path, *, steps: int, fresh: bool, **_: Any) -> None:
    """Refuse to lengthen a run of which a trajectory was drawn, before its file is changed.

    Raises
    ------
    InputError
        The trajectory that stands there is of a run of another length.
    """
    from landscape.model import load_model

    if fresh or not (call.record_path.exists() and output.exists()):
        return
    there = load_model(output).training.get("steps")
    if there != steps:
        raise InputError(
            f"{call.record_path}: holds the trajectory of a run of {there} steps, expected {steps}: "
            "give --fresh to overwrite it, or another --output"
        )


def table(record: Trajectory) -> str:
    """Write the summary for people."""
    settings, values, plane = record.settings, record.values[record.main], record.plane_values[record.main]
    shares = " + ".join(f"{share:.2%}" for share in record.captured)
    farthest = int(record.distance.argmax())
    gap = record.summary()["gap"]
    rows = [
        (
            "trajectory",
            f"{settings['model_name']}, {record.step.size} checkpoints, {settings['dtype']}, {settings['device']}",
        ),
        *(
            (f"axis {index}", f"{axis[0]:.4g}:{axis[-1]:.4g} along {label}")
            for index, (axis, label) in enumerate(
                zip(record.scan.axes, settings["directions"], strict=True), start=1
            )
        ),
        ("captured", f"{shares} = {record.captured.sum():.2%} of the variance around θ"),
        ("out of plane", f"at most {record.distance[farthest]:.4g}, at update {record.step[farthest]:,}"),
        ("true loss", f"{values[0]:.6g} at first, {values[-1]:.6g} at last"),
        ("on the plane", f"{plane[0]:.6g} at first, {plane[-1]:.6g} at last"),
    ]
    if gap is not None:
        told = f"update {gap['step']:,}: the map shows {gap['plane']:.4g}, the truth is {gap['true']:.4g}"
        rows.append(("widest gap", told))
    width = max(len(label) for label, _ in rows)
    return "\n".join(f"{label:<{width}}  {text}" for label, text in rows)
