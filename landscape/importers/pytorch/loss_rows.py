"""The losses of PyTorch as rows: what each is in the format, what the network must end with, which settings it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers.nearest import EXIT

Settings = Mapping[str, Any]
Change = Callable[[str, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Row:
    """A loss of PyTorch: its name in the format, the op that the network must end with, and its settings.

    `function` is its name in torch.nn.functional. `options` are settings by the format's names of them. `plain` are settings that must have a
    value. `targets` makes the format's targets of PyTorch's, and `told` says so.
    """

    name: str
    function: str
    tail: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    plain: Mapping[str, Any] = field(default_factory=dict)
    targets: Change | None = None
    told: str = ""


def from_signs(key: str, y: np.ndarray) -> np.ndarray:
    """Make 1 and 0 of 1 and −1."""
    if not np.all(np.abs(y) == 1):
        raise InputError(f"{key}: SoftMarginLoss expects 1 or -1, found {y[np.abs(y) != 1].reshape(-1)[0]}")
    return np.asarray((y + 1) / 2, np.float64)


def from_logs(key: str, y: np.ndarray) -> np.ndarray:
    """Make probabilities of their logarithms."""
    return np.exp(np.asarray(y, np.float64))


CLASS_OPTIONS = {"weight": "class_weights", "ignore_index": "ignored"}
ROWS: dict[str, Row] = {
    "CrossEntropyLoss": Row(
        "cross_entropy", "cross_entropy", options=CLASS_OPTIONS | {"label_smoothing": "label_smoothing"}
    ),
    "NLLLoss": Row("cross_entropy", "nll_loss", "log_softmax", CLASS_OPTIONS),
    "BCEWithLogitsLoss": Row(
        "binary_cross_entropy", "binary_cross_entropy_with_logits",
        options={"weight": "element_weights", "pos_weight": "pos_weight"},
    ),
    "BCELoss": Row("binary_cross_entropy", "binary_cross_entropy", "sigmoid", {"weight": "element_weights"}),
    "MSELoss": Row("mse", "mse_loss", plain={"weight": None}),
    "L1Loss": Row("mae", "l1_loss", plain={"weight": None}),
    "HuberLoss": Row("huber", "huber_loss", plain={"weight": None}),
    "SmoothL1Loss": Row("huber", "smooth_l1_loss"),
    "KLDivLoss": Row("kl_divergence", "kl_div", "log_softmax"),
    "PoissonNLLLoss": Row("poisson", "poisson_nll_loss", plain={"full": False}),
    "HingeEmbeddingLoss": Row("hinge_embedding", "hinge_embedding_loss", options={"margin": "margin"}),
    "SoftMarginLoss": Row(
        "binary_cross_entropy", "soft_margin_loss", targets=from_signs,
        told="SoftMarginLoss is binary_cross_entropy of logits with the targets 0 and 1 for -1 and 1",
    ),
    "MultiMarginLoss": Row(
        "multi_margin", "multi_margin_loss", options={"weight": "class_weights", "margin": "margin", "p": "exponent"}
    ),
    "MultiLabelSoftMarginLoss": Row(
        "binary_cross_entropy", "multilabel_soft_margin_loss", options={"weight": "element_weights"},
        told="MultiLabelSoftMarginLoss is binary_cross_entropy, the mean over classes and examples",
    ),
    "sigmoid_focal_loss": Row("focal", "sigmoid_focal_loss", options={"gamma": "gamma", "alpha": "alpha"}),
}  # fmt: skip
# Losses that have no row, and why.
REFUSED = {
    "GaussianNLLLoss": "reads a mean and a variance: expected the module `nn.GaussianNLLLoss()`, and a network that puts out both",
    "TripletMarginLoss": "compares the outputs of three inputs",
    "CosineEmbeddingLoss": "compares the outputs of two inputs",
    "MarginRankingLoss": "compares the outputs of two inputs",
    "CTCLoss": "sums over alignments of sequences",
}
NAMES = {row.function: kind for kind, row in ROWS.items()}
# What functions have where nothing is given, and is none of PyTorch's attributes.
DEFAULTS = {"sigmoid_focal_loss": {"alpha": 0.25, "gamma": 2.0, "reduction": "none"}}


def options_of(kind: str, row: Row, settings: Settings) -> dict[str, Any]:
    """Give the format's options of a loss's settings.

    Raises
    ------
    InputError
        A setting that the format does not have; the message names it.
    """
    for key, plain in row.plain.items():
        if key in settings and settings[key] != plain:
            raise InputError(f"loss: {kind} with {key}={plain!r} expected; the format has no other: {EXIT}")
    found = {
        name: as_json(settings[key]) for key, name in row.options.items() if settings.get(key) is not None
    }
    if kind == "sigmoid_focal_loss" and found.get("alpha", 0) < 0:
        del found["alpha"]  # torchvision's word for none
    return found


def as_json(value: Any) -> Any:
    """Give a tensor or a number as JSON has it."""
    return value.detach().cpu().double().tolist() if hasattr(value, "detach") else value
