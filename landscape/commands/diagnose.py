"""`landscape diagnose`: why a network fails to train or to generalize, verified, and what to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from landscape.commands import options, parsing
from landscape.commands.call import Call, makes_record
from landscape.commands.diagnose_log import OPTION, WithLog

if TYPE_CHECKING:
    from landscape.model import Model

# The part of the time that a diagnosis takes before its remedy is applied.
DIAGNOSIS = 0.9


@click.command(
    "diagnose",
    cls=WithLog,
    epilog="For example: landscape demo --fault dead-units && landscape diagnose dead-units.npz",
)
@click.option(
    OPTION,
    metavar="PATH",
    expose_value=False,
    help="Diagnose from a training log alone, in place of MODEL: CSV, JSON or JSON Lines with a step, or TensorBoard event files. "
    "Such a verdict is at most suspected.",
)
@click.option(
    "--budget",
    type=parsing.Choice(("quick", "standard", "thorough")),
    default="standard",
    show_default=True,
    help="Effort: quick trains nothing, standard takes up to about two minutes for a small network, thorough uses more seeds and updates.",
)
@click.option(
    "--optimizer",
    metavar="NAME",
    help="Optimizer it was trained with, if the file does not say: a name that train knows, or PyTorch's.",
)
@options.of_training(
    "--learning-rate", options.RATE, "X", "Learning rate it was trained with, if the file does not say."
)
@options.of_training(
    "--batch-size", parsing.Whole(1), "N", "Batch size it was trained with, if the file does not say."
)
@options.of_training(
    "--momentum",
    options.PART,
    "X",
    "Momentum it was trained with, if the file does not say; β₁ for the Adam family.",
)
@options.of_training(
    "--weight-decay",
    parsing.Number(0),
    "X",
    "Weight decay it was trained with, if the file does not say; for adamw and lion the decoupled one.",
)
@options.of_training(
    "--steps", parsing.Whole(1), "N", "Number of updates it was trained for, if the file does not say."
)
@options.of_training(
    "--epochs",
    options.RATE,
    "X",
    "Passes over the training data that it was trained for, in place of --steps.",
)
@click.option(
    "--validation",
    type=click.Path(path_type=Path),
    metavar="FILE.npz",
    help="File with validation data (x and y), if the model has none.",
)
@click.option(
    "--train",
    metavar="NAME",
    help="With FILE.py:NAME: name of a function (settings, seed, theta) in that file that trains as you do and returns (theta, history). "
    "Without it no verdict can be verified.",
)
@click.option(
    "--constant-loss",
    type=parsing.Number(0, above=True),
    metavar="X",
    help="With FILE.py:NAME: loss of the best constant prediction, if it cannot be determined from the data.",
)
@click.option(
    "--target-loss",
    type=parsing.Number(),
    metavar="X",
    help="Training loss that is good enough; no improvement is sought for a model that reaches it.",
)
@click.option(
    "--threshold",
    "changes",
    multiple=True,
    metavar="NAME=X",
    help="Change a threshold of the verdict, such as large=0.2; may be given several times. The output lists all thresholds.",
)
@click.option(
    "--apply",
    "target",
    type=parsing.FileName(),
    metavar="OUT",
    help="Apply the best remedy, and write the resulting model (.npz); with FILE.py:NAME, the checkpoint of your own training (.pt).",
)
@click.option(
    "--dtype",
    type=parsing.Choice(options.DTYPES),
    default="float64",
    show_default=True,
    help="Precision of the trial trainings; losses and curvature are always computed in float64.",
)
@options.threads
@options.seed
@options.workers
@makes_record("diagnose", programs=True)
def command(
    call: Call,
    train: str | None,
    constant_loss: float | None,
    validation: Path | None,
    changes: tuple[str, ...],
    target: Path | None,
    **choices: Any,
) -> int:
    """Find out by short trainings why MODEL fails to train or to generalize, or that it is healthy, and what to do.

    Follows a decision guide: is anything broken; is the training loss large; if so, is it model bias or optimization,
    decided by training copies of the network; if not, is it overfitting or a mismatch of the data. What could not
    be examined is listed as "not assessed". Exit status 1 if --apply finds no remedy; the record is written all the same.
    """
    from landscape.commands.diagnose_report import diagnosis_table, read_changes
    from landscape.diagnosis import apply_remedy, diagnose
    from landscape.errors import InputError
    from landscape.overwrite import refuse_overwriting
    from landscape.progress import part

    refuse_foreign(call, train, constant_loss, validation, target)
    loaded, training = call.subject_and_training(train, allow_nonfinite=True)
    if validation is not None:
        loaded = with_validation(loaded, validation)
    if target is not None:
        refuse_overwriting(target, inputs=[call.model, *call.read], fresh=choices["fresh"])
    choices |= {
        "validation": validation,
        "thresholds": read_changes(changes),
        "train": training,
        "constant_loss": constant_loss,
        "output": call.record_path,
        "announce": call.say,
    }
    with call.crew() as crew, call.working() as progress:
        mine = part(progress, 0.0, 1.0 if target is None else DIAGNOSIS)
        record = diagnose(loaded, progress=mine, **choices, **crew)
        applied, problem = None, ""
        if target is not None:
            then = part(progress, DIAGNOSIS, 1.0)
            try:
                applied = apply_remedy(
                    loaded,
                    record,
                    target,
                    train=training,
                    threads=choices["threads"],
                    announce=call.say,
                    progress=then,
                )
            except InputError as error:  # the diagnosis is good, and leads to no model
                problem = str(error)
    call.end(
        record,
        lambda found: diagnosis_table(found, applied),
        [] if applied is None or target is None else [target],
        {} if applied is None else {"applied": applied},
    )
    if problem:
        click.echo(f"Error: {problem}", err=True)
    return 1 if problem else 0


def refuse_foreign(
    call: Call, train: str | None, constant_loss: float | None, validation: Path | None, target: Path | None
) -> None:
    """Refuse options of FILE.py:NAME beside a model, and those of a model beside FILE.py:NAME.

    Raises
    ------
    InputError
        There is one, or --apply names no checkpoint or comes without a function.
    """
    from landscape.diagnosis.own_applying import require_checkpoint
    from landscape.errors import InputError

    for option, found in (("--train", train), ("--constant-loss", constant_loss)):
        if found is not None and call.program is None:
            raise InputError(
                f"{option}: is for FILE.py:NAME, and landscape trains a model file by itself: leave {option} out"
            )
    if validation is not None and call.program is not None:
        raise InputError("--validation: is for a model; give test=… to TorchObjective")
    if target is not None and call.program is not None:
        if train is None:
            raise InputError(
                "--apply: with FILE.py:NAME your own function runs the remedy: give --train NAME too"
            )
        require_checkpoint(target)


def with_validation(model: Model, path: Path) -> Model:
    """Put the validation data of another file into the model.

    Raises
    ------
    InputError
        The file has no x and y of the model's shapes.
    """
    from landscape.errors import InputError
    from landscape.files import read_archive
    from landscape.model.bare_names import DATA_NAMES

    arrays = read_archive(path)
    found = {}
    for axis in "xy":
        known = (name for split in ("validation", "test", "train") for name in DATA_NAMES[f"{axis}_{split}"])
        names = [name for name in known if name in arrays]
        if not names:
            raise InputError(
                f"{path}: expected x and y (or x_validation and y_validation), found {', '.join(arrays)}"
            )
        found[axis] = arrays[names[0]]
    for axis, array in found.items():
        wanted = model.data[f"{axis}_train"].shape[1:]
        if array.shape[1:] != wanted or len(array) != len(found["x"]) or not len(array):
            raise InputError(
                f"{path}: {axis}: expected shape [N, {', '.join(map(str, wanted))}], found {list(array.shape)}"
            )
    data = dict(model.data)
    data |= {
        f"{axis}_validation": array.astype(model.data[f"{axis}_train"].dtype, copy=False)
        for axis, array in found.items()
    }
    order = ("train", "validation", "test")
    return replace(
        model, data={f"{a}_{s}": data[f"{a}_{s}"] for s in order for a in "xy" if f"{a}_{s}" in data}
    )
