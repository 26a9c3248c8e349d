"""One training by the user's function: the settings given to it, those that it reads, and its result."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError, did_you_mean
from landscape.files import shown
from landscape.model.series import series_name
from landscape.objective.about import About, Examples
from landscape.objective.blame import first_line, place_of

Array = NDArray[np.float64]
Train = Callable[[Mapping[str, Any], int, Array | None], tuple[Any, Any]]

# What a diagnosis may want otherwise, by the names that the function reads.
NAMES = (
    "optimizer",
    "learning_rate",
    "batch_size",
    "steps",
    "epochs",
    "weight_decay",
    "dropout",
    "width",
    "data_share",
)
RETURNS = "return (θ, history): θ as a vector, a state dict or the trained module, history as a list of losses, series by name, or None"


class Settings(Mapping[str, Any]):
    """What a training is to do otherwise; it notes what is read, and the value that the user's own training has.

    Examples
    --------
    >>> settings = Settings({"learning_rate": 0.01})
    >>> settings.get("learning_rate", 0.1), settings.get("batch_size", 32), settings.asked
    (0.01, 32, {'learning_rate': 0.1, 'batch_size': 32})
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values_given = dict(values)
        self.asked: dict[str, Any] = {}
        self.all_read = False

    def __getitem__(self, key: str) -> Any:
        self.asked.setdefault(key, None)
        if key not in self.values_given:
            raise KeyError(f'{key} is as in your own training here: read settings.get("{key}", your value)')
        return self.values_given[key]

    def get(self, key: str, default: Any = None) -> Any:
        """Return a setting, or the value of the user's own training where nothing else is wanted."""
        if self.asked.get(key) is None:
            self.asked[key] = default
        return self.values_given.get(key, default)

    def __contains__(self, key: object) -> bool:
        self.asked.setdefault(str(key), None)
        return key in self.values_given

    def __iter__(self) -> Iterator[str]:
        self.all_read = True
        return iter(self.values_given)

    def __len__(self) -> int:
        return len(self.values_given)


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a training came to: losses and accuracies by split, the highest loss of its log, and a hash of the point where that is finite."""

    losses: Mapping[str, float]
    accuracies: Mapping[str, float | None] = field(default_factory=dict)
    highest: float = math.nan
    point: str = ""


@dataclass
class Trainer:
    """Calls the user's function, and evaluates what it returns by the objective's own loss.

    `own` has what the user's training is known to have: what was told, and the defaults that the function reads. With `keeps` the numbers of the
    network that a training ended with are copied to `ended`.
    """

    train: Train
    info: About
    told: Mapping[str, Any]
    own: dict[str, Any] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    all_read: bool = False
    keeps: bool = False
    ended: Any = None

    def takes(self, name: str) -> bool:
        """Say whether the function reads a setting."""
        return self.all_read or name in self.asked

    def __call__(self, changes: Mapping[str, Any], seed: int, theta: Array | None) -> Trained | None:
        """Train; None if the function says that it does not take this.

        Raises
        ------
        InputError
            The function fails, which the message says with the place, or returns something else.
        """
        settings = Settings({**self.told, **changes})
        try:
            with self.info.kept():
                found = self.train(settings, seed, None if theta is None else theta.copy())
                return self.came_to(found)
        except InputError:
            raise
        except NotImplementedError:
            return None
        except (FloatingPointError, OverflowError):
            return Trained(losses=dict.fromkeys(self.info.examples, math.inf))
        except Exception as error:  # of the user's own code
            if isinstance(error, TypeError) and changes and "unexpected keyword argument" in str(error):
                return None
            where = place_of(error)
            raise InputError(
                f"train: the function fails with {dict(settings.values_given)}: {type(error).__name__}: {first_line(error)}{where and f' ({where})'}"
            ) from error
        finally:
            self.note(settings)

    def note(self, settings: Settings) -> None:
        """Keep what was read."""
        self.asked |= set(settings.asked)
        self.all_read |= settings.all_read
        for name, default in settings.asked.items():
            if default is not None:
                self.own.setdefault(name, default)
        self.own |= self.told

    def came_to(self, found: Any) -> Trained:
        """Evaluate what the function returned.

        Raises
        ------
        InputError
            It is something else.
        """
        if not isinstance(found, tuple | list) or len(found) != 2:
            size = f" of {len(found)}" if isinstance(found, tuple | list) else ""
            raise InputError(f"train: expected (θ, history), found a {type(found).__name__}{size}: {RETURNS}")
        theta, examples, buffers = self.located(found[0])
        if self.keeps:
            self.ended = self.info.copied(found[0])
        logged = losses_of(found[1])
        highest = (
            math.nan if not logged else max(value if math.isfinite(value) else math.inf for value in logged)
        )
        if not np.isfinite(theta).all():
            return Trained(losses=dict.fromkeys(examples, math.inf), highest=highest)
        point = hashlib.sha256(theta.astype("<f8").tobytes()).hexdigest()
        with np.errstate(over="ignore", invalid="ignore"):
            measured = {name: split.measured(theta, buffers) for name, split in examples.items()}
        return Trained(
            losses={name: loss if math.isfinite(loss) else math.inf for name, (loss, _) in measured.items()},
            accuracies={name: accuracy for name, (_, accuracy) in measured.items()}, highest=highest, point=point,
        )  # fmt: skip

    def located(self, given: Any) -> tuple[Array, Mapping[str, Examples], Array | None]:
        """Give the point, the examples by which it is evaluated, and its buffers.

        Raises
        ------
        InputError
            It is no point of this network, and no other module.
        """
        another = self.info.of(given)
        if another is not None:
            return *another, None
        if isinstance(given, Mapping):
            run = self.info.read_run([given])
            return run.thetas[0], self.info.examples, None if run.buffers is None else run.buffers[0]
        numbers = given.detach().cpu().numpy() if hasattr(given, "detach") else given
        try:
            theta = np.asarray(numbers, np.float64)
        except (TypeError, ValueError):
            raise InputError(f"train: expected θ, found a {type(given).__name__}: {RETURNS}") from None
        if theta.shape != self.info.theta.shape:
            raise InputError(
                f"train: expected θ of shape {list(self.info.theta.shape)}, found {list(theta.shape)}: "
                "return the trained module itself where it is another network"
            )
        return theta, self.info.examples, None


def losses_of(history: Any) -> list[float]:
    """Read the training losses of a history: a list of them, of rows, or series by name; [] for None and for one without losses.

    >>> losses_of([2.0, 1.0]), losses_of({"loss": [3.0]}), losses_of([{"train_loss": 4.0}, {"lr": 0.1}]), losses_of(None)
    ([2.0, 1.0], [3.0], [4.0], [])

    Raises
    ------
    InputError
        It is something else.
    """
    if history is None:
        return []
    try:
        if isinstance(history, Mapping):
            found: Sequence[Any] = next(
                (history[key] for key in history if series_name(str(key)) == "train_loss"), []
            )
            return [float(value) for value in found]
        if isinstance(history, Sequence | np.ndarray) and not isinstance(history, str):
            rows = [row for row in history if isinstance(row, Mapping)]
            if rows:
                return [float(row[k]) for row in rows for k in row if series_name(str(k)) == "train_loss"]
            return [float(value) for value in history]
    except (TypeError, ValueError):
        pass
    raise InputError(
        f"train: expected a history of numbers, found {shown(type(history).__name__)}: {RETURNS}"
    )


def unknown_names(asked: set[str]) -> list[str]:
    """Warn of settings that the function reads and no diagnosis sets, where one of ours is meant.

    >>> unknown_names({"lr", "momentum"})
    ["train reads settings 'lr', which is never set; did you mean 'learning_rate'?"]
    """
    said = []
    for name in sorted(asked - set(NAMES)):
        other = series_name(name)
        meant = f"; did you mean '{other}'?" if other in NAMES else did_you_mean(name, NAMES)
        said += [f"train reads settings '{name}', which is never set{meant}"] if meant else []
    return said
