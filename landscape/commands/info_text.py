"""The table that `landscape info` prints for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from landscape.model.losses import OF_CLASSES, OF_SIDES
from landscape.ops.operation import batched
from landscape.ops.table import OPERATIONS

Summary = dict[str, Any]


def describe(summary: Summary) -> str:
    """Lay a summary out in paragraphs; those that would be empty are left out."""
    title = f"{summary['name']} ({click.format_filename(summary['file'])}, {summary['form']} form)"
    paragraphs = [
        [title],
        _graph(summary),
        _losses(summary),
        _workspace(summary),
        _data(summary),
        _training(summary),
        _listed("inferred", summary["inferred"]),
        _listed("not finite", summary["not_finite"]),
        _listed("remarks", summary["remarks"]),
    ]
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines)


def columns(rows: Sequence[Sequence[str]], right: int = -1) -> list[str]:
    """Align rows of words; the column `right` is aligned to the right.

    >>> columns([["a", "10"], ["long", "7"]])
    ['a     10', 'long   7']
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    right %= len(widths)
    return [
        "  ".join(
            word.rjust(width) if column == right else word.ljust(width)
            for column, (word, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _graph(summary: Summary) -> list[str]:
    rows = [["node", "op", "reads", "output", "parameters"]]
    rows.append(["input", "", "", batched(tuple(summary["input_shape"])), ""])
    for node in summary["nodes"]:
        count = f"{node['parameters']:,}" if node["parameters"] else ""
        if node["parameters_of"]:
            count = f"of {node['parameters_of']}"
        elif count and not node["trainable"]:
            count += " frozen"
        rows.append(
            [node["name"], _op(node), ", ".join(node["inputs"]), batched(tuple(node["shape"])), count]
        )
    beside = [f"{summary[kind]:,} {kind}" for kind in ("frozen", "buffers") if summary[kind]]
    return [*columns(rows), ", ".join([f"{summary['parameters']:,} parameters", *beside])]


def _op(node: Summary) -> str:
    """Name the op with the attributes that are not the defaults."""
    table = OPERATIONS[node["op"]].attributes
    given = (
        f"{key}={list(value) if isinstance(value, tuple) else value}"
        for key, value in node["attributes"].items()
        if value != (node["attributes"][table[key].like] if table[key].like else table[key].default)
    )
    return " ".join([node["op"], *given])


def _losses(summary: Summary) -> list[str]:
    loss = summary["loss"]
    words = [f"loss: {loss['name']}"]
    if loss["name"] == "huber":
        words.append(f"delta {loss['delta']:g}")
    words += [f"{name} {_option(value)}" for name, value in loss["options"].items()]
    if loss["scale"] != 1:
        words.append(f"times {loss['scale']:g}")
    decay = loss["weight_decay"]
    if decay:
        words.append(f"weight decay {_decay(decay)}")
    if summary["not_evaluated"]:
        return [", ".join(words), f"  not evaluated: {summary['not_evaluated']}"]
    rows = [
        ["", split, "loss", _number(value["loss"]), *_accuracy(summary, value["accuracy"])]
        for split, value in summary["losses"].items()
    ]
    penalty = [f"  penalty {_number(summary['penalty'])}"] if decay else []
    return [", ".join(words), *columns(rows, right=3), *penalty]


def _option(value: Any) -> str:
    """Write an option of a loss; of many numbers only that there are many."""
    if not isinstance(value, list):
        return f"{value:g}"
    numbers = [number for number in value if not isinstance(number, list)]
    few = len(numbers) == len(value) <= 8
    return ", ".join(f"{number:g}" for number in numbers) if few else f"of {len(value)}"


def _decay(decay: float | dict[str, float]) -> str:
    if not isinstance(decay, dict):
        return f"{decay:g}"
    if len(decay) > 4:
        return f"of {len(decay)} parameters"
    return ", ".join(f"{value:g} of {key}" for key, value in decay.items())


def _accuracy(summary: Summary, accuracy: float | None) -> list[str]:
    return [] if summary["loss"]["name"] not in (*OF_CLASSES, *OF_SIDES) else ["accuracy", _number(accuracy)]


def _number(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.6g}"


def _workspace(summary: Summary) -> list[str]:
    plan = summary.get("workspace")
    if plan is None:
        return []
    kinds = ", ".join(
        f"{plan[kind] / 2**20:,.2f} MiB for {kind}" for kind in ("values", "gradients", "products")
    )
    return [f"memory of a thread (float32, tiles of {plan['tile']} examples): {kinds}"]


def _data(summary: Summary) -> list[str]:
    rows = [
        ["", split, f"{value['examples']:,} examples", _array("x", value["x"]), _array("y", value["y"])]
        for split, value in summary["data"].items()
    ]
    return ["data:", *columns(rows, right=2)]


def _array(name: str, array: Summary) -> str:
    return f"{name} {array['dtype']} {batched(tuple(array['shape'][1:]))}" + (
        " (mapped)" if array["mapped"] else ""
    )


def _training(summary: Summary) -> list[str]:
    lines = [f"  {key}: {value}" for key, value in summary["training"].items()]
    for series, value in summary["history"].items():
        ends = f"{_number(value['first'])} … {_number(value['last'])}"
        lines.append(f"  history of {series}: {value['length']} values, {ends}")
    if summary["checkpoints"]:
        steps = summary["checkpoints"]["steps"]
        between = f", steps {steps[0]} to {steps[-1]}" if steps else ""
        lines.append(f"  {summary['checkpoints']['count']} checkpoints{between}")
    if summary["optimizer"]:
        lines.append(f"  the optimizer's {', '.join(summary['optimizer'])}")
    return ["training:", *lines] if lines else []


def _listed(title: str, sentences: Sequence[str]) -> list[str]:
    return [f"{title}:", *(f"  {sentence}" for sentence in sentences)] if sentences else []
