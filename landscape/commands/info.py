"""`landscape info`: what a model file holds, how it was understood, and how good the network is now."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from landscape.commands import options, parsing
from landscape.errors import InputError

if TYPE_CHECKING:
    from landscape.model import Model


@parsing.command(epilog="For example: landscape info digits.npz")
@options.model
@options.bare_file
@options.json_summary
def command(model: Path, activation: str | None, loss: str | None, as_json: bool) -> None:
    """Show what a model file holds: graph, current losses and accuracies, data, history, and what was inferred."""
    from landscape.commands.info_text import describe
    from landscape.commands.remarks import remarks
    from landscape.model import load_model
    from landscape.model.summary import summarize

    loaded = load_model(model, activation=activation, loss=loss, allow_nonfinite=True)
    summary = summarize(loaded) | evaluated(loaded) | {"remarks": remarks(loaded)}
    click.echo(json.dumps(summary, allow_nan=False) if as_json else describe(summary))


def evaluated(model: Model) -> dict[str, Any]:
    """Give losses and accuracies of each split, or the sentence that says why there are none."""
    from landscape.objective import evaluate_model
    from landscape.objective.workspace import plan_workspace

    try:
        evaluations = evaluate_model(model)
        workspace = plan_workspace(model)._asdict()
    except InputError as error:
        return {"losses": {}, "penalty": None, "not_evaluated": str(error), "workspace": None}
    losses = {
        split: {"loss": finite(value.loss), "accuracy": finite(value.accuracy)}
        for split, value in evaluations.items()
    }
    penalty = next((finite(value.penalty) for value in evaluations.values()), None)
    return {"losses": losses, "penalty": penalty, "not_evaluated": None, "workspace": workspace}


def finite(value: float | None) -> float | None:
    """Give a number that strict JSON can hold; what is not finite, or not there, is null."""
    return None if value is None or not math.isfinite(value) else float(value)
