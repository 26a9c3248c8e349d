"""Kill a scan with SIGKILL at ten random moments, start it again each time, compare with an unbroken one.

    python benchmarks/kill.py [--kills 10] [--seed 0] [--examples 400000]

Prints when each kill fell and how far the saved record was, and fails unless every byte of the final record
but its times equals those of the unbroken one.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from landscape.model import build_model, save_model
from landscape.records import Scan
from landscape.scanning.resume import progress

RUN = "from landscape.commands import main; main()"


def make_model(path: Path, examples: int) -> None:
    rng = np.random.default_rng(0)
    sizes = [64, 64, 32, 10]
    layers = [
        (rng.standard_normal((wide, narrow)) / np.sqrt(narrow), np.zeros(wide))
        for wide, narrow in zip(sizes[1:], sizes[:-1], strict=True)
    ]
    inputs = rng.standard_normal((examples, sizes[0])).astype(np.float32)
    labels = rng.integers(0, sizes[-1], examples)
    save_model(build_model(layers=layers, x_train=inputs, y_train=labels), path)


def start(folder: Path, stem: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", RUN, "scan", "model.npz", "--points", "31", "--output", stem]
    return subprocess.Popen(
        [*command, "--no-figure", "--quiet", "--json"], cwd=folder, stdout=subprocess.DEVNULL
    )


def unbroken(folder: Path) -> float:
    begin = time.perf_counter()
    if start(folder, "whole").wait() != 0:
        sys.exit("the unbroken scan failed")
    return time.perf_counter() - begin


def broken(folder: Path, kills: int, moments: random.Random, longest: float) -> int:
    done = 0
    while done < kills:
        process, wait = start(folder, "broken"), moments.uniform(0.5, longest)
        try:
            process.wait(timeout=wait)
            print(f"finished after {done} kills")
            return done
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        done += 1
        path = folder / "broken.npz"
        print(
            f"kill {done:2d} after {wait:5.2f} s: {progress(Scan.load(path)):6.1%} saved"
            if path.exists()
            else f"kill {done:2d} after {wait:5.2f} s: nothing saved yet"
        )
    if start(folder, "broken").wait() != 0:
        sys.exit("the last run failed")
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--examples", type=int, default=400_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_model(folder / "model.npz", options.examples)
        seconds = unbroken(folder)
        print(f"unbroken: {seconds:.1f} s")
        kills = broken(
            folder, options.kills, random.Random(options.seed), max(6.0, 1.5 * seconds / options.kills)
        )
        whole, again = (
            replace(Scan.load(folder / f"{stem}.npz"), seconds=0.0) for stem in ("whole", "broken")
        )
        same = whole == again
        print(f"{kills} kills: {'the same bytes' if same else 'OTHER BYTES'}, times aside")
        sys.exit(not same)


if __name__ == "__main__":
    main()
