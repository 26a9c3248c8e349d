"""Read a log from a file, whose kind is recognized by its contents."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from landscape.errors import InputError
from landscape.files import read_archive, require_regular, shown
from landscape.logs.events import event_files, from_events, is_event_file
from landscape.logs.log import Log, Series
from landscape.logs.tables import from_csv, from_json
from landscape.memory import fits_memory, size_words
from landscape.model.header import parse_header
from landscape.model.load import load_model
from landscape.model.opaque import KIND, load_opaque

# Text takes many times its bytes while its cells are taken apart.
GROWTH = 12


def read_log(path: str | Path) -> Log:
    """Read the log of a training from CSV, JSON, JSON lines, TensorBoard's event files, or a model file.

    It knows Hugging Face's `trainer_state.json`, Lightning's `metrics.csv`, Keras' CSVLogger and `History.history`, and
    the exports of experiment trackers. The names of the step and of the series are looked up in one table; names that
    are only similar are not guessed at.

    Raises
    ------
    InputError
        One line: not a log, no steps, steps that go back, two series of one name.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return from_events(path, event_files(path))
        require_regular(path)
        return _of_file(path)
    except InputError as error:
        said = str(error)
        raise InputError(said if said.startswith(str(path)) else f"{path}: {said}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except MemoryError:
        raise InputError(f"{path}: takes more memory than is left") from None


def _of_file(path: Path) -> Log:
    with path.open("rb") as stream:
        start = stream.read(64)
    if is_event_file(path, start):
        return from_events(path, [path])
    if zipfile.is_zipfile(path):
        return _of_model(path)
    needed = GROWTH * path.stat().st_size
    if not fits_memory(needed):
        raise InputError(
            f"is too large to be read ({size_words(needed)} of memory): give every tenth row of it"
        )
    text = _text(path)
    if not text.strip():
        raise InputError("is empty; expected the log of a training")
    return from_json(path, text) if text.lstrip()[0] in "[{" else from_csv(path, text)


def _text(path: Path) -> str:
    content = path.read_bytes()
    if b"\0" in content[:4096]:
        raise InputError(
            "expected a log: CSV, JSON, JSON lines, a model file, or an event file of TensorBoard (events.out.tfevents.…)"
        )
    return content.decode("utf-8-sig", "replace")


def _of_model(path: Path) -> Log:
    """The log of a model file of either kind."""
    arrays = read_archive(path, members=["landscape"])
    header = parse_header(arrays["landscape"]) if "landscape" in arrays else {}
    if "record" in header:
        raise InputError(f"is a record ({shown(header['record'])}); expected the log of a training")
    model = load_opaque(path) if header.get("kind") == KIND else load_model(path, allow_nonfinite=True)
    history = dict(model.history)
    step = np.asarray(history.pop("step", np.arange(max(map(len, history.values()), default=0))), np.float64)
    series = {}
    for name, array in history.items():
        value = np.asarray(array, np.float64)
        # A series that is kept at some steps only has NaN at the others.
        known = np.ones(len(value), bool) if name == "train_loss" else ~np.isnan(value)
        if known.any():
            series[name] = Series(step[known], value[known])
    if not series:
        raise InputError("holds no log (history.…)")
    batch = model.training.get("history_loss") == "batch"
    return Log(path, "a model file", series, "updates", "of batches" if batch else "as logged")
