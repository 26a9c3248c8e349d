"""The subject of a report: a model, or an objective that describes itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from landscape.errors import InputError
from landscape.model import Model
from landscape.model.required import OF_OBJECTIVES, require_model
from landscape.model.summary import summarize
from landscape.objective import HasValue
from landscape.objective.about import About, about
from landscape.objective.kinds import is_objective
from landscape.overwrite import mapped_files

MOST_NODES = 60
Rows = list[tuple[str, str]]


@dataclass(frozen=True)
class Subject:
    """A model or an objective `given`, with its name and its path in commands; `sizes` describes the network."""

    given: Model | HasValue
    name: str
    path: str
    size: int
    model: str
    data: str
    rows: Callable[[], Rows]
    history: Any
    inferred: tuple[str, ...] = ()
    files: tuple[Any, ...] = ()

    @property
    def is_model(self) -> bool:
        """Whether it is a model, which this package computes."""
        return isinstance(self.given, Model)

    def fingerprint(self) -> str:
        """Hash the network."""
        return self.model

    def data_fingerprint(self) -> str:
        """Hash the data."""
        return self.data


def subject_of(given: Model | HasValue, name: str, path: str | None) -> Subject:
    """Take a model, or an objective that describes itself.

    Raises
    ------
    InputError
        It is neither.
    """
    if is_objective(given):
        info = about(given)  # type: ignore[arg-type]
        if info is None:
            raise InputError(
                f"{name} needs a model, or a TorchObjective, found {type(given).__name__}. Another objective is taken by {OF_OBJECTIVES}"
            )
        size = len(info.theta)
        return Subject(
            given, info.name, path or "FILE.py:NAME", size, info.fingerprint(info.theta), info.data, lambda: pieces(info), {}
        )  # fmt: skip
    require_model(given, name)
    assert isinstance(given, Model)
    files = (given.path, *mapped_files(given.data.values()))
    return Subject(
        given, given.name, path or str(given.path or "MODEL.npz"), given.size, given.fingerprint(), given.data_fingerprint(),
        lambda: nodes(given), given.history, tuple(given.inferred), files,
    )  # fmt: skip


def nodes(model: Model) -> Rows:
    """Describe a model's data and nodes."""
    rows = [("loss", model.loss)]
    rows += [(f"{split} data", f"{model.examples(split):,} examples") for split in model.splits]
    told = [
        (node["name"], f"{node['op']}, {node['shape']}, {node['parameters']:,} parameters")
        for node in summarize(model)["nodes"]
    ]
    return rows + cut(told, "nodes")


def pieces(info: About) -> Rows:
    """Describe an objective's data and tensors."""
    rows = [
        ("loss", info.loss),
        ("computed by", f"{info.settings.get('computed_by', 'its program')}, {info.dtype}, {info.device}"),
    ]
    rows += [(f"{split} data", f"{found.count():,} examples") for split, found in info.examples.items()]
    told = [
        (p.name, f"{' × '.join(map(str, p.shape)) or '1'}, {p.stop - p.start:,} parameters")
        for p in info.pieces
    ]
    return rows + cut(told, "tensors")


def cut(rows: Rows, what: str) -> Rows:
    """Leave out what is too long to read.

    >>> cut([("a", "1")] * 62, "nodes")[-1]
    ('…', '2 more nodes')
    """
    more = [("…", f"{len(rows) - MOST_NODES} more {what}")] if len(rows) > MOST_NODES else []
    return rows[:MOST_NODES] + more
