"""`train`: one training to a model with its history, checkpoints and optimizer's state, which can be resumed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from landscape.errors import ComputationError, InputError, did_you_mean
from landscape.files import require_writable
from landscape.formulas.optimizers import OPTIMIZERS
from landscape.machine import cpu_kind
from landscape.memory import available_memory, size_words
from landscape.model import Model, load_model
from landscape.model.required import require_model
from landscape.objective.by_device import make_trainer
from landscape.objective.devices import CPU, read_device
from landscape.objective.lowered import checked
from landscape.objective.program_check import Mode
from landscape.progress import Announce, Progress, nobody, silent, units
from landscape.records.wording import already_there, machines
from landscape.training.earlier import require_same_so_far, unlike
from landscape.training.marks import marks
from landscape.training.recipe import Recipe, columns, steps_of
from landscape.training.start import at_initialization, require_finite_start, require_initialization
from landscape.training.story import Saver, Story
from landscape.training.travel import travel


class DivergenceError(ComputationError):
    """A training diverged: `step` is the first step that was not finite, `model` has the last finite θ."""

    def __init__(self, message: str, model: Model, step: int) -> None:
        super().__init__(message)
        self.model, self.step = model, step


def train(
    model: Model,
    *,
    epochs: float | None = None,
    init: str | None = None,
    checkpoints: int = 20,
    history: int = 50,
    dtype: str = "float32",
    threads: int | None = None,
    device: str = "auto",
    output: str | Path | None = None,
    fresh: bool = False,
    progress: Progress = nobody,
    announce: Announce = silent,
    **settings: Any,
) -> Model:
    """Train a model from its parameters, or from an initialization.

    Parameters
    ----------
    model
        The network, its data and the start.
    epochs
        In place of `steps`.
    init
        One of `INITIALIZATIONS`; None starts at the model's θ.
    checkpoints, history
        How many parameter vectors and how many rows of losses over all data are kept. They are evenly spaced and
        include start and end.
    dtype, threads, device
        As in `NetworkObjective`, with one thread by default.
    output
        The file to save to, every few seconds and at the end. An unfinished training of the same settings is continued,
        to the same bits as an uninterrupted one. A finished training is extended if more steps are asked for and the
        schedule has the same rates so far. Its θ and the state of the optimizer are then those of one long run; history
        and checkpoints keep the steps of the shorter run.
    fresh
        Start again, and overwrite what `output` holds.
    progress, announce
        Called with the share of the work that is done, and the same in words, such as "400 of 1,000 steps", and with
        messages.
    **settings
        The fields of `Recipe`: `optimizer`, `learning_rate`, `batch_size`, `steps`, `seed`, …

    Returns
    -------
    The model at the end, with `history`, `checkpoints`, `optimizer` and `training`.

    Raises
    ------
    InputError
        An impossible setting, a start that is not finite, checkpoints that do not fit into memory, or an output that
        holds another training.
    DivergenceError
        The training diverged. It is raised after saving, and has the model at the last finite θ.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x = np.array([[1.0], [2.0]])
    >>> line = build_model(layers=[(np.zeros((1, 1)), np.zeros(1))], loss="mse", x_train=x, y_train=3 * x)
    >>> done = train(line, learning_rate=0.1, batch_size=2, steps=2000, dtype="float64")
    >>> bool(np.allclose(done.theta, [3.0, 0.0], atol=1e-9)), int(done.history["step"][-1])
    (True, 2000)
    """
    require_model(model, "train")
    path = None if output is None else Path(output)
    if path is not None:
        require_writable(path)
    engine = {"dtype": dtype, "threads": threads, "device": device}
    run, notes = Run.prepare(model, settings, epochs, init, engine)
    run.plan(checkpoints, history, path)
    there = path is not None and path.exists() and not fresh
    finished = path is not None and there and run.take_up(path)
    if not finished:
        run.begin()
    # A refusal comes before anything is said.
    for note in notes:
        announce(note)
    if path is not None and finished:
        announce(already_there(path))
        return load_model(path)
    return run.to_the_end(
        Saver(path, run.result, taken_up=there, begun_on=run.begun_on, progress=progress, announce=announce)
    )


class Run:
    """A training in progress."""

    def __init__(self, model: Model, recipe: Recipe, extra: dict[str, Any], engine: dict[str, Any]) -> None:
        if recipe.weight_decay is not None and not recipe.decoupled:
            model = replace(model, weight_decay=recipe.weight_decay)
        self.model, self.recipe = model, recipe.filled()
        examples = model.examples("train")
        engine = engine | {"threads": engine["threads"] or 1}
        self.trainer = make_trainer(model, columns([recipe], examples), model.theta[None], **engine)
        # Files of the CPU say nothing of it, as those that were written before there was another device.
        where = {} if self.trainer.device == CPU else {"device": self.trainer.device}
        told = {"dtype": engine["dtype"], **where, "start": model.fingerprint(), "machine": cpu_kind()}
        self.training = self.recipe.settings() | extra | told
        self.story, self.begun_on = Story(), ""
        self.checkpoints = self.history = np.zeros(0, np.int64)

    @classmethod
    def prepare(
        cls, model: Model, settings: dict[str, Any], epochs: float | None, init: str | None, engine: dict[str, Any],
    ) -> tuple[Run, list[str]]:  # fmt: skip
        """Check the settings and find the start; with it come sentences on what was changed."""
        examples = model.examples("train")
        checked(model, Mode.VALUES)
        if epochs is not None:
            if "steps" in settings:
                raise InputError("expected steps or epochs, found both")
            settings = settings | {"steps": steps_of(epochs, settings.get("batch_size", 32), examples)}
        recipe = read_recipe(settings)
        read_device(engine["device"])
        if init is not None:
            require_initialization(init)
        notes = []
        if recipe.batch_size > examples:
            notes.append(f"batch_size: there are {examples} examples; every batch is all of them")
            recipe = replace(recipe, batch_size=examples)
        if init is not None:
            model = at_initialization(model, init, recipe.seed)
        extra = {"history_loss": "full"} | ({} if init is None else {"init": init})
        return cls(model, recipe, extra, engine), notes

    def plan(self, checkpoints: int, history: int, path: Path | None) -> None:
        """Choose the steps to evaluate at, and refuse checkpoints that do not fit in memory or on the disk.

        Raises
        ------
        InputError
            The checkpoints do not fit into memory, or on the disk.
        """
        count = min(checkpoints, self.recipe.steps + 1)
        needed = count * (self.model.size + self.model.buffer_size) * self.trainer.dtype.itemsize
        told = f"{count} checkpoints take {size_words(needed)}"
        if needed > available_memory():
            raise InputError(
                f"{told}, and {size_words(available_memory())} of memory are free: try fewer checkpoints"
            )
        if path is not None:
            free = shutil.disk_usage(path.absolute().parent).free
            # A save writes a second file before the first one goes.
            if 2 * needed > free:
                raise InputError(
                    f"{told}, twice while saving, and {path.absolute().parent} has {size_words(free)}: try fewer checkpoints"
                )
        self.checkpoints = marks(self.recipe.steps, checkpoints)
        self.history = np.union1d(marks(self.recipe.steps, max(2, history)), self.checkpoints)

    def take_up(self, path: Path) -> bool:
        """Continue from a file of this training, or of the same one with another number of steps; return whether it is finished.

        Raises
        ------
        InputError
            The file is of another training, has more steps done, or had other rates on the way.
        """
        found = load_model(path)
        told = unlike(found, self.training, self.model.data_fingerprint())
        if told or "step" not in found.optimizer:
            why = f" ({'; '.join(told)})" if told else ""
            raise InputError(
                f"{path} exists already and is not the result of this training{why}: give another name, or --fresh to replace it"
            )
        if found.training != self.training:
            require_same_so_far(path, found, self.recipe)
        progress = self.trainer.progress
        progress.step[0] = int(found.optimizer["step"])
        progress.weights[0] = np.concatenate([found.theta, found.constants])
        for number, name in enumerate(OPTIMIZERS[self.recipe.optimizer].slots):
            progress.slots[0, number] = found.optimizer[name]
        self.story, self.begun_on = Story.of(found), str(found.training.get("machine", ""))
        self.training["machine"] = machines(self.begun_on, cpu_kind())
        return self.step >= self.recipe.steps

    @property
    def step(self) -> int:
        """The number of steps done."""
        return int(self.trainer.progress.step[0])

    def begin(self) -> None:
        """Evaluate the start.

        Raises
        ------
        InputError
            Its loss is not finite.
        """
        self.look()
        require_finite_start(self.story.history["train_loss"][0], self.trainer.dtype.name)

    def to_the_end(self, saver: Saver) -> Model:
        """Train from one evaluation to the next, saving on the way."""
        told = units(saver.progress, "steps")

        def paused() -> None:
            self.require_finite()
            told(self.step, self.recipe.steps)

        with saver:
            told(self.step, self.recipe.steps)
            try:
                for mark in self.history[self.history > self.step]:
                    travel(self.trainer, int(mark), keep=saver.save, paused=paused)
                    self.look()
            except DivergenceError:
                saver.save(now=True)
                raise
            saver.save(now=True)
            return self.result()

    def look(self) -> None:
        """Record history and checkpoint if this step is one of theirs and was not recorded before."""
        step = self.step
        if step in self.history and step not in self.story.history.get("step", []):
            self.story.note(step, self.trainer.rate(0, step), self.trainer)
        if step in self.checkpoints and step not in self.story.steps:
            self.story.keep(step, self.trainer.thetas[0], self.trainer.buffers_of_runs[0])

    def require_finite(self) -> None:
        """Stop at a step that was not finite, and keep the last finite θ.

        Raises
        ------
        DivergenceError
            There was such a step.
        """
        failed = int(self.trainer.progress.diverged[0])
        if failed < 0:
            return
        if self.step not in self.story.history.get("step", []):
            self.story.note(self.step, self.trainer.rate(0, self.step), self.trainer)
        raise DivergenceError(
            f"the training diverged: step {failed} of {self.recipe.steps} left the finite numbers; the parameters before it are kept; "
            f"try a learning rate below {self.recipe.learning_rate:g}, --clip or --warmup",
            self.result(),
            failed,
        )

    def result(self) -> Model:
        """Return the model at the current step."""
        progress, story, dtype = self.trainer.progress, self.story, self.trainer.dtype
        slots = OPTIMIZERS[self.recipe.optimizer].slots
        moved = self.model.with_theta(self.trainer.thetas[0]).with_buffers(self.trainer.buffers_of_runs[0])
        return replace(
            moved,
            parameters={name: np.asarray(value, dtype) for name, value in moved.parameters.items()},
            buffers={name: np.asarray(value, dtype) for name, value in moved.buffers.items()},
            history={
                name: np.array(row, np.int64 if name == "step" else float)
                for name, row in story.history.items()
            },
            checkpoints=np.stack(story.checkpoints) if story.checkpoints else None,
            checkpoint_steps=np.array(story.steps, np.int64) if story.checkpoints else None,
            checkpoint_buffers=np.stack(story.buffers) if story.checkpoints and moved.buffers else None,
            optimizer={name: progress.slots[0, number].copy() for number, name in enumerate(slots)}
            | {"step": np.array(self.step)},
            training=self.training,
        )


def read_recipe(settings: dict[str, Any]) -> Recipe:
    """Make a recipe of keyword arguments.

    Raises
    ------
    InputError
        A keyword that is none of its fields.
    """
    known = set(Recipe.__dataclass_fields__)
    for name in settings:
        if name not in known:
            raise InputError(
                f"train: expected one of {', '.join(sorted(known))}, found {name!r}{did_you_mean(name, known)}"
            )
    return Recipe(**settings)
