"""A report: the diagnosis and every measurement, as sections of one document."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numba
import numpy as np
import scipy

from landscape.diagnosis import diagnose
from landscape.diagnosis.own_training import Train
from landscape.errors import ComputationError, InputError
from landscape.model import Model
from landscape.objective import HasValue
from landscape.plots.logs import plot_log
from landscape.plots.saving import figure_bytes
from landscape.plots.style import figure_of
from landscape.plots.words import LOSSES
from landscape.progress import Announce, Parts, Progress, among, counted, nobody, silent
from landscape.records import Diagnosis, Record
from landscape.reporting.kept import PartsBeside
from landscape.reporting.parts import PARTS, Part, command_line
from landscape.reporting.pictures import pictures_of
from landscape.reporting.section import PDF_CREATOR, Picture, Report, Section
from landscape.reporting.subject import Subject, subject_of
from landscape.reporting.verdict import ruled_out_section, verdict_section, why_section
from landscape.reporting.words import PICTURES
from landscape.version import current_version

# About how long the parts take beside each other; a quick diagnosis trains nothing.
WEIGHTS = {"diagnose": 6.0, "scan": 2.0, "critical": 2.0, "hessian": 1.0, "sharpness": 2.0, "trajectory": 2.0}
QUICK_DIAGNOSIS = 1.0


def make_report(
    model: Model | HasValue,
    *,
    train: Train | None = None,
    constant_loss: float | None = None,
    checkpoints: Any = None,
    path: str | None = None,
    budget: str = "standard",
    diagnosis: Diagnosis | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress = nobody,
    announce: Announce = silent,
    beside: PartsBeside | None = None,
) -> Report:
    """Diagnose a model, and compute everything else that a report on it contains.

    Parameters
    ----------
    model
        The network with its data and, if it has them, its log and checkpoints; or a `TorchObjective`.
    train, constant_loss, checkpoints
        For a `TorchObjective`: `train` and `constant_loss` as in `diagnose`, and the checkpoints of its run as in
        `trajectory`.
    path
        Path of the model that the printed commands name.
    budget
        Effort of the diagnosis: `quick`, `standard` or `thorough`; quick also draws coarser pictures.
    diagnosis
        A finished diagnosis to use in place of a new one.
    seed, threads
        Seed of all random numbers, and number of threads.
    progress, announce
        Called with the share of the work that is done, and the same in words, such as "2 of 6 parts", and with
        messages.
    beside
        Where finished parts are kept and those of an earlier run are found; set by `write_report`.

    Raises
    ------
    InputError
        An unknown budget, a diagnosis of another model, or anything that `diagnose` refuses.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x = np.linspace(-1, 1, 30)[:, None]
    >>> line = build_model(layers=[(np.array([[2.0]]), np.zeros(1))], loss="mse", x_train=x, y_train=2 * x)
    >>> make_report(line, budget="quick").sections[0].lead
    'No fault was found.'
    """
    begun, subject = time.perf_counter(), subject_of(model, "make_report", path)
    path = subject.path
    kept = Kept(beside, budget == "quick", progress if beside is None else beside.progress)
    kept.begin()
    if diagnosis is None:
        announce("diagnosis")
        diagnosis = diagnose(
            model,
            train=train,
            constant_loss=constant_loss,
            budget=budget,
            seed=seed,
            threads=threads,
            announce=announce,
            **kept.options("diagnose"),
        )
    kept.end("diagnose")
    require_same(diagnosis, subject)
    records: dict[str, Record] = {"diagnose": diagnosis}
    measured = []
    for number, part in enumerate(PARTS.values(), 1):
        reason = part.pointless(diagnosis)
        if reason:
            again = command_line(part.command, path, {})
            measured.append(Section(part.title, "", (f"Left out: {reason}. {again} says it all the same.",)))
        else:
            announce(f"{part.title.lower()} ({number} of {len(PARTS)})")
            section, record = measure(part, subject, checkpoints, budget == "quick", seed, threads, kept)
            measured.append(section)
            if record is not None:
                records[part.command] = record
        kept.end(part.command)
    again = command_line(
        "diagnose", path, {"budget": diagnosis.settings["budget"], "seed": diagnosis.settings["seed"]}
    )
    sections = [
        verdict_section(diagnosis), why_section(diagnosis, again), ruled_out_section(diagnosis), *log_section(subject),
        *measured, network_section(subject), settings_section(subject, diagnosis, seed, time.perf_counter() - begun),
    ]  # fmt: skip
    return Report(subject.name, tuple(sections), records, subject.fingerprint())


class Kept:
    """The progress of a report, and the files of its parts."""

    def __init__(self, beside: PartsBeside | None, quick: bool, progress: Progress) -> None:
        self.beside = beside
        weights = WEIGHTS | ({"diagnose": QUICK_DIAGNOSIS} if quick else {})
        self.parts = Parts(progress, {name: weights[name] for name in ("diagnose", *PARTS)})
        self.names = list(self.parts.weights)

    def begin(self) -> None:
        """Report the progress at the beginning: after the parts that an earlier run finished."""
        done = set() if self.beside is None else self.beside.done()
        known = [name for name in self.names if name in done]
        weights = self.parts.weights
        share = sum(weights[name] for name in known) / sum(weights.values())
        self.parts.progress(share, counted(len(known), len(self.names), "parts"))

    def told(self, name: str) -> Progress:
        """Return the progress of a part."""
        return among(self.parts[name], self.names.index(name), 0, len(self.names), "parts")

    def options(self, name: str, attempt: int = 0) -> dict[str, Any]:
        """Return the arguments by which a part saves its record and reports its progress."""
        place = None if self.beside is None else self.beside.places[place_of(name, attempt)]
        fresh = self.beside is None or self.beside.fresh
        return {"output": place, "fresh": fresh, "progress": self.told(name)}

    def end(self, name: str) -> None:
        """Report and save that a part is done."""
        number = self.names.index(name) + 1
        self.parts[name](1.0, counted(number, len(self.names), "parts"))
        if self.beside is not None:
            self.beside.save(now=True)


def place_of(name: str, attempt: int) -> str:
    """Name the record of a part; a retry with other options has its own.

    >>> place_of("scan", 0), place_of("scan", 1)
    ('scan', 'scan.1')
    """
    return name if attempt == 0 else f"{name}.{attempt}"


def places() -> list[str]:
    """Name the records of all parts."""
    tried = [place_of(name, number) for name, part in PARTS.items() for number in range(1 + len(part.others))]
    return ["diagnose", *tried]


def require_same(diagnosis: Diagnosis, model: Subject) -> None:
    """Refuse a diagnosis of another model, or one that is not finished.

    Raises
    ------
    InputError
        It is.
    """
    if (diagnosis.model, diagnosis.data) != (model.fingerprint(), model.data_fingerprint()):
        raise InputError("the diagnosis is of another model or of other data: expected one of this file")
    if not diagnosis.done:
        raise InputError("the diagnosis is not finished: `landscape diagnose` continues it")


def measure(
    part: Part, subject: Subject, checkpoints: Any, quick: bool, seed: int, threads: int | None, kept: Kept
) -> tuple[Section, Record | None]:
    """Compute a part and describe it; if it cannot be computed, say why."""
    options, reason = part.options(quick, subject), ""
    # A run of checkpoints of the user's is no option of a command line.
    given = {} if subject.is_model or part.command != "trajectory" else {"checkpoints": checkpoints}
    for attempt, other in enumerate(({}, *part.others)):
        chosen = options | other | {"seed": seed}
        try:
            record = part.compute(
                subject.given, **chosen, **given, threads=threads, **kept.options(part.command, attempt)
            )
        except (InputError, ComputationError) as error:
            reason = reason or str(error)
            continue
        section = Section(
            part.title, part.lead, notes(record, reason), tuple(part.rows(record)), pictures=pictures_of(record),
            command=command_line(part.command, subject.path, chosen),
        )  # fmt: skip
        return section, record
    return Section(part.title, part.lead, (f"Not assessed: {reason}.",)), None


def notes(record: Record, reason: str) -> tuple[str, ...]:
    """List where a fallback was used, and what a search did not reach."""
    status = getattr(record, "status", "")
    return tuple(
        [f"Other choices were made than the default ones, because of this: {reason}."] if reason else []
    ) + ((str(status),) if status else ())


def log_section(subject: Subject) -> list[Section]:
    """Draw the training's log, if there is one."""
    model = subject.given
    if not isinstance(model, Model):
        return []
    try:
        ax = plot_log(model.history, loss=LOSSES.get(model.loss, model.loss))
    except InputError:
        return []
    picture = Picture("log", figure_bytes(figure_of(ax)), PICTURES["log"])
    return [
        Section("The training", "", (), (("settings", training_text(model.training)),), pictures=(picture,))
    ]


def training_text(training: Mapping[str, Any]) -> str:
    """Write the settings of a training that have an effect, without those that are zero or off, and without the machine.

    >>> training_text({"optimizer": "sgd", "learning_rate": 0.1, "clip": 0.0, "start": "a", "batch_size": 32})
    'optimizer sgd, learning rate 0.1, batch size 32'
    """
    quiet = {
        "start",
        "machine",
        "history_loss",
        *(("schedule_steps", "period", "decay", "floor") if training.get("schedule") == "constant" else ()),
    }
    said = [
        f"{name.replace('_', ' ')} {value}"
        for name, value in training.items()
        if name not in quiet and value not in (0, None, "")
    ]
    return ", ".join(said) or "not in the file"


def network_section(subject: Subject) -> Section:
    """Describe the network and its data."""
    rows = [("name", subject.name), ("parameters", f"{subject.size:,}"), *subject.rows()]
    return Section("The network", "", tuple(f"Inferred: {text}" for text in subject.inferred), tuple(rows))


def settings_section(subject: Subject, diagnosis: Diagnosis, seed: int, seconds: float) -> Section:
    """Name what can change a number: settings, thresholds, versions, and the file by its hashes."""
    thresholds = ", ".join(
        f"{name} {value:g}" for name, value in diagnosis.report.get("thresholds", {}).items()
    )
    versions = {"Python": platform.python_version(), "NumPy": np.__version__, "SciPy": scipy.__version__, "Numba": numba.__version__}  # fmt: skip
    rows = [
        ("file", subject.path if subject.path not in ("MODEL.npz", "FILE.py:NAME") else "none"),
        ("model, SHA-256", subject.fingerprint()),
        ("data, SHA-256", subject.data_fingerprint()),
        ("seed", str(seed)),
        ("budget", str(diagnosis.settings["budget"])),
        ("thresholds", thresholds),
        ("landscape", current_version()),
        ("with", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("on", f"{platform.machine()}, {platform.system()}"),
        ("time", f"{seconds:.0f} s, {diagnosis.seconds:.0f} s for the diagnosis"),
    ]
    return Section("Settings and versions", "", (), tuple(rows))


def is_report_on(path: Path, fingerprint: str) -> bool:
    """Say whether a file is a report, as HTML or PDF, on the model with this SHA-256."""
    content = path.read_bytes()
    named = fingerprint.encode() in content
    return named and (b": a report of landscape</title>" in content or PDF_CREATOR.encode() in content)


def beside_name(output: Path) -> Path:
    """Name the interactive page beside a report.

    >>> beside_name(Path("out/digits.report.html")).name
    'digits.report.interactive.html'
    """
    return output.with_name(f"{output.stem}.interactive.html")


def linked(report: Report, name: str) -> Report:
    """Add a link from the section on the loss around the network to its interactive page."""
    title = PARTS["scan"].title
    sections = tuple(replace(part, link=name) if part.title == title else part for part in report.sections)
    return replace(report, sections=sections)


def write_report(
    model: Model | HasValue,
    output: str | Path,
    pdf: str | Path | None = None,
    *,
    fresh: bool = False,
    inputs: Sequence[str | Path | None] = (),
    interactive: bool = False,
    path: str | None = None,
    budget: str = "standard",
    seed: int = 0,
    progress: Progress = nobody,
    announce: Announce = silent,
    **settings: Any,
) -> Report:
    """Make a report and write it as one HTML page, and as a PDF if requested.

    Until the page is written, its finished parts are kept beside it, and after an interruption the same call continues
    from them.

    Parameters
    ----------
    model, path, budget, seed, progress, announce, settings
        Those of `make_report`.
    output, pdf
        Where to write. An earlier report of the same model is replaced.
    interactive
        Also write the interactive page of the loss around the network beside the page, and link to it.
    fresh
        Begin anew, and replace other files too, but never the model's or `inputs`.
    inputs
        Files that are read beside the model's own, such as the diagnosis.

    Raises
    ------
    InputError
        What `make_report` refuses; a path that cannot be written or holds something else, said before the work.
    ComputationError
        The file could not be written.
    """
    subject = subject_of(model, "write_report", path)
    from landscape.files import write_bytes_atomically
    from landscape.interactive import save_page
    from landscape.overwrite import refuse_overwriting, require_distinct
    from landscape.reporting.page import page_of
    from landscape.reporting.pages import pdf_of

    paths = [Path(file) for file in (output, pdf) if file is not None]
    require_distinct(paths)
    read = [*subject.files, *inputs]
    for file in paths:
        refuse_overwriting(
            file, inputs=read, fresh=fresh, ours=lambda found: is_report_on(found, subject.fingerprint())
        )
    with PartsBeside(
        paths[0], subject, {"report": True, "budget": budget, "seed": seed}, places(), inputs=read, fresh=fresh,
        progress=progress, announce=announce,
    ) as beside:  # fmt: skip
        report = make_report(
            model, path=path, budget=budget, seed=seed, announce=announce, beside=beside, **settings
        )
        surface = report.records.get("scan")
        if interactive and surface is not None:
            save_page([surface], beside_name(paths[0]), inputs=[file for file in read if file], fresh=fresh)
            report = linked(report, beside_name(paths[0]).name)
        write_bytes_atomically(paths[0], page_of(report))
        if pdf is not None:
            write_bytes_atomically(paths[1], pdf_of(report))
    return report
