"""What to do: the remedy that won as a training of a model, and as the command line that is the same training."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from landscape.diagnosis.architectures import (
    Chain,
    chain_of,
    larger,
    neighbours_of,
    rebuilt,
    simpler,
    start_of,
)
from landscape.diagnosis.curvature import Escaped
from landscape.diagnosis.ensembles import Laboratory
from landscape.diagnosis.evidence import Verdict
from landscape.diagnosis.experiments import (
    BATCH,
    FORK_ADAM,
    LIGHTER,
    MOST_BATCH,
    RATES,
    TUNING,
    least_rate,
    standardized,
    without_dropout,
)
from landscape.diagnosis.generalization import error
from landscape.diagnosis.naming import free_name, understood
from landscape.diagnosis.pytorch import in_pytorch
from landscape.diagnosis.thresholds import Thresholds
from landscape.model import Model
from landscape.progress import Announce, Progress, nobody, silent
from landscape.training import DivergenceError, Recipe, at_initialization, train

# Updates of a remedy that is applied: those spent, within these.
LEAST, MOST = 1000, 20_000
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


@dataclass(frozen=True)
class Plan:
    """A remedy: where it starts, how it is trained, and the words of its command line; `words` is empty where `--apply` alone can do it."""

    start: Model
    settings: dict[str, Any]
    words: tuple[str, ...] = ()
    init: str | None = None
    dtype: str = "float64"
    penalty: float | None = None

    def command(self, model: Model, options: str = "") -> str:
        """Write the command line; `options` are those of the diagnosis, for a remedy that `--apply` alone can run."""
        path, out = shlex.quote(str(model.path or "MODEL.npz")), shlex.quote(free_name(model))
        path = f"{path} {understood(model)}".rstrip()
        if not self.words:
            return " ".join(filter(None, (f"landscape diagnose {path}", options, f"--apply {out}")))
        if self.words[0] == "critical":
            return f"landscape critical {path} --escape {out}"
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
        """Write the training as PyTorch's calls; empty where it is another network's, or not of these data."""
        same = [(node.name, node.attributes) for node in self.start.nodes] == [
            (node.name, node.attributes) for node in model.nodes
        ]
        if not same or self.words[:1] != ("train",) or len(self.words) > 1:
            return ""
        return in_pytorch(
            ({} if self.penalty is None else {"weight_decay": self.penalty}) | self.settings, self.init
        )

    def apply(
        self, announce: Announce = silent, progress: Progress = nobody,
        threads: int | None = None,
    ) -> Model:  # fmt: skip
        """Train; a run that diverges gives the last finite parameters."""
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


def plan_of(lab: Laboratory, verdict: Verdict, escaped: Escaped | None) -> Plan | None:
    """Make the plan of a verdict's remedy; None where the data or the network's file has to change first."""
    plan = plan_named(lab, verdict, escaped)
    return None if plan is None else replace(plan, dtype=lab.dtype, penalty=lab.training.penalty)


def plan_named(lab: Laboratory, verdict: Verdict, escaped: Escaped | None) -> Plan | None:
    """Make the plan by the remedy's name."""
    name, model = verdict.remedy, lab.model
    if name.endswith("standardized"):
        return on_standard_inputs(lab, name)
    if name.endswith("without dropout"):
        init = start_of(model) if name.startswith("fresh") else None
        chosen = adam_settings(lab, FORK_ADAM) if "adam" in name else settings(lab)
        return Plan(without_dropout(model), chosen, (), init)
    if name.startswith(("fresh", "weight decay")) or name in ORDINARY:
        return same_network(lab, name)
    if name == "escape" and escaped is not None:
        return Plan(model.with_theta(escaped.theta), settings(lab), ("critical",))
    if name == "early stopping":
        steps = early_steps(lab)
        return Plan(model, settings(lab, steps=steps), ("train",), start_of(model))
    chain = chain_of(model)
    if chain is not None and name == "half the width":
        return other_network(lab, simpler(chain)["narrower"], settings(lab))
    if chain is not None:
        networks = {"linear": Chain((), "", chain.ends), **simpler(chain), **larger(chain)}
        if name in networks:
            return other_network(lab, networks[name], adam_settings(lab, tuned_rate(lab, name)))
        return None
    beside = neighbours_of(model)
    if name == "half the width" and "narrower" in beside.simpler:
        narrow = beside.simpler["narrower"]
        return Plan(narrow, settings(lab), (), start_of(narrow))
    other = (beside.simpler | beside.larger).get(name)
    if other is None:
        return None
    return Plan(other, adam_settings(lab, tuned_rate(lab, name)), (), start_of(other))


def on_standard_inputs(lab: Laboratory, name: str) -> Plan | None:
    """Plan a training on standardized inputs: of the same function, or from a fresh start with Adam."""
    moved = standardized(lab.model)
    if moved is None:
        return None
    if name.startswith("fresh"):
        return Plan(moved, adam_settings(lab, tuned_rate(lab, name)), (), start_of(moved))
    return Plan(moved, settings(lab, learning_rate=10 * lab.training.recipe.learning_rate))


ORDINARY = ("longer", f"batch×{BATCH}", "adam", *RATES)


def settings(lab: Laboratory, **changes: Any) -> dict[str, Any]:
    """Give the user's recipe for as many updates as were spent."""
    recipe = lab.training.recipe
    steps = min(max(lab.training.updates, LEAST), MOST)
    found: dict[str, Any] = {"optimizer": recipe.optimizer, "learning_rate": recipe.learning_rate}
    usual = Recipe(optimizer=recipe.optimizer).filled()
    told = {name: getattr(recipe, name) for name in ("momentum", "beta2", "weight_decay")}
    found |= {name: value for name, value in told.items() if value not in (None, getattr(usual, name))}
    found |= {"clip": recipe.clip} if recipe.clip else {}
    found |= {"batch_size": recipe.batch_size, "steps": steps, "seed": lab.seed, **changes}
    return {key: rounded(value) for key, value in found.items()}


def rounded(value: Any) -> Any:
    """Leave out the last digits of a product such as 0.1 · 0.3."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def adam_settings(lab: Laboratory, rate: float) -> dict[str, Any]:
    """Give Adam for as many updates as were spent."""
    chosen = settings(lab)
    return {
        **lab.adam_settings(rate), "batch_size": min(chosen["batch_size"], MOST_BATCH), "steps": chosen["steps"],
        "seed": lab.seed,
    }  # fmt: skip


def same_network(lab: Laboratory, name: str) -> Plan:
    """Plan a remedy that leaves the network as it is."""
    model, recipe = lab.model, lab.training.recipe
    init = start_of(model) if name.startswith(("fresh", "weight decay ")) else None
    if name.endswith("weight decay/100"):
        decay = model.weight_decay if not recipe.decoupled else (recipe.filled().weight_decay or 0.0)
        if isinstance(decay, dict):
            lighter = replace(model, weight_decay={key: LIGHTER * value for key, value in decay.items()})
            return Plan(lighter, settings(lab), (), init)
        less = {"weight_decay": rounded(LIGHTER * decay)}
        chosen = adam_settings(lab, FORK_ADAM) if "adam" in name else settings(lab)
        return Plan(model, chosen | less, ("train",), init)
    if name.startswith("weight decay "):
        decay = float(name.split()[-1])
        return Plan(model, settings(lab, weight_decay=decay), ("train",), init)
    if "adam" in name:
        rate = tuned_rate(lab, "fresh, adam") if init else FORK_ADAM
        return Plan(model, adam_settings(lab, rate), ("train",), init)
    kind = name.removeprefix("fresh, ")
    changes: dict[str, Any] = {}
    if kind in RATES:
        changes["learning_rate"] = RATES[kind] * recipe.learning_rate
    if kind == f"batch×{BATCH}":
        changes["batch_size"] = min(BATCH * recipe.batch_size, model.examples("train"))
    if kind == "longer":
        changes["steps"] = min(max(10 * lab.training.updates, LEAST), MOST)
    return Plan(model, settings(lab, **changes), ("train",), init)


def tuned_rate(lab: Laboratory, name: str) -> float:
    """Give the rate of Adam that a network was tuned to; the middle one where it was not trained."""
    key = f"runs.{name}.rates"
    if f"{key}.step" not in lab.kept:
        return TUNING[1]
    return least_rate(lab.read(key, tuple(lab.kept[f"{key}.labels"].tolist())))


def early_steps(lab: Laboratory) -> int:
    """Give the updates at which held-out data were best, over the seeds of the whole training set."""
    size = lab.model.examples("train")
    runs = lab.read(f"runs.part {size}", (f"part {size}",))
    return max(1, int(runs.step[0][int(error(runs).mean(axis=0).argmin())]))


def other_network(lab: Laboratory, chain: Chain, chosen: dict[str, Any]) -> Plan:
    """Plan a remedy that is another network; a command where the options of `train` can say which."""
    model = rebuilt(lab.model, chain)
    init = start_of(model)
    outputs = int(model.nodes[-1].shape[-1]) if model.nodes[-1].shape else 1
    sizes = "-".join(map(str, (model.input_shape[0], *chain.hidden, outputs)))
    named = (
        lab.model.form == "full"
        and not chain.ends
        and not lab.model.decay_vector().any()
        and model.loss_scale == 1.0
    )
    words = (
        "train",
        f"--architecture {sizes}",
        f"--activation {chain.activation or 'relu'}",
        f"--loss {model.loss}",
    )
    inside = named and not any(hasattr(array, "filename") for array in lab.model.data.values())
    return Plan(model, chosen, words if inside else (), init)
