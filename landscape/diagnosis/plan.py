"""A remedy as a training of a model, and as the command line that repeats it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from landscape.diagnosis.architectures import chain_of
from landscape.diagnosis.naming import free_name, understood
from landscape.diagnosis.pytorch import in_layers, in_pytorch
from landscape.diagnosis.thresholds import Thresholds
from landscape.model import Model
from landscape.progress import Announce, Progress, nobody, silent
from landscape.training import DivergenceError, Recipe, at_initialization, train

# Examples of an update of Adam's in comparisons of networks, where the user's batch is larger.
MOST_BATCH = 64
FLAGS = (
    "optimizer",
    "learning_rate",
    "momentum",
    "beta2",
    "weight_decay",
    "clip",
    "batch_size",
    "steps",
    "seed",
)
# What a recipe may have that `train` has no option for: `--apply` then runs the remedy.
UNTOLD = ("eps", "radius")


@dataclass(frozen=True)
class Plan:
    """A remedy: where it starts, how it is trained, and the words of its command line, which are missing where `--apply` alone can do it."""

    start: Model
    settings: dict[str, Any]
    words: tuple[str, ...] = ()
    init: str | None = None
    dtype: str = "float64"
    penalty: float | None = None
    # What makes the user's kind of network of the one that was trained, and whether there is nothing to train.
    back: Callable[[Model], Model] | None = None
    ready: bool = False

    def command(self, model: Model, options: str = "") -> str:
        """Write the command line, with the options of the diagnosis for a remedy that `--apply` alone can run."""
        path, out = shlex.quote(str(model.path or "MODEL.npz")), shlex.quote(free_name(model))
        path = f"{path} {understood(model)}".rstrip()
        if not self.words or any(name in self.settings for name in UNTOLD):
            return " ".join(filter(None, (f"landscape diagnose {path}", options, f"--apply {out}")))
        # A penalty that only the options of the diagnosis said is not in the file that is trained.
        told = ({} if self.penalty is None else {"weight_decay": self.penalty}) | self.settings
        flags = [f"--{name.replace('_', '-')} {told[name]}" for name in FLAGS if name in told]
        begin = [] if self.init is None else [f"--init {self.init}"]
        return " ".join(
            [
                f"landscape train {path}",
                *self.words[1:],
                *begin,
                *flags,
                f"--dtype {self.dtype}",
                f"-o {out}",
            ]
        )

    def pytorch(self, model: Model) -> str:
        """Write the training as PyTorch's calls, or an empty text where it is another network's, or not of these data."""
        same = [(node.name, node.attributes) for node in self.start.nodes] == [
            (node.name, node.attributes) for node in model.nodes
        ]
        if not same:
            return self.layers()
        if self.ready or self.words[:1] != ("train",) or len(self.words) > 1:
            return ""
        return in_pytorch(
            ({} if self.penalty is None else {"weight_decay": self.penalty}) | self.settings, self.init
        )

    def layers(self) -> str:
        """Write another network as PyTorch's layers, where it is a chain of them."""
        chain = chain_of(self.start)
        if chain is None or chain.ends:
            return ""
        outputs = int(self.start.nodes[-1].shape[-1]) if self.start.nodes[-1].shape else 1
        return in_layers((self.start.input_shape[0], *chain.hidden, outputs), chain.activation)

    def apply(
        self, announce: Announce = silent, progress: Progress = nobody, threads: int | None = None
    ) -> Model:  # fmt: skip
        """Train, and return the model, with its last finite parameters where the run diverges."""
        if self.ready:
            return self.start
        done = self.trained(announce, progress, threads)
        return done if self.back is None else self.back(done)

    def trained(self, announce: Announce, progress: Progress, threads: int | None) -> Model:
        """Train from the start, and return the model as it was trained."""
        start = (
            self.start
            if self.init is None
            else at_initialization(self.start, self.init, self.settings["seed"])
        )
        try:
            return train(
                start,
                checkpoints=0,
                dtype=self.dtype,
                threads=threads,
                announce=announce,
                progress=progress,
                **self.settings,
            )
        except DivergenceError as error:
            return error.model


def options_of(settings: Mapping[str, Any], validation: str | Path | None) -> str:
    """Write the options that give a diagnosis its settings, those that are the defaults left out.

    >>> options_of({"budget": "thorough", "seed": 0, "learning_rate": 0.1, "thresholds": {"large": 0.2}}, None)
    '--budget thorough --learning-rate 0.1 --threshold large=0.2'
    """
    usual: dict[str, Any] = {"budget": "standard", "seed": 0, "dtype": "float64", "device": "cpu"}
    said = [
        f"--{name.replace('_', '-')} {value}"
        for name, value in settings.items()
        if name != "thresholds" and value is not None and value != usual.get(name)
    ]
    ours = Thresholds().told()
    said += [
        f"--threshold {name}={value!r}"
        for name, value in settings["thresholds"].items()
        if value != ours[name]
    ]
    said += [] if validation is None else [f"--validation {shlex.quote(str(validation))}"]
    return " ".join(said)


def settings_of(recipe: Recipe, steps: int) -> dict[str, Any]:
    """Return the settings of a trial's training, those that are the optimizer's defaults left out, for so many updates.

    >>> settings_of(Recipe(optimizer="sgd", learning_rate=0.1, momentum=0.9, batch_size=8, seed=3), 100)
    {'optimizer': 'sgd', 'learning_rate': 0.1, 'momentum': 0.9, 'batch_size': 8, 'steps': 100, 'seed': 3}
    """
    found: dict[str, Any] = {"optimizer": recipe.optimizer, "learning_rate": recipe.learning_rate}
    usual = Recipe(optimizer=recipe.optimizer).filled()
    told = {name: getattr(recipe, name) for name in ("momentum", "beta2", "weight_decay", *UNTOLD)}
    found |= {name: value for name, value in told.items() if value not in (None, getattr(usual, name))}
    found |= {"clip": recipe.clip} if recipe.clip else {}
    return found | {"batch_size": recipe.batch_size, "steps": max(1, steps), "seed": recipe.seed}


def rounded(value: Any) -> Any:
    """Return a number without the last digits of a product such as 0.1 · 0.3."""
    return float(f"{value:.6g}") if isinstance(value, float) else value
