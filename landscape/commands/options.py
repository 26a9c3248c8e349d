"""Options that several commands share: one decorator for each, and common groups of them.

```
@parsing.command()
@options.model
@options.bare_file
@options.engine
@options.record
def command(model: Path, activation: str | None, …) -> None:
```

The name of the argument that a decorator hands over stands beside each. Unknown values are refused
with the list of those there are (`parsing.py`); `--activation` and `--loss` by `load_model`, whose tables know the names.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from landscape.commands import parsing
from landscape.messages import Silence, say

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

DTYPES = ("float32", "float64")
SPLITS = ("train", "test", "both")
FIGURE_FORMATS = ("png", "svg", "pdf")
# The names of `landscape.directions.normalize.NORMALIZATIONS`, here so that --help imports nothing.
NORMALIZATIONS = ("filter", "layer", "none")
# Learning rates and numbers of epochs; averages' decay rates.
RATE, PART = parsing.Number(0, above=True), parsing.Number(0, 1, below=True)


@dataclass(frozen=True)
class Reading:
    """How a file of weights without a header is understood."""

    activation: str | None
    loss: str | None


@dataclass(frozen=True)
class Messages:
    """How a command speaks: its result on stdout for people or as JSON, and sentences on stderr, or none."""

    as_json: bool
    quiet: bool

    def say(self, sentence: str) -> None:
        """Print a sentence on stderr, unless the command has --quiet."""
        if not self.quiet:
            say(sentence)


def together(*decorators: Decorator) -> Decorator:
    """One decorator that applies several, which the help lists in the order given."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def gathered(name: str, kind: Callable[..., object], *decorators: Decorator) -> Decorator:
    """One decorator for several options, whose values come as one argument: a record of that kind with a field for each."""
    fields = tuple(inspect.signature(kind).parameters)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def called(**choices: Any) -> Any:
            choices[name] = kind(**{field: choices.pop(field) for field in fields})
            return function(**choices)

        return together(*decorators)(called)

    return decorate


model = click.argument("model", type=click.Path(path_type=Path))
"""`model: Path`. That the file is there and good is said by `load_model`, in one way for the library too."""

weights = click.option(
    "--weights",
    metavar="CKPT.pt",
    type=click.Path(path_type=Path),
    help="Checkpoint to load if MODEL is FILE.py:NAME, a function in your own program that returns an objective or PyTorch's (module, loss, data); "
    "the file is executed. For trajectory: folder with the checkpoints of a run.",
)
"""`weights: Path | None`"""

output = click.option(
    "-o",
    "--output",
    metavar="STEM",
    help="Name of the files: STEM.npz and STEM.<figure>.png. By default it is made of the names of the model, the command and "
    "the options that change the result, in the working directory.",
)
"""`output: str | None`"""

json_summary = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the summary as one JSON object, and nothing else, on stdout.",
)
"""`as_json: bool`"""


def keep_silence(context: click.Context, option: click.Parameter, asked: bool) -> bool:
    """Pass --quiet on to the package's own messages."""
    Silence.kept = asked
    return asked


quiet = click.option(
    "--quiet",
    is_flag=True,
    callback=keep_silence,
    help="Print only errors on stderr, no progress and no messages.",
)
"""`quiet: bool`"""

fresh = click.option("--fresh", is_flag=True, help="Start again, and overwrite what the output file holds.")
"""`fresh: bool`"""

seed = click.option(
    "--seed",
    metavar="N",
    type=parsing.Whole(0, 2**63 - 1),
    default=0,
    show_default=True,
    help="Seed of all random numbers.",
)
"""`seed: int`"""

threads = click.option(
    "--threads",
    type=parsing.Whole(1),
    metavar="N",
    help="Number of threads; by default one for each core.",
)
"""`threads: int | None`"""

one_thread = click.option(
    "--threads",
    type=parsing.Whole(1),
    metavar="N",
    help="Number of threads; by default one, since small networks gain nothing from more.",
)
"""`threads: int | None`, of a single training"""

workers = together(
    click.option(
        "--workers",
        metavar="N|ADDRESS",
        help="Have parts of the work computed by N processes on this machine, which share its cores, or by the workers of a Dask scheduler "
        "(tcp://HOST:8786, tls://…); the numbers are the same. Whoever reaches a scheduler can run code.",
    ),
    click.option(
        "--mixed",
        is_flag=True,
        help="Accept workers with another kind of CPU or other versions of libraries: last digits may differ, and the record names them.",
    ),
)
"""`workers: str | None`, `mixed: bool`, which `makes_record` takes"""

device = click.option(
    "--device",
    metavar="auto|cpu|cuda[:N]",
    default="auto",
    show_default=True,
    help="Device to compute on; auto means the CPU, because the GPU code has not been tested on a GPU yet.",
)
"""`device: str`. Unknown ones, and those that are not there, are refused by the library."""


def dtype_option(default: str) -> Decorator:
    """Make the option of the precision."""
    return click.option(
        "--dtype",
        type=parsing.Choice(DTYPES),
        default=default,
        show_default=True,
        help="Precision of the arithmetic.",
    )


dtype, precise_dtype = dtype_option("float32"), dtype_option("float64")
"""`dtype: str`; the precise one where curvature is measured."""

recompute_statistics = click.option(
    "--recompute-statistics",
    is_flag=True,
    help="Recompute the statistics of batch normalization over the training data at every point before evaluating it.",
)
"""`recompute_statistics: bool`"""

split = click.option(
    "--split",
    type=parsing.Choice(SPLITS),
    default="both",
    show_default=True,
    help="Data to evaluate on; both means train, and test if the model has it.",
)
"""`split: str`"""

examples = click.option(
    "--examples",
    type=parsing.Whole(1),
    metavar="N",
    help="Evaluate on a random subset of N examples (drawn by --seed), with standard errors.",
)
"""`examples: int | None`"""

no_figure = click.option("--no-figure", is_flag=True, help="Write only the record, no figures.")
"""`no_figure: bool`"""

figure_format = click.option(
    "--figure-format",
    type=parsing.Choice(FIGURE_FORMATS),
    default="png",
    show_default=True,
    help="File format of the figures.",
)
"""`figure_format: str`"""

activation = click.option(
    "--activation",
    metavar="NAME",
    help="For a file of weights without a header: activation between the layers; by default relu.",
)
"""`activation: str | None`"""

loss = click.option(
    "--loss",
    metavar="NAME",
    help="For a file of weights without a header: loss function; by default chosen by the targets.",
)
"""`loss: str | None`"""

normalize = click.option(
    "--normalize",
    type=parsing.Choice(NORMALIZATIONS),
    help="Scale directions to the norm of the weights, filter by filter (row by row) or layer by layer; "
    "by default filter for random directions, none for others.",
)
"""`normalize: str | None`"""

include_bias = click.option(
    "--include-bias",
    is_flag=True,
    help="Move biases too, scaled to their norm; by default --normalize filter and layer leave them unchanged.",
)
"""`include_bias: bool`"""

points = click.option(
    "--points", metavar="N|NxM", default="51", show_default=True, help="Number of points along each axis."
)
"""`points: str`"""


def of_training(
    name: str, kind: click.ParamType, metavar: str, text: str, default: float | None = None
) -> Decorator:
    """Make an option of a training, whose default is shown where it has one."""
    return click.option(
        name, type=kind, metavar=metavar, default=default, show_default=default is not None, help=text
    )


def learning_rate(default: float, when: str = "") -> Decorator:
    """Make the option `learning_rate: float`. `when` says on what it depends, as in "With --optimizer: "."""
    return of_training(
        "--learning-rate",
        RATE,
        "X",
        sentence(when, "learning rate; with a schedule, its peak."),
        default,
    )


def batch_size(when: str = "") -> Decorator:
    """Make the option `batch_size: int`."""
    return of_training("--batch-size", parsing.Whole(1), "N", sentence(when, "examples in each update."), 32)


def steps(default: int | None = None, least: int = 2, when: str = "", otherwise: str = "") -> Decorator:
    """Make the option `steps: int | None`, at least two for runs that are evaluated along the way. `otherwise` says what its absence means."""
    text = sentence(when, f"number of updates of a run{otherwise}.")
    return of_training("--steps", parsing.Whole(least), "N", text, default)


def epochs(default: float | None = None, otherwise: str = "") -> Decorator:
    """Make the option `epochs: float | None`. `otherwise` says what its absence means."""
    return of_training(
        "--epochs",
        RATE,
        "X",
        f"Number of passes over the training data{otherwise}.",
        default,
    )


def seeds(default: int = 3) -> Decorator:
    """Make the option `seeds: int`."""
    text = "Number of runs for each optimizer or setting, with different orders of the batches."
    return of_training("--seeds", parsing.Whole(1, 10_000), "N", text, default)


def init(when: str = "") -> Decorator:
    """Make the option `init: str | None`."""
    text = sentence(when, "start from new parameters, drawn with --seed: he, xavier, normal or zero.")
    return click.option("--init", metavar="NAME", help=text)


def sentence(when: str, text: str) -> str:
    """Put the condition of an option before its help text, with a capital at the beginning."""
    return when + text if when else text[0].upper() + text[1:]


momentum = of_training(
    "--momentum",
    PART,
    "X",
    "Decay rate of the average gradient (β₁ of the Adam family); by default the optimizer's own, 0 for sgd and rmsprop.",
)
"""`momentum: float | None`"""

beta2 = of_training(
    "--beta2", PART, "X", "Decay rate of the average squared gradient; by default the optimizer's own."
)
"""`beta2: float | None`"""

bare_file = together(activation, loss)
engine = together(dtype, threads, seed)
precise_engine = together(precise_dtype, threads, seed)
point = together(
    click.option(
        "--split",
        type=parsing.Choice(("train", "test")),
        default="train",
        show_default=True,
        help="Data to evaluate the loss on.",
    ),
    examples,
    precise_dtype,
    threads,
    device,
    seed,
)
"""What the commands about one point take: one split, and float64 unless asked otherwise."""
data = together(split, examples)
figures = together(no_figure, figure_format)
messages = together(json_summary, quiet)
reading = gathered("reading", Reading, activation, loss)
"""`reading: Reading`"""
speech = gathered("messages", Messages, json_summary, quiet)
"""`messages: Messages`"""
record = together(output, fresh, figures, messages)
