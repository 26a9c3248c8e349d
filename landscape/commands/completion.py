"""The values that the Tab key offers for options that take a name, beside those of `click.Choice`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import click
from click.shell_completion import CompletionItem

# The names of `landscape.directions.sources.SOURCES`, `landscape.formulas.schedules.SCHEDULES`, the fields of
# `landscape.diagnosis.Thresholds` and the metrics of `landscape.objective.metric_table`, of topK the usual one: here since the
# Tab key cannot wait until Numba is imported.
DIRECTIONS = ("random", "gradient", "principal", "eigen", "between", "plane")
SCHEDULES = (
    "constant", "step", "exponential", "inverse_sqrt", "cosine", "linear", "transformer", "one_cycle",
)  # fmt: skip
THRESHOLDS = (
    "constant large removable useful tie verified bias simpler gap shift dead gradient_ratio decrement plateau edge condition "
    "sixteen output_range scales floor leak stale early"
)
METRICS = (
    "top5", "balanced_accuracy", "macro_f1", "mean_iou", "precision", "recall", "f1",
    "mean_absolute_error", "mean_squared_error", "root_mean_squared_error", "r2",
)  # fmt: skip


def optimizers() -> Iterable[str]:
    """Name the optimizers."""
    from landscape.optimizer_names import NAMES

    return NAMES


def activations() -> Iterable[str]:
    """Name the activations."""
    from landscape.ops.activation import ACTIVATIONS

    return [operation.name for operation in ACTIVATIONS]


def losses() -> Iterable[str]:
    """Name the losses."""
    from landscape.model.losses import LOSSES

    return LOSSES


def initializations() -> Iterable[str]:
    """Name the initializations."""
    from landscape.model.initialization import INITIALIZATIONS

    return INITIALIZATIONS


def faults() -> Iterable[str]:
    """Name the known faults."""
    from landscape.faults import CASES

    return CASES


def figures() -> Iterable[str]:
    """Name the figures of the gallery."""
    from landscape.gallery import FIGURES

    return FIGURES


def quantities() -> Iterable[str]:
    """Name the quantities that a scan may have, and those of its metrics."""
    of_a_split = ("loss", "accuracy", *METRICS)
    return [*(f"{split}_{name}" for split in ("train", "test") for name in of_a_split), "penalty"]


def colour_maps() -> Iterable[str]:
    """Name matplotlib's colour maps."""
    import matplotlib

    return matplotlib.colormaps


# By the command and the name of the parameter, or by the latter alone.
VALUES: dict[str, Callable[[], Iterable[str]]] = {
    "activation": activations,
    "changes": lambda: [f"{name}=" for name in THRESHOLDS.split()],
    "cmap": colour_maps,
    "device": lambda: ("auto", "cpu", "cuda"),
    "direction": lambda: DIRECTIONS,
    "fault": faults,
    "figures names": figures,
    "init": initializations,
    "loss": losses,
    "metrics": lambda: METRICS,
    "optimizer": optimizers,
    "quantity": quantities,
    "schedule": lambda: SCHEDULES,
    "schedules": lambda: SCHEDULES,
}


def offer(
    values: Callable[[], Iterable[str]], several: bool, context: click.Context, incomplete: str
) -> list[CompletionItem]:
    """Give the names that begin as what was typed, behind its last comma where several are taken."""
    before, comma, word = incomplete.rpartition(",") if several else ("", "", incomplete)
    return [CompletionItem(f"{before}{comma}{name}") for name in values() if name.startswith(word)]


def complete_values(command: click.Command) -> None:
    """Have the parameters of a command offer their names."""
    for parameter in command.params:
        values = VALUES.get(f"{command.name} {parameter.name}", VALUES.get(str(parameter.name)))
        if values is not None and not isinstance(parameter.type, click.Choice):
            several = "," in (parameter.metavar or "")
            parameter.shell_complete = partial(offer, values, several)  # type: ignore[method-assign]
