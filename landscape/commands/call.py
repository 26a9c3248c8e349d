"""What all commands share that make a record of MODEL: their arguments, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from landscape.commands import options
from landscape.commands.progress import interruptible, progress_bar
from landscape.commands.stem import draw, options_in_name, output_stem, speaker
from landscape.commands.user_file import objective_and_training, target_of
from landscape.errors import InputError

if TYPE_CHECKING:
    from landscape.model import Model
    from landscape.progress import Progress
    from landscape.records import Record

Kind = TypeVar("Kind", bound="Record")

# Options that name a file to write.
WRITTEN = ("escape", "target", "animate", "save_directions")
# Options that an objective of the user's own program has settled where it is made.
SETTLED = ("activation", "loss", "dtype", "examples", "threads", "device", "recompute_statistics", "metrics")


@dataclass
class Call:
    """The arguments of one call: the model, the output files, and how messages are printed."""

    model: Path
    activation: str | None
    loss: str | None
    name: str
    options: str
    output: str | None
    no_figure: bool
    figure_format: str
    as_json: bool
    say: Callable[[str], None]
    quiet: bool
    fresh: bool = False
    read: Sequence[str | Path] = ()
    written: Sequence[str | Path] = ()
    held: ExitStack = field(default_factory=ExitStack)
    before: dict[Path, int | None] = field(default_factory=dict)
    weights: Path | None = None
    programs: bool = False
    workers: str | None = None
    mixed: bool = False

    @property
    def program(self) -> tuple[Path, str] | None:
        """The file and the function of the user's program that MODEL names; None if it is a model's file."""
        return target_of(self.model)

    @property
    def source(self) -> Path:
        """The file that MODEL is read from."""
        return self.model if self.program is None else self.program[0]

    @property
    def stem(self) -> str:
        """What the names of all files begin with."""
        return output_stem(self.output, self.model, self.name, self.options)

    @property
    def record_path(self) -> Path:
        """Where the record goes."""
        return Path(f"{self.stem}.npz")

    def subject(self) -> Any:
        """Load MODEL, or make the objective that FILE.py:NAME in its place stands for."""
        return self.subject_and_training()[0]

    def subject_and_training(
        self, training: str | None = None, *, allow_nonfinite: bool = False
    ) -> tuple[Any, Any]:
        """Load MODEL, or make the objective of FILE.py:NAME, with the function of that file that trains, where one is named."""
        if self.program is None or not self.programs:
            if self.weights is not None:
                raise InputError("--weights: is for FILE.py:NAME; a model's file has its own weights")
            return self.load(allow_nonfinite=allow_nonfinite), None
        self.require_safe()
        self.hold()
        return objective_and_training(*self.program, self.weights, training)

    def load(self, path: Path | None = None, *, allow_nonfinite: bool = False) -> Model:
        """Load MODEL, or another model; for MODEL, first check that the outputs overwrite no other file."""
        from landscape.model import load_model
        from landscape.overwrite import mapped_files

        if path is None:
            self.require_safe()
            self.hold()
        loaded = load_model(
            path or self.model, activation=self.activation, loss=self.loss, allow_nonfinite=allow_nonfinite
        )
        mapped = mapped_files(loaded.data.values())
        if mapped:
            self.read = [*self.read, *mapped]
            self.require_safe()
        return loaded

    def hold(self) -> None:
        """Lock the outputs until the command ends, so that no other command writes them meanwhile."""
        from landscape.commands.outputs import record_paths
        from landscape.locks import locked

        self.held.enter_context(locked([*record_paths(self.name, self.stem), *self.written]))

    def require_safe(self) -> None:
        """Refuse outputs that are inputs, or would replace what this command did not write."""
        from landscape.commands.outputs import require_safe_outputs

        require_safe_outputs(
            self.name, self.stem, inputs=[self.source, *self.read], outputs=self.written,
            figure_format=None if self.no_figure else self.figure_format, fresh=self.fresh,
        )  # fmt: skip

    @contextmanager
    def working(self) -> Iterator[Progress]:
        """Show a bar of progress while the record is made; leave with the status of an interruption after Ctrl-C, with what the work says of it."""
        from landscape.commands.outputs import record_paths

        self.before = {path: written_at(path) for path in record_paths(self.name, self.stem)}
        with interruptible(self.say, quiet=self.quiet), progress_bar(self.name, quiet=self.quiet) as progress:
            yield progress

    @contextmanager
    def crew(self) -> Iterator[dict[str, Any]]:
        """Begin the workers that are asked for, and give them as the argument `executor`; {} where none are."""
        if self.workers is None:
            if self.mixed:
                raise InputError("--mixed: is for workers, and there are none: give --workers too")
            yield {}
            return
        from landscape.commands.user_file import Remaking
        from landscape.workers import open_workers

        maker = None if self.program is None else Remaking.of(*self.program, self.weights)
        with open_workers(self.workers, mixed=self.mixed, maker=maker) as workers:
            yield {"executor": workers}

    def record(self, work: Callable[..., Kind], *arguments: Any, **choices: Any) -> Kind:
        """Load the model and let `work` make its record and save it."""
        from landscape.files import require_writable

        require_writable(self.record_path)
        with self.crew() as crew:
            loaded = self.subject()
            with self.working() as progress:
                return work(
                    loaded, *arguments, output=self.record_path, progress=progress, announce=self.say, **choices, **crew,
                    **standing(loaded, "theta"),
                )  # fmt: skip

    def draw(self, record: Record) -> list[Path]:
        """Write the figures beside the record, if they are wanted."""
        if self.no_figure:
            return []
        return draw(record, self.stem, self.figure_format, inputs=[self.source, *self.read], fresh=self.fresh)

    def wrote(self, files: Sequence[Path]) -> None:
        """Print the names of the files written, without those that were finished before."""
        written = [path for path in files if path not in self.before or written_at(path) != self.before[path]]
        if written:
            self.say(f"wrote {', '.join(map(str, written))}")

    def end(
        self, record: Kind, table: Callable[[Kind], str], more: Sequence[Path] = (), beside: Mapping[str, Any] | None = None
    ) -> None:  # fmt: skip
        """Draw the figures, name the files, `more` among them, and print the summary, with `beside` added to the record's own."""
        files = [self.record_path, *self.draw(record), *more]
        self.wrote(files)
        told = record.summary(files) | dict(beside or {})
        click.echo(json.dumps(told, allow_nan=False) if self.as_json else table(record))


def standing(subject: Any, name: str) -> dict[str, Any]:
    """Give the point of a user's own objective as the argument of the function called; {} if the subject has a point of its own.

    Raises
    ------
    InputError
        It says none.
    """
    from landscape.model import Model
    from landscape.objective.about import about

    if isinstance(subject, Model) or about(subject) is not None:
        return {}
    if not hasattr(subject, "theta"):
        raise InputError(
            f"{type(subject).__name__}: expected an attribute theta, the point to look at, found none: set objective.theta = θ"
        )
    return {name: subject.theta}


def refuse_settled(context: click.Context) -> None:
    """Refuse options that are already chosen by FILE.py:NAME.

    Raises
    ------
    InputError
        There is one.
    """
    for option in context.command.params:
        given = context.get_parameter_source(option.name or "") is click.core.ParameterSource.COMMANDLINE
        if option.name in SETTLED and given:
            raise InputError(
                f"{option.opts[0]}: is for a model's file; with FILE.py:NAME it is chosen where the objective is made"
            )


def written_at(path: Path) -> int | None:
    """Return when a file was written last, None if there is none."""
    return path.stat().st_mtime_ns if path.exists() else None


def is_read(option: str, value: Any) -> bool:
    """Whether an option names a file that is read."""
    return (isinstance(value, Path) and option not in WRITTEN) or (
        option == "direction" and str(value).endswith(".npz")
    )


def makes_record(name: str, *, programs: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a command's function to receive a `Call` in place of the common arguments; file names contain `name` and the options.

    With `programs` MODEL may be FILE.py:NAME, which the function takes by `Call.subject`.

    ```
    @parsing.command("hessian")
    @click.option(…)
    @makes_record("hessian")
    def command(call: Call, …) -> None:
    ```
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @options.model
        @options.bare_file
        @(options.weights if programs else options.together())
        @options.record
        @wraps(function)
        def called(
            model: Path, activation: str | None, loss: str | None, output: str | None, no_figure: bool, figure_format: str,
            as_json: bool, quiet: bool, **choices: Any,
        ) -> Any:  # fmt: skip
            from landscape.files import require_writable

            if programs and target_of(model) is not None:
                refuse_settled(click.get_current_context())
            named = options_in_name(click.get_current_context())
            say = speaker(quiet)
            written = [choices[option] for option in WRITTEN if choices.get(option) is not None]
            read = [value for option, value in choices.items() if is_read(option, value)]
            read += [
                path
                for value in choices.values()
                if isinstance(value, tuple)
                for path in value
                if isinstance(path, Path)
            ]
            weights = choices.pop("weights", None)
            call = Call(
                model, activation, loss, name, named, output, no_figure, figure_format, as_json, say, quiet,
                fresh=choices["fresh"], read=read, written=written, weights=weights,
                programs=programs, workers=choices.pop("workers", None), mixed=choices.pop("mixed", False),
            )  # fmt: skip
            # Before the model is read, and whatever the work does.
            require_writable(call.record_path)
            with call.held:
                return function(call, **choices)

        return called

    return decorate
