"""What races and studies share: the start, the runs, the record, words for numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.errors import InputError
from landscape.files import require_writable
from landscape.model import Model
from landscape.objective import NetworkObjective, as_one_batch
from landscape.objective.devices import read_device
from landscape.objective.lowered import checked
from landscape.objective.program_check import Mode
from landscape.progress import Announce, Parts, Progress, nobody, silent
from landscape.records import Piece, Pieces, Record, Study
from landscape.records.keeping import Fields, Key, Wanted, produce
from landscape.training import Ensemble, at_initialization, train_many, train_recipes
from landscape.training.recipe import Recipe
from landscape.training.start import require_finite_start, require_initialization
from landscape.workers import Workers

Array = NDArray[np.float64]
# Series, single numbers and sentences.
Found = tuple[dict[str, Any], dict[str, float], Sequence[str]]
# Batches drawn to look at their gradients.
BATCHES = 32
Kind = TypeVar("Kind", bound=Record)


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What the runs of an experiment have in common, and where its record goes.

    `settings` hold all that can change a number, `init`, `seed` and `dtype` among them, and `seeds` where there are several runs of each.
    """

    model: Model
    settings: dict[str, Any]
    threads: int | None
    output: str | Path | None
    fresh: bool
    device: str = "cpu"
    executor: Workers | None = None
    progress: Progress = nobody
    announce: Announce = silent

    def start(self) -> Model:
        """Give the model at its own parameters, or at the initialization asked for."""
        init, seed = self.settings["init"], self.settings["seed"]
        return self.model if init is None else at_initialization(self.model, init, seed)

    def require(self, **grid: Any) -> None:
        """Refuse an impossible initialization, setting or network before anything is announced; settings in a list are checked one by one.

        Raises
        ------
        InputError
            The message names it.
        """
        checked(self.start(), Mode.VALUES)
        lists = {name: value if isinstance(value, list) else [value] for name, value in grid.items()}
        for values in product(*lists.values()):
            Recipe(**dict(zip(lists, values, strict=True))).filled()

    def seeds(self) -> range:
        """Give the seeds of the runs of each kind."""
        return range(self.settings["seed"], self.settings["seed"] + self.settings["seeds"])

    def train(self, piece: Piece | None, start: Model, **chosen: Any) -> Ensemble:
        """Train every combination of the chosen settings, once a seed (the innermost) unless they name one.

        Raises
        ------
        InputError
            The loss of the start is not finite; such runs end at once.
        """
        chosen.setdefault("seed", self.seeds())
        return self.with_finite_start(train_many(start, **self.by(piece), **chosen))

    def train_each(
        self, piece: Piece | None, start: Model, recipes: Sequence[Recipe], **chosen: Any
    ) -> Ensemble:
        """Train once for each recipe, as `train`.

        Raises
        ------
        InputError
            The loss of the start is not finite.
        """
        starts = [start.theta] * len(recipes)
        return self.with_finite_start(train_recipes(start, recipes, starts, **self.by(piece), **chosen))

    def by(self, piece: Piece | None) -> dict[str, Any]:
        """Say by what runs are computed, and where they are kept."""
        return {
            "dtype": self.settings["dtype"], "threads": self.threads, "device": self.device, "piece": piece, "executor": self.executor,
        }  # fmt: skip

    def with_finite_start(self, found: Ensemble) -> Ensemble:
        """Give runs back, whose first look was at a finite loss."""
        require_finite_start(float(found.losses["train_loss"][0, 0]), self.settings["dtype"])
        return found

    def record(self, kind: type[Kind], work: Callable[[Pieces], Fields]) -> Kind:
        """Give the record that stands at the output already, or do the work, piece by piece, and save what it gives.

        Raises
        ------
        InputError
            The output cannot be written, or holds a record or unfinished work of other settings.
        """
        model = self.model
        key = Key(model.fingerprint(), model.data_fingerprint(), self.settings)

        def fields(pieces: Pieces) -> Fields:
            found = work(pieces)
            words = {"model_name": model.name, "loss": model.loss, "loss_scale": model.loss_scale}
            words |= found.pop("words", {})
            return {**found, "settings": {**words, **self.settings}}

        output = None if self.output is None else Path(self.output)
        return produce(Wanted(kind, key, output, self.fresh, self.progress, self.announce), fields)

    def study(self, work: Callable[[Pieces], Found]) -> Study:
        """Do the work of a study, as `record`."""

        def fields(pieces: Pieces) -> dict[str, Any]:
            series, numbers, findings = work(pieces)
            arrays = {key: np.asarray(value) for key, value in series.items()}
            name = self.settings["study"]
            return {"study": name, "series": arrays, "numbers": numbers, "findings": tuple(findings)}

        return self.record(Study, fields)


def begun(pieces: Pieces, parts: Parts) -> float:
    """Return the approximate share of the parts that an earlier run did: runs count by their evaluations, other pieces fully."""
    done = 0.0
    for name, weight in parts.weights.items():
        piece = pieces.pieces.get(name, {})
        losses = piece.get("losses.train_loss")
        share = float(bool(piece)) if losses is None else float(piece["look"]) / losses.shape[1]
        share = float(np.mean(piece["whole"])) if "whole" in piece else share
        done += weight * share
    return done / sum(parts.weights.values())


def finals(losses: Array, shape: tuple[int, ...]) -> Array:
    """Give the last evaluation of runs [R, K] as a table, infinite for runs that diverged."""
    last = losses[:, -1].reshape(shape)
    return np.where(np.isfinite(last), last, np.inf)


def within(model: Model, batch_size: int, announce: Announce) -> int:
    """Return a batch size of at most all examples, with a note if that is less than asked for."""
    checked(model, Mode.VALUES)
    examples = model.examples("train")
    if batch_size > examples:
        announce(f"there are {examples} training examples: a batch of {batch_size} is all of them")
    return min(batch_size, examples)


def batch_gradients(model: Model, size: int, seed: int, threads: int | None, device: str) -> list[Array]:
    """Give the gradients of `BATCHES` batches drawn without replacement, each normalized by its own statistics."""
    rng = streams.numpy_generator("batches", seed)
    total = model.examples("train")
    found = []
    for _ in range(BATCHES):
        rows = np.sort(rng.choice(total, min(size, total), replace=False))
        data = {key: array[rows] for key, array in model.data.items() if key.endswith("_train")}
        part = as_one_batch(replace(model, data=data))
        found.append(NetworkObjective(part, "train", threads=threads, device=device).gradient(model.theta))
    return found


def require_known(
    *, optimizers: Sequence[str] = (), schedules: Sequence[str] = (), init: str | None, device: str, output: str | Path | None,
    **settings: Any,
) -> None:  # fmt: skip
    """Refuse settings with which no run can be trained, and an output that cannot be written, before any message or work.

    Raises
    ------
    InputError
        An unknown name, a number out of its range, or an output that cannot be written.
    """
    for optimizer in optimizers:
        Recipe(optimizer=optimizer, **settings)
    for schedule in schedules:
        Recipe(schedule=schedule)
    if init is not None:
        require_initialization(init)
    read_device(device)
    if output is not None:
        require_writable(output)


def different_names(what: str, names: Sequence[str]) -> tuple[str, ...]:
    """Check that there are names, none of them twice.

    Raises
    ------
    InputError
        None, or one name twice.
    """
    if not names or len(set(names)) != len(names):
        raise InputError(f"{what}: expected different names, found {', '.join(names) or 'none'}")
    return tuple(names)


def positive_list(name: str, values: Sequence[float]) -> list[float]:
    """Check numbers above zero, in rising order without repeats.

    Raises
    ------
    InputError
        None, or one that is not positive.
    """
    found = sorted({float(value) for value in values})
    if not found or not np.isfinite(found).all() or found[0] <= 0:
        raise InputError(f"{name}: expected numbers above 0, found {', '.join(map(str, values)) or 'none'}")
    return found


def counted_seeds(count: int) -> str:
    """Write a number of seeds in words.

    >>> counted_seeds(1), counted_seeds(3)
    ('1 seed', '3 seeds')
    """
    return f"{count} seed{'s' if count > 1 else ''}"


def over_seeds(count: int) -> str:
    """Say over how many runs something is.

    >>> over_seeds(1), over_seeds(3)
    ('over 1 seed', 'over 3 seeds')
    """
    return f"over {counted_seeds(count)}"


def told(value: float) -> str:
    """Write a number with three digits, in words where it is not finite.

    >>> told(0.01234), told(float("inf"))
    ('0.0123', 'diverged')
    """
    return f"{value:.3g}" if np.isfinite(value) else "diverged"
