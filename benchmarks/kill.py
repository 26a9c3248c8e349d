"""End commands at random moments, start them again each time, and compare what they write with an unbroken run's.

    python benchmarks/kill.py [--by interrupt,kill,disk] [--commands scan,train,…] [--seconds 600] [--seed 0]
    python benchmarks/kill.py --cold [--tries 20]

`interrupt` presses Ctrl-C (every third time twice), `kill` is SIGKILL, `disk` lets no file grow beyond a random size (RLIMIT_FSIZE), as a full
disk would. Ctrl-C must end with status 130 and one line, a full disk with status 1 and one line; no file may be left half-written; and at the
end the record must have the unbroken run's bytes, its times aside. `--cold` presses Ctrl-C while kernels compile, into an empty cache that the
tries fill bit by bit. Prints counts, and ends with status 1 where anything was amiss.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from landscape.faults import draw
from landscape.model import build_model, bundled_path, save_model

RUN = "from landscape.commands import main; main()"
# Each takes some seconds, and its record keeps no times beside `seconds`.
COMMANDS = {
    "scan": "scan model.npz --points 11 --no-figure --output {stem}",
    "train": "train model.npz --steps 3000 --optimizer adam --batch-size 64 -o {stem}.npz",
    "hessian": "hessian digits.npz --top 3 --bottom 2 --trace --density --no-figure --output {stem}",
    "race": "race digits.npz --steps 500 --seeds 2 --points 11 --no-figure --output {stem}",
    "critical": "critical digits.npz --no-figure --output {stem}",
    "atlas": "critical small.npz --search 20 --no-figure --output {stem}",
    "diagnose": "diagnose small.npz --no-figure --output {stem}",
    "study": "study schedule digits.npz --steps 1000 --seeds 2 --no-figure --output {stem}",
    "sharpness": "sharpness digits.npz --no-figure --output {stem}",
    "trajectory": "trajectory digits.npz --optimizer adam --steps 600 --points 15 --no-figure --output {stem}",
}
LONGEST = 900.0


def make_models(folder: Path) -> None:
    """Write the bundled model, a larger one with random data, and a small one with a fault."""
    (folder / "digits.npz").write_bytes(bundled_path("digits").read_bytes())
    rng = np.random.default_rng(0)
    sizes = [64, 64, 32, 10]
    layers = [
        (rng.standard_normal((wide, narrow)) / np.sqrt(narrow), np.zeros(wide))
        for wide, narrow in zip(sizes[1:], sizes[:-1], strict=True)
    ]
    inputs = rng.standard_normal((100_000, sizes[0])).astype(np.float32)
    labels = rng.integers(0, sizes[-1], len(inputs))
    save_model(build_model(layers=layers, x_train=inputs, y_train=labels), folder / "model.npz")
    save_model(draw("dead-units", 0), folder / "small.npz")


def start(
    folder: Path, command: str, stem: str, limit: int | None = None, **more: str
) -> subprocess.Popen[str]:
    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    words = COMMANDS[command].format(stem=stem).split()
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        preexec_fn=limited, env={**os.environ, **more},
    )  # fmt: skip


def content(path: Path) -> dict[str, Any]:
    """Everything in a record but its times."""
    with np.load(path) as archive:
        return {
            key: archive[key].tobytes()
            for key in archive.files
            if "seconds" not in key and key != "landscape"
        }


def strays(folder: Path) -> list[str]:
    """List the files of a write that did not end, of which there should be none."""
    return [path.name for path in folder.iterdir() if path.suffix not in (".npz", ".png", ".npy")]


class Trial:
    """One command, which is ended repeatedly (by Ctrl-C, a kill or a full disk) until it has finished."""

    def __init__(self, folder: Path, command: str, by: str, moments: random.Random, whole: float) -> None:
        self.folder, self.command, self.by, self.moments, self.whole = folder, command, by, moments, whole
        self.counts: Counter[str] = Counter()
        self.stem = f"{command}.{by}"

    def once(self) -> bool:
        """Start the command and end it; return whether it had finished before."""
        limit = (
            self.moments.randint(0, 2_000_000) if self.by == "disk" and self.moments.random() < 0.8 else None
        )
        process = start(self.folder, self.command, self.stem, limit)
        try:
            err = process.communicate(
                timeout=LONGEST if self.by == "disk" else self.moments.uniform(0.3, 0.8 * self.whole)
            )[1]
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL if self.by == "kill" else signal.SIGINT)
            if self.by == "interrupt" and self.moments.random() < 1 / 3:
                time.sleep(self.moments.uniform(0.0, 0.3))
                process.send_signal(signal.SIGINT)
            err = process.communicate(timeout=LONGEST)[1]
        self.counts["ended"] += 1
        self.judge(process.returncode, err)
        return process.returncode == 0

    def judge(self, status: int, err: str) -> None:
        """Check and count how the command ended."""
        expected = {"interrupt": (0, 130), "kill": (0, -signal.SIGKILL), "disk": (0, 1, 2)}[self.by]
        self.counts[f"status {status}"] += 1
        if "Traceback" in err or "Exception ignored" in err or "Warning" in err:
            # Python itself starts and imports for a moment before any of our code could listen.
            early = "KeyboardInterrupt" in err and "landscape/commands/__init__.py" not in err.replace(
                "import main", ""
            )
            self.counts["traceback of Python's start" if early else "TRACEBACK"] += 1
            print(f"--- {self.command}, {self.by}:\n{err[-1500:]}")
        elif status not in expected:
            self.counts["WRONG STATUS"] += 1
            print(f"--- {self.command}, {self.by}: status {status}\n{err[-800:]}")
        if self.by != "kill" and strays(self.folder):
            self.counts["LEFT BEHIND"] += 1
            print(f"--- {self.command}, {self.by}: {strays(self.folder)}")

    def run(self, until: float) -> bool:
        """End the command repeatedly until the time is over, then let it finish, and compare the results."""
        while time.monotonic() < until and not self.once():
            pass
        process = start(self.folder, self.command, self.stem)
        err = process.communicate(timeout=LONGEST)[1]
        if process.returncode != 0:
            print(
                f"--- {self.command}, {self.by}: the last run ended with {process.returncode}\n{err[-800:]}"
            )
            return False
        same = content(self.folder / f"{self.stem}.npz") == content(self.folder / f"{self.command}.whole.npz")
        bad = [name for name in self.counts if name.isupper()]
        print(
            f"{self.command:<11} {self.by:<9} {dict(self.counts)}: {'the same bytes' if same else 'OTHER BYTES'}",
            flush=True,
        )
        return same and not bad


def warm(folder: Path, commands: list[str], ways: list[str], seconds: float, moments: random.Random) -> bool:
    """End commands whose kernels are compiled already."""
    good = True
    for command in commands:
        whole = 0.0
        # The first run may compile.
        for stem in ("first", "whole"):
            begin = time.perf_counter()
            process = start(folder, command, f"{command}.{stem}")
            err = process.communicate()[1]
            if process.returncode != 0:
                sys.exit(f"the unbroken {command} failed: {err}")
            whole = time.perf_counter() - begin
        print(f"{command}: unbroken in {whole:.1f} s", flush=True)
        for by in ways:
            until = time.monotonic() + seconds / (len(commands) * len(ways))
            good &= Trial(folder, command, by, moments, whole).run(until)
    return good


def cold(folder: Path, tries: int, moments: random.Random) -> bool:
    """Press Ctrl-C while the kernels of a scan compile; the cache is filled bit by bit until the scan is through."""
    counts: Counter[str] = Counter()
    cache = str(folder / "cold")
    for _ in range(tries):
        process = start(folder, "hessian", "cold", NUMBA_CACHE_DIR=cache)
        assert process.stderr is not None
        while "compiling" not in (line := process.stderr.readline()) and line:
            pass
        if process.poll() is None:
            time.sleep(moments.uniform(0.0, 8.0))
            process.send_signal(signal.SIGINT)
        pressed = time.perf_counter()
        err = process.communicate(timeout=LONGEST)[1]
        waited = time.perf_counter() - pressed
        counts[f"status {process.returncode}"] += 1
        if "Traceback" in err or "Exception ignored" in err or process.returncode not in (0, 130):
            counts["TRACEBACK"] += 1
            print(err[-1500:])
        print(
            f"status {process.returncode}, {waited:.1f} s after Ctrl-C: {err.splitlines()[-1:]}", flush=True
        )
        if process.returncode == 0:
            break
    process = start(folder, "hessian", "cold", NUMBA_CACHE_DIR=cache)
    err = process.communicate()[1]
    print(dict(counts), "then", process.returncode)
    return process.returncode == 0 and "TRACEBACK" not in counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--by", default="interrupt,kill,disk")
    parser.add_argument("--commands", default=",".join(COMMANDS))
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--tries", type=int, default=20)
    options = parser.parse_args()
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_models(folder)
        if options.cold:
            good = cold(folder, options.tries, moments)
        else:
            good = warm(folder, options.commands.split(","), options.by.split(","), options.seconds, moments)
    sys.exit(not good)


if __name__ == "__main__":
    main()
