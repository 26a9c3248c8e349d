"""Held-out examples that also occur in the training data, which are counted and left out before anything is judged."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from landscape.diagnosis.vetoes import Veto
from landscape.model import Model
from landscape.objective import NetworkObjective

# Rows are shared by chance where training examples meet each other about as often: from this part of the share on.
CHANCE = 0.5


@dataclass(frozen=True)
class Leak:
    """Which examples of a held-out split are training examples: `rows` [N] says so of each."""

    split: str
    rows: NDArray[np.bool_]

    @property
    def share(self) -> float:
        """The part of the split that leaked."""
        return float(self.rows.mean())


def leaks_of(model: Model) -> tuple[Leak, ...]:
    """Find the held-out examples whose input is a training example's, where inputs are wide enough not to meet by chance.

    Inputs that few values make up, such as the corners of a square, meet within the training set too, and are no leak.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x = np.arange(20.0).reshape(10, 2)
    >>> data = {"x_train": x, "y_train": x[:, :1], "x_test": np.concatenate([x[:2], x + 0.5]), "y_test": np.ones((12, 1))}
    >>> found = leaks_of(build_model(layers=[(np.zeros((2, 1)), np.zeros(1))], loss="mse", **data))
    >>> [(leak.split, round(leak.share, 2)) for leak in found]
    [('test', 0.17)]
    """
    x = np.asarray(model.data["x_train"])
    if x[:1].size < 2:
        return ()
    train = rows_of(x)
    known = set(train)
    again = 1.0 - len(known) / len(train)
    found = []
    for split in model.splits:
        if split == "train":
            continue
        shared = np.array([row in known for row in rows_of(np.asarray(model.data[f"x_{split}"]))], bool)
        if shared.any() and again < CHANCE * float(shared.mean()):
            found.append(Leak(split, shared))
    return tuple(found)


def rows_of(x: NDArray) -> list[bytes]:
    """Return the bytes of each example."""
    return [row.tobytes() for row in np.ascontiguousarray(x.reshape(len(x), -1))]


def without_leaks(model: Model, leaks: tuple[Leak, ...]) -> Model:
    """Leave the held-out examples out that leaked, and a split of which nothing stays."""
    data = dict(model.data)
    for leak in leaks:
        kept = np.flatnonzero(~leak.rows)
        for key in [key for key in data if key.endswith(f"_{leak.split}")]:
            if len(kept):
                data[key] = data[key][kept]
            else:
                del data[key]
    return replace(model, data=data) if leaks else model


def leak_words(leaks: tuple[Leak, ...]) -> list[str]:
    """Say of every leak how much it is."""
    return [
        f"leakage: {int(leak.rows.sum()):,} of {len(leak.rows):,} {leak.split} examples are training examples; they are left out here"
        for leak in leaks
    ]


def leak_veto(
    model: Model, whole: Model, leaks: tuple[Leak, ...], least: float, threads: int | None
) -> Veto | None:
    """Return the veto of the largest leak, where it is larger than `least` of its split; `whole` has the shared examples too."""
    worst = max(leaks, key=lambda leak: leak.share, default=None)
    if worst is None or worst.share <= least:
        return None
    reason = f"{int(worst.rows.sum()):,} of {len(worst.rows):,} {worst.split} examples ({worst.share:.0%}, more than {least:.0%}) are training examples"
    details: tuple[str, ...] = ()
    if worst.split in model.splits:
        before, after = (
            float(NetworkObjective(there, worst.split, threads=threads).evaluate(there.theta).loss)
            for there in (whole, model)
        )
        details = (f"the {worst.split} loss is {before:.4g} with them and {after:.4g} without them",)
    advice = f"split again so that no {worst.split} example is a training example, and drop duplicates before splitting"
    pytorch = "x, first = np.unique(x, axis=0, return_index=True); y = y[first]; then torch.utils.data.random_split(...)"
    return Veto("leakage", reason, worst.share, least, advice, details, pytorch)
