"""The words in figures: names of quantities, axes and scans."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from landscape.records import Scan

GREEK = "αβγδεζ"
MINUS = "\N{MINUS SIGN}"

SPLITS = {"train": "training", "validation": "validation", "test": "test"}
LOSSES = {
    "cross_entropy": "cross-entropy",
    "binary_cross_entropy": "binary cross-entropy",
    "mse": "mean squared error",
    "mae": "mean absolute error",
    "huber": "Huber",
    "kl_divergence": "Kullback-Leibler divergence",
    "poisson": "Poisson",
    "poisson_rate": "Poisson",
    "hinge_embedding": "hinge of a distance",
    "output": "loss",
    "multi_margin": "margin",
    "focal": "focal",
}
EIGENVALUES = {
    "curvature": "λₘᵢₙ/λₘₐₓ",
    "lambda_min": "smallest eigenvalue",
    "lambda_max": "largest eigenvalue",
}
# Metrics by name, and what stands in brackets behind them.
METRICS = {
    "accuracy": ("accuracy", "fraction correct"),
    "balanced_accuracy": ("balanced accuracy", "class mean"),
    "macro_f1": ("macro F1", "class mean"),
    "mean_iou": ("mean IoU", "class mean"),
    "precision": ("precision", "of class 1"),
    "recall": ("recall", "of class 1"),
    "f1": ("F1", "of class 1"),
    "r2": ("R²", "drawn from −1"),
    "mean_absolute_error": ("mean absolute error", "target's unit"),
    "mean_squared_error": ("mean squared error", "squared unit"),
    "root_mean_squared_error": ("root mean squared error", "target's unit"),
}
TOP = re.compile(r"top(\d+)")
# Those of which less is better.
ERRORS = ("mean_absolute_error", "mean_squared_error", "root_mean_squared_error")
# From where on a metric without a lower end is drawn: most of a map would be far below.
LOWEST = {"r2": -1.0}
IN_NATS = ("cross_entropy", "binary_cross_entropy", "kl_divergence")
LONGEST_NAME = 28
# Letters that fit, in a column, on a line of a title, of an axis label, of the legend.
LONGEST_LINE = 50
LONGEST_LABEL = 38
LONGEST_ROW = 62
# How the label of a direction to another model begins, and what that is called where nothing names it.
WAY, OTHER_MODEL = "to ", "the other model"
PLAIN = (1e-3, 1e5)


def quantity_name(record: Scan, quantity: str) -> str:
    """Name a quantity as one says it: `training loss`; of a function without data just `loss`."""
    split, _, what = quantity.partition("_")
    if split not in SPLITS or not what:
        return quantity
    if what in EIGENVALUES:
        return EIGENVALUES[what] if not record.data else f"{EIGENVALUES[what]}, {SPLITS[split]} loss"
    return words_of(what) if not record.data else f"{SPLITS[split]} {words_of(what)}"


def words_of(what: str) -> str:
    """Say what is measured, without the split.

    >>> words_of("loss"), words_of("top5"), words_of("mean_iou"), words_of("my_own")
    ('loss', 'top-5 accuracy', 'mean IoU', 'my own')
    """
    top = TOP.fullmatch(what)
    return f"top-{top[1]} accuracy" if top else METRICS.get(what, (what.replace("_", " "), ""))[0]


def more_is_better(what: str) -> bool:
    """Say whether what is measured is good where it is high.

    >>> more_is_better("top5"), more_is_better("r2"), more_is_better("mean_squared_error"), more_is_better("loss")
    (True, True, False, False)
    """
    return (what in METRICS and what not in ERRORS) or TOP.fullmatch(what) is not None


def quantity_label(record: Scan, quantity: str) -> str:
    """Name a quantity with its kind and its unit: `training loss (cross-entropy, nats)`."""
    name = quantity_name(record, quantity)
    if quantity == "penalty":
        return "penalty (weight decay)"
    what = quantity.partition("_")[2]
    if what in METRICS or TOP.fullmatch(what):
        unit = METRICS[what][1] if what in METRICS else "fraction correct"
        return f"{name} ({unit})"
    loss = record.settings.get("loss")
    if not quantity.endswith("_loss") or not isinstance(loss, str):
        return name
    return f"{name} ({loss_kind(record.settings)})"


def loss_kind(settings: Mapping[str, Any]) -> str:
    """Name the kind of a loss and its unit: `cross-entropy, nats`.

    >>> loss_kind({"loss": "cross_entropy"}), loss_kind({"loss": "mse"})
    ('cross-entropy, nats', 'mean squared error')
    """
    loss = str(settings.get("loss") or "")
    scaled = settings.get("loss_scale", 1) != 1
    unit = ", scaled" if scaled else ", nats" if loss in IN_NATS else ""
    return f"{LOSSES.get(loss, loss)}{unit}"


def axis_label(record: Scan, index: int) -> str:
    r"""Say what one coordinate of a scan is: `α along random direction 1\n(filter-normalized, seed 0)`."""
    return "\n".join(row for line in _coordinate(record, index) for row in _wrap(line, LONGEST_LABEL))


def one_line_label(record: Scan, index: int) -> str:
    """Say on one line what a coordinate is, for the legend."""
    return " ".join(_coordinate(record, index))


def _coordinate(record: Scan, index: int) -> list[str]:
    """Say what a coordinate is, and in brackets, if there are any, the details."""
    greek = GREEK[index] if index < len(GREEK) else f"coordinate {index + 1}"
    labels = record.settings.get("directions")
    label = labels[index] if isinstance(labels, list) and index < len(labels) else None
    if not isinstance(label, str):
        return [f"{greek} along direction {index + 1}"]
    # A number below 0 has a true minus, as everywhere.
    name, details = _split_label(re.sub(r"(?<=[= ])-(?=\d)", MINUS, label.replace("$", r"\$")))
    way = f"{greek} on the way {name}" if name.startswith("to ") else f"{greek} along {name}"
    return [way, f"({details})"] if details else [way]


def leads_to_other_model(record: Scan) -> bool:
    """Say whether the first coordinate runs from this model, at 0, to another, at 1, and the record marks neither itself."""
    labels = record.settings.get("directions")
    # Normalized, the direction ends elsewhere.
    whole = record.settings.get("normalize") in (None, "none") and not record.settings.get("marks")
    return whole and isinstance(labels, list) and bool(labels) and str(labels[0]).startswith(WAY)


def other_text(record: Scan) -> str:
    """Name the other model of a scan that leads to one."""
    name = str(record.settings["directions"][0]).removeprefix(WAY)
    return OTHER_MODEL if name == OTHER_MODEL else f"{OTHER_MODEL} ({shorten(name)})"


def wrapped(lines: Sequence[str]) -> list[str]:
    """Break what is too long for a line of the legend."""
    return [row for line in lines for row in _wrap(line, LONGEST_ROW)]


def _split_label(label: str) -> tuple[str, str]:
    """Take `random 1 (seed 0), filter-normalized` apart: the name, and the details as one list."""
    name, _, normalization = label.partition(", ") if "(" not in label else _after_bracket(label)
    inside = re.search(r"\(([^()]*)\)", name)
    name = re.sub(r"\s*\([^()]*\)", "", name).strip()
    details = [normalization.strip(), inside.group(1) if inside else ""]
    known = re.fullmatch(r"(random|principal|eigen) (\d+)", name)
    if known and known[1] == "eigen":
        name = "the Hessian's eigenvector"
        details[1] = f"{eigenvalue_rank(int(known[2]))} {details[1]}".strip()
    elif known:
        name = f"{known[1]} direction {known[2]}"
        details[1] += " of the variance" if known[1] == "principal" and details[1] else ""
    if name == "gradient":
        # As long as it is: then the coordinate is a learning rate.
        name, details[1] = (
            "the gradient",
            details[1] or ("" if details[0] else f"θ + αg: a learning rate is {MINUS}α"),
        )
    return name, ", ".join(detail for detail in details if detail)


def eigenvalue_rank(number: int) -> str:
    """Say which eigenvalue a direction is of, in the order in which a scan takes them.

    >>> eigenvalue_rank(1), eigenvalue_rank(2), eigenvalue_rank(3)
    ('largest', 'smallest', 'second largest')
    """
    return ("largest", "smallest", "second largest")[number - 1] if 1 <= number <= 3 else ""


def eigenvalues_of(record: Scan) -> dict[int, float]:
    """Return the Hessian's eigenvalue along each axis that is an eigenvector, as the axis is called.

    Nothing where a normalization has turned it.
    """
    labels = record.settings.get("directions")
    told = enumerate(labels if isinstance(labels, list) else [])
    found = {index: re.fullmatch(r"eigen \d+ \(λ = (\S+)\)", str(label)) for index, label in told}
    return {index: float(match[1]) for index, match in found.items() if match}


def _after_bracket(label: str) -> tuple[str, str, str]:
    head, bracket, tail = label.rpartition(")")
    return head + bracket, "", tail.lstrip(", ")


def title(record: Scan, quantity: str, axes: Sequence[int], extra: str = "") -> str:
    """Tell model, quantity, grid and span, a line or two."""
    name = record.settings.get("model_name")
    subject = f"{shorten(name)}: {quantity}" if isinstance(name, str) and name else quantity
    grid = " × ".join(str(record.axes[index].size) for index in axes) or "1"
    parts = (f"{grid} point{'s' * (grid != '1')}", spans(record, axes), extra, examples_text(record))
    return "\n".join([*_wrap(subject, LONGEST_LINE), *_filled([part for part in parts if part])])


def _filled(parts: list[str]) -> list[str]:
    """Put parts on lines, whole, with commas between them."""
    lines = [parts[0]]
    for part in parts[1:]:
        together = f"{lines[-1]}, {part}"
        lines[-1:] = [together] if len(together) <= LONGEST_LINE else [lines[-1], part]
    return lines


def _wrap(line: str, width: int) -> list[str]:
    return textwrap.wrap(line, width, break_on_hyphens=False)


def examples_text(record: Scan) -> str:
    """Say so where the values are estimates from a subset of the data."""
    examples = record.settings.get("examples")
    counts = list(examples.values()) if isinstance(examples, dict) else [examples]
    known = {count for count in counts if isinstance(count, int) and not isinstance(count, bool)}
    return f"{' or '.join(str(count) for count in sorted(known))} random examples" if known else ""


def spans(record: Scan, axes: Sequence[int]) -> str:
    """Tell where the coordinates run: `α, β ∈ [−1, 1]`, or each its own."""
    if not axes:
        return ""
    ranges = [(GREEK[i], f"[{short(record.axes[i][0])}, {short(record.axes[i][-1])}]") for i in axes]
    if len({span for _, span in ranges}) == 1:
        return f"{', '.join(name for name, _ in ranges)} ∈ {ranges[0][1]}"
    return ", ".join(f"{name} ∈ {span}" for name, span in ranges)


def shorten(text: str, longest: int = LONGEST_NAME) -> str:
    """Leave out the middle of a long name, and keep what mathtext would read as a formula.

    >>> shorten("a-very-long-name-of-a-model.v2", longest=12)
    'a-very…el.v2'
    """
    text = " ".join(text.split()).replace("$", r"\$")
    if len(text) <= longest:
        return text
    head = longest // 2
    return f"{text[:head]}…{text[len(text) - (longest - head - 1) :]}"


def short(value: float, digits: int = 3, plain: tuple[float, float] = PLAIN) -> str:
    """Write a number with few digits and a true minus, in full where it is within `plain`.

    >>> short(0.031249), short(-2.0), short(123456.0), short(0.0)
    ('0.0312', '−2', '1.23e5', '0')
    """
    if not np.isfinite(value):
        return "not finite"
    if value == 0 or plain[0] <= abs(value) < plain[1]:
        text = np.format_float_positional(value, precision=digits, fractional=False, trim="-")
    else:
        text = np.format_float_scientific(value, precision=digits - 1, trim="-", exp_digits=1)
        text = text.replace("e+", "e")
    return text.replace("-", MINUS)


def distinct(values: np.ndarray) -> list[str]:
    r"""Write increasing numbers in one manner, with as few digits as tell them apart and hit them.

    >>> distinct(np.array([0.5, 1.0, 2.0])), distinct(np.array([0.691, 0.692]))
    (['0.5', '1', '2'], ['0.691', '0.692'])
    >>> distinct(np.array([1e-4, 1e-2, 1.0]))
    ['$10^{-4}$', '$10^{-2}$', '$10^{0}$']
    >>> distinct(np.array([3e-4, 1e-3, 0.1]))
    ['3e−4', '1e−3', '0.1']
    """
    if not len(values):
        return []
    plain = np.abs(values[values != 0])
    spread = plain.size > 0 and (plain.min() < PLAIN[0] or plain.max() >= PLAIN[1])
    powers = np.log10(values) if (values > 0).all() else np.array([np.nan])
    if spread and np.allclose(powers, np.round(powers), rtol=0, atol=1e-9):
        return [f"$10^{{{int(power)}}}$" for power in np.round(powers)]
    for digits in range(1, 16):
        rounded = [float(f"{value:.{digits - 1}e}") for value in values]
        gaps = np.diff(values).min() if len(values) > 1 else abs(values).max(initial=0.0)
        if np.abs(np.array(rounded) - values).max(initial=0.0) <= 0.02 * gaps:
            break
    return [short(value, digits, (1e-2, 1e3) if spread else PLAIN) for value in rounded]
