"""`landscape import`: make a model file from a network of another framework."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from landscape.commands import options, parsing
from landscape.commands.info import evaluated

if TYPE_CHECKING:
    from landscape.model import Model


@parsing.command("import", epilog="For example: landscape import net.onnx --data data.npz -o model.npz")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DATA.npz",
    help="Examples and targets: arrays x_train and y_train, and optionally x_test and y_test.",
)
@click.option(
    "-o",
    "--output",
    "output",
    type=parsing.FileName(),
    metavar="MODEL.npz",
    help="Where to write the model; by default FILE's name with .npz in the working directory.",
)
@click.option(
    "--header",
    type=click.Path(path_type=Path),
    metavar="HEADER.json",
    help="For a file of weights alone: description of the layers that they belong to (docs/model-format.md).",
)
@options.reading
@options.fresh
@options.speech
def command(
    file: Path,
    data: Path,
    output: Path | None,
    header: Path | None,
    reading: options.Reading,
    fresh: bool,
    messages: options.Messages,
) -> None:
    """Make a model file of FILE (.onnx, .safetensors, .pt with a state dict) and data.

    An ONNX graph is also run by onnxruntime, and nothing is written unless the outputs are equal.
    """
    from landscape.importers import import_file
    from landscape.locks import locked
    from landscape.model import save_model
    from landscape.overwrite import mapped_files, refuse_overwriting

    target = output or Path(f"{file.stem}.npz")
    refuse_overwriting(target, inputs=[file, data, header], fresh=fresh)
    model = import_file(file, data, header=header, activation=reading.activation, loss=reading.loss)
    refuse_overwriting(target, inputs=mapped_files(model.data.values()), fresh=fresh)
    summary = summarized(model) | evaluated(model)
    with locked([target]):
        save_model(model, target)
    messages.say(f"wrote {target}")
    told = summary | {"files": [str(target)]}
    click.echo(json.dumps(told, allow_nan=False) if messages.as_json else table(summary))


def summarized(model: Model) -> dict[str, Any]:
    """Give what was made, and every sentence about how."""
    return {
        "name": model.name,
        "nodes": len(model.nodes),
        "parameters": model.size,
        "loss": model.loss,
        "weight_decay": model.weight_decay,
        "notes": list(model.inferred),
    }


def table(summary: dict[str, Any]) -> str:
    """Write the summary for people."""
    lines = [
        f"{summary['name']}: {summary['nodes']} nodes, {summary['parameters']:,} parameters, loss {summary['loss']}"
    ]
    for split, values in summary["losses"].items():
        shown = {key: value for key, value in values.items() if value is not None}
        words = [f"{key} {value:.6g}" for key, value in shown.items()] or ["loss not finite"]
        lines.append(f"{split}  " + "  ".join(words))
    if summary["not_evaluated"]:
        lines.append(f"not evaluated: {summary['not_evaluated']}")
    return "\n".join([*lines, *summary["notes"]])
