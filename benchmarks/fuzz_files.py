"""Damaged files against every reader: nothing but `InputError` may come out, in bounded time and memory.

    python benchmarks/fuzz_files.py [--seconds 60] [--seed 0] [--folder FOLDER] [--coverage]

Models of both forms, records of every kind, unfinished work, data and headers of imports are made small, damaged in their structure (an array
dropped, of another type or shape, with a NaN; a JSON value of another kind, missing, deep) and in their bytes, and read as the commands read
them: records are also told in strict JSON and drawn into memory. With `--coverage` and atheris installed the bytes are mutated where they lead to
new code. Prints counts; the file of what escaped is kept in FOLDER, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import collections
import inspect
import io
import json
import sys
import tempfile
import time
import traceback
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import numpy as np
from matplotlib import pyplot as plt

sys.path.insert(0, str(Path(__file__).parents[1]))
from landscape.errors import ComputationError, InputError
from landscape.files import read_archive, write_archive
from landscape.importers.data import read_data
from landscape.model import load_model, save_model
from landscape.model.header import parse_object, read_header
from landscape.plots import save_figures
from landscape.records import load_record
from landscape.records.unfinished import Unfinished
from tests.cases import CASES
from tests.records.examples import EXAMPLES
from tests.records.mutations import mutations

# A file of a few kilobytes may take no more, of the processor's time and of memory.
SECONDS, BYTES = 30.0, 512 << 20
# Parts of the drawn records that are drawn, since drawing takes most of the time.
DRAWN = 0.25
READING = (
    "landscape.files",
    "landscape.npy",
    "landscape.model",
    "landscape.records",
    "landscape.importers.data",
)
MODELS = ("batchnorm_of_features", "conv_batchnorm", "batchnorm_of_tokens")


def read_model(path: Path, rng: np.random.Generator) -> None:
    load_model(path, allow_nonfinite=True)
    load_model(path)


def read_record(path: Path, rng: np.random.Generator) -> None:
    record = load_record(path)
    json.dumps(record.summary([path]), allow_nan=False)
    if rng.random() < DRAWN:
        save_figures(record, path.with_name("drawn"), str(rng.choice(["png", "svg"])), fresh=True)
        plt.close("all")


def read_unfinished(path: Path, rng: np.random.Generator) -> None:
    Unfinished.load(path)


def read_examples(path: Path, rng: np.random.Generator) -> None:
    read_data(path)


def read_json(path: Path, rng: np.random.Generator) -> None:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    read_header(parse_object(text))


Reader = Callable[[Path, np.random.Generator], None]


def seeds(folder: Path) -> list[tuple[str, Reader, Path]]:
    """Write a good file for each reader."""
    rng, found = np.random.default_rng(0), []

    def add(name: str, reader: Reader, write: Callable[[Path], object]) -> None:
        path = folder / f"{name}.seed"
        write(path)
        reader(path, rng)
        found.append((name, reader, path))

    for name in MODELS:
        add(f"model {name}", read_model, lambda path, name=name: save_model(CASES[name].model, path))
    bare = {
        "W1": rng.random((3, 4)),
        "b1": rng.random(4),
        "W2": rng.random((4, 2)),
        "x": rng.random((6, 3)),
        "y": np.arange(6) % 2,
    }
    add("bare model", read_model, lambda path: write_archive(path, bare))
    more = {
        "x_val": rng.random((2, 3)),
        "y_val": np.eye(2),
        "x_test": rng.random((2, 3)),
        "y_test": np.eye(2),
    }
    add(
        "bare model, splits",
        read_model,
        lambda path: write_archive(path, bare | {"y": np.eye(2)[np.arange(6) % 2]} | more),
    )
    for name, make in EXAMPLES.items():
        add(f"record {name}", read_record, lambda path, make=make: make().save(path))
    pieces = {"one": {"value": np.ones(3)}, "two": {"value": np.zeros(2), "state": np.array(1)}}
    work = Unfinished(pieces=pieces, model="", data="", settings={"a": 1}, version="0", seconds=1.0)
    add("unfinished", read_unfinished, work.save)
    add("data", read_examples, lambda path: write_archive(path, {"x": bare["x"], "y": bare["y"]} | more))
    header = {
        "format": 1,
        "loss": "mse",
        "nodes": [{"name": "a", "op": "dense"}],
        "training": {"betas": [0.9, 0.99]},
        "weight_decay": {"a.weight": 0.1},
    }
    add("header", read_json, lambda path: path.write_text(json.dumps(header)))
    return found


def damaged_structure(path: Path, rng: np.random.Generator, target: Path) -> str:
    """Change one to three arrays or JSON values."""
    words = []
    arrays = read_archive(path)
    for _ in range(int(rng.integers(1, 4))):
        try:
            every = mutations(arrays)
        except (ValueError, RecursionError):  # an earlier change has broken the JSON
            break
        name, make = every[int(rng.integers(len(every)))]
        arrays = make()
        words.append(name)
    write_archive(target, arrays, compress=bool(rng.random() < 0.3))
    return "; ".join(words)


def damaged_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    """Flip, cut, repeat and overwrite bytes."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 6))):
        if not data:
            break
        place, kind = int(rng.integers(len(data))), int(rng.integers(5))
        if kind == 0:
            data[place] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            data[place] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF, 0x22, 0x7B, 0x5B]))
        elif kind == 2:
            del data[place : place + int(rng.integers(1, 64))]
        elif kind == 3:
            data[place:place] = data[place : place + int(rng.integers(1, 64))]
        else:
            data[place : place + 4] = int(rng.choice([0, 2**31 - 1, 2**32 - 1, 10**6])).to_bytes(4, "little")
    return bytes(data)


def damaged_member(path: Path, rng: np.random.Generator, target: Path) -> str:
    """Damage the bytes of one member, in an archive that is whole: the headers of arrays are reached so."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    chosen = str(rng.choice(list(members)))
    members[chosen] = damaged_bytes(members[chosen][:200], rng) + members[chosen][200:]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    target.write_bytes(buffer.getvalue())
    return f"bytes of {chosen}"


def tried(name: str, reader: Reader, path: Path, rng: np.random.Generator) -> str:
    """Read a file; give "read" or "refused", or raise what escaped."""
    tracemalloc.reset_peak()
    begun = time.process_time()
    try:
        reader(path, rng)
        outcome = "read"
    except (InputError, ComputationError) as error:
        if "\n" in str(error) or len(str(error)) > 2000:
            raise AssertionError(f"a message of several lines or {len(str(error))} letters") from error
        outcome = "refused"
    peak = tracemalloc.get_traced_memory()[1]
    if time.process_time() - begun > SECONDS:
        raise AssertionError(f"took {time.process_time() - begun:.0f} s")
    if peak > BYTES:
        raise AssertionError(f"took {peak / 2**20:.0f} MiB")
    return outcome


def fuzz(seconds: float, seed: int, folder: Path) -> int:
    """Damage and read until the time is over; give how many escaped."""
    rng, counts, escaped, end = (
        np.random.default_rng(seed),
        collections.Counter(),
        {},
        time.monotonic() + seconds,
    )
    files = seeds(folder)
    tracemalloc.start()
    number = 0
    while time.monotonic() < end:
        name, reader, path = files[number % len(files)]
        target, number = folder / "damaged", number + 1
        how = rng.random()
        if reader is read_json or how < 0.15:
            target.write_bytes(damaged_bytes(path.read_bytes(), rng))
            words = "bytes"
        elif how < 0.35:
            words = damaged_member(path, rng, target)
        else:
            words = damaged_structure(path, rng, target)
        try:
            counts[name, tried(name, reader, target, rng)] += 1
        except Exception as error:
            places = [
                place
                for place in traceback.extract_tb(error.__traceback__)
                if "landscape" in place.filename and "benchmarks" not in place.filename
            ]
            where = f"{Path(places[-1].filename).name}:{places[-1].lineno}" if places else "?"
            counts[name, "ESCAPED"] += 1
            if (type(error), where) not in escaped:
                kept = folder / f"escaped-{len(escaped)}-{name.replace(' ', '-')}.bin"
                kept.write_bytes(target.read_bytes())
                escaped[type(error), where] = kept
                print(f"{kept}: {words}: {type(error).__name__} at {where}: {str(error)[:200]}", flush=True)
            plt.close("all")
    report(counts, number)
    return len(escaped)


def report(counts: collections.Counter[tuple[str, str]], number: int) -> None:
    """Print a line a kind of file."""
    names = list(dict.fromkeys(name for name, _ in counts))
    for name in names:
        print(
            f"{name:<28}"
            + "  ".join(f"{what} {counts[name, what]:>6,}" for what in ("read", "refused", "ESCAPED"))
        )
    print(f"{number:,} files")


def readers_code() -> list[Any]:
    """Collect the functions of the packages that read files; all of Python would take minutes to instrument."""
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith(READING)]
    holders = [vars(module) for module in modules]
    holders += [
        vars(kind) for held in list(holders) for kind in list(held.values()) if isinstance(kind, type)
    ]
    found = {
        id(value.__code__): value
        for held in holders
        for value in list(held.values())
        if inspect.isfunction(value) and value.__module__.startswith(READING)
    }
    return list(found.values())


def cover(seconds: float, seed: int, folder: Path) -> int:
    """Let atheris mutate bytes where they lead to new code; it ends the process at what escapes, and keeps the file."""
    import atheris

    files = seeds(folder)
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, (_, _, path) in enumerate(files):
        (corpus / f"{number:02d}").write_bytes(bytes([number]) + path.read_bytes())
    rng = np.random.default_rng(seed)

    def one(data: bytes) -> None:
        if not data:
            return
        name, reader, _ = files[data[0] % len(files)]
        target = folder / "covered"
        target.write_bytes(data[1:])
        tried(name, reader, target, rng)

    tracemalloc.start()
    for function in readers_code():
        atheris.instrument_func(function)
    options = [
        sys.argv[0],
        str(corpus),
        f"-max_total_time={int(seconds)}",
        f"-seed={seed + 1}",
        f"-artifact_prefix={folder}/escaped-",
        "-max_len=65536",
    ]
    atheris.Setup(options, one)
    atheris.Fuzz()
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--coverage", action="store_true")
    chosen = parser.parse_args()
    folder = chosen.folder or Path(tempfile.mkdtemp(prefix="fuzz-"))
    folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    escaped = (cover if chosen.coverage else fuzz)(chosen.seconds, chosen.seed, folder)
    sys.exit(1 if escaped else 0)


if __name__ == "__main__":
    main()
