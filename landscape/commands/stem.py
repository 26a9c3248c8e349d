"""Names of output files: the model's name, the command, and the options that change the result.

`landscape scan digits.npz` writes `digits.scan.npz`; with `--direction gradient` it is another scan, `digits.scan.gradient.npz`. A
name has a part for each option that is not at its default, in the order of the command's help, so that different
computations stand side by side and the same command finds what it left.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landscape.commands.user_file import target_of
from landscape.errors import InputError
from landscape.messages import say
from landscape.progress import silent

if TYPE_CHECKING:
    import click

    from landscape.records import Record

# What changes no number: where it is written, how it is drawn and told, and with how many threads.
UNNAMED = (
    "model", "target", "output", "fresh", "no_figure", "figure_format", "as_json", "quiet", "threads", "save_directions",
    "escape", "animate", "pdf", "diagnosis", "interactive", "log", "workers", "mixed",
)  # fmt: skip
# Letters of all parts together; longer ones are cut, and end with a hash of the whole.
LONGEST = 100

# How each other option is written, by the name of its argument; `{}` stands for its value.
PARTS: Mapping[str, str | Callable[[Any], str]] = {
    # the grid and its directions
    "dimensions": lambda count: "" if count == 2 else f"{count}d",
    "points": "points{}",
    "span": lambda spans: "-".join(
        "span-auto" if s == "auto" else "to".join(f"span{s}".split(":")) for s in spans
    ),
    "direction": "{}",
    "to": lambda paths: f"to-{'-'.join(map(file_name, paths))}" if paths else "",
    "overlay": "overlay-{}",
    "normalize": "normalize-{}",
    "include_bias": "include-bias",
    "no_orthogonalize": "no-orthogonalize",
    "recompute_statistics": "recomputed",
    "quantity": "{}",
    "metrics": "{}",
    # data and arithmetic
    "split": "{}",
    "examples": "examples{}",
    "dtype": "{}",
    "device": lambda device: device.replace(":", "") if device.startswith("cuda") else "",
    "seed": "seed{}",
    "weights": "{}",
    "activation": "{}",
    "loss": "{}",
    # curvature
    "method": "{}",
    "operator": "{}",
    "precondition": "precondition",
    "top": "top{}",
    "bottom": "bottom{}",
    "every": "all",
    "density": "density",
    "accuracy": "accuracy{}",
    "trace": "trace",
    "node": "node-{}",
    "by_node": "by-node",
    # between models
    "others": "to-{}",
    "alphas": "points{}",
    "align": "align",
    "matching": "matching-{}",
    "starts": "starts{}",
    "curve": "{}",
    "bends": "bends{}",
    "fitting": "fitting-{}",
    "repair": "repair",
    "band": "band",
    "pivots": "pivots{}",
    # critical points
    "no_polish": "no-polish",
    "radius": "radius{}",
    "search": "search{}",
    # topology
    "connectivity": "{}",
    "threshold": "threshold{}",
    "scale": "{}",
    "verify": "verified",
    # sharpness
    "measures": "{}",
    "compare": "compare-{}",
    "rescaling_test": "rescaling-test",
    "epsilon": "epsilon{}",
    "rho": "rho{}",
    "adaptive_rho": "adaptive-rho{}",
    "sigma": "sigma{}",
    "adaptive_sigma": "adaptive-sigma{}",
    "rise": "rise{}",
    # trainings
    "architecture": "{}",
    "init": "{}",
    "optimizer": lambda names: "-".join(map(canonical, names.split(","))),
    "learning_rate": "rate{}",
    "rates": "rates{}",
    # Tuned is the default.
    "tune": lambda tuned: "" if tuned else "not-tuned",
    "momentum": "momentum{}",
    "beta2": "beta2-{}",
    "weight_decay": "decay{}",
    "clip": "clip{}",
    "schedule": "{}",
    "schedules": "{}",
    "schedule_steps": "schedule-steps{}",
    "warmup": "warmup{}",
    "batch_size": "batch{}",
    "batch_sizes": "batch{}",
    "replacement": "replacement",
    "steps": "steps{}",
    "epochs": "epochs{}",
    "seeds": "seeds{}",
    "looks": "looks{}",
    "checkpoints": "checkpoints{}",
    "history": "history{}",
    # diagnoses
    "budget": "{}",
    "validation": "validation-{}",
    "target_loss": "target{}",
    "train": "train-{}",
    "constant_loss": "constant{}",
    "changes": "{}",
}


def canonical(name: str) -> str:
    """The package's own name of an optimizer; an unknown name is returned as it is, to be refused later.

    >>> canonical(" SGD"), canonical("sgdd")
    ('sgd', 'sgdd')
    """
    from landscape.optimizer_names import optimizer_name

    try:
        return optimizer_name(name.strip())
    except InputError:
        return name.strip()


def options_in_name(context: click.Context, without: Collection[str] = ()) -> str:
    """Write the options that change what is computed and are not at their defaults, each with a dot before it.

    `without` are arguments that this command does not name.
    """
    parts = [
        part_of(option.name, context.params[option.name])
        for option in context.command.params
        if option.name is not None
        and option.name not in UNNAMED
        and option.name not in without
        and context.params.get(option.name) != default_of(option, context)
    ]
    text = "".join(f".{part}" for part in parts if part)
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}"


def default_of(option: click.Parameter, context: click.Context) -> Any:
    """The value of an option that was not given."""
    value = option.get_default(context)
    if isinstance(value, str | int | float):
        return option.type_cast_value(context, value)
    return () if getattr(option, "multiple", False) else None


def part_of(name: str, value: Any) -> str:
    """Write one option, with any character but letters, digits, points, plus and minus replaced by a minus.

    >>> part_of("dimensions", 1), part_of("learning_rate", "0.1,0.01"), part_of("to", (Path("a/other.npz"),)), part_of("trace", True)
    ('1d', 'rate0.1-0.01', 'to-other', 'trace')
    """
    pattern = PARTS[name]
    if callable(pattern):
        text = pattern(value)
    else:
        words = [file_name(one) for one in (value if isinstance(value, tuple) else (value,))]
        text = pattern.format("-".join(words))
    return re.sub(r"[^\w.+-]+", "-", text.replace("=", "")).strip("-.") or (
        "" if callable(pattern) and not text else name
    )


def file_name(value: Any) -> str:
    """The text of a value; of a path the name of its file alone."""
    text = str(value).removesuffix(".0")
    return Path(text).name.removesuffix(".npz") if isinstance(value, Path) or text.endswith(".npz") else text


def output_stem(output: str | None, model: Path, command: str, options: str = "") -> str:
    """Give the stem of the file names: as asked for (without `.npz`), else made of model, command and options.

    Raises
    ------
    InputError
        An empty name.

    Examples
    --------
    >>> output_stem(None, Path("models/digits.npz"), "hessian", ".top3")
    'digits.hessian.top3'
    """
    if output is None:
        target = target_of(model)
        return f"{model.stem if target is None else f'{target[0].stem}.{target[1]}'}.{command}{options}"
    stem = output.removesuffix(".npz")
    if not Path(stem).name.strip() or stem.endswith("/"):
        raise InputError(
            f"--output '{output}' names no file: expected a stem such as surface, for surface.npz"
        )
    return stem


def draw(
    record: Record, stem: str, figure_format: str, *, inputs: Sequence[str | Path] = (), fresh: bool = False
) -> list[Path]:
    """Write the figures beside the record."""
    from landscape.plots import save_figures

    return save_figures(record, stem, figure_format, inputs=inputs, fresh=fresh)


def speaker(quiet: bool) -> Callable[[str], None]:
    """Make the function that says a sentence on stderr, or nothing."""
    return silent if quiet else say
