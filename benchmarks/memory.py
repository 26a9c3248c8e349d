"""Memory of a scan over mapped data: `python benchmarks/memory.py FOLDER [--gigabytes 4]`.

Writes a data file of several gigabytes and one a tenth of its size (uint8 images, mapped), scans both in processes of their own
and prints the peak of anonymous resident memory of each, which must not grow with the file. Pages of the mapped file are
the kernel's to drop and are not counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

WIDTHS = (784, 64, 10)
CHUNK = 100_000


def write(folder: Path, examples: int) -> Path:
    """Write a model whose data stand beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    x = np.lib.format.open_memmap(folder / "x.npy", "w+", np.uint8, (examples, WIDTHS[0]))
    for start in range(0, examples, CHUNK):
        x[start : start + CHUNK] = rng.integers(0, 256, (min(CHUNK, examples - start), WIDTHS[0]), np.uint8)
    np.save(folder / "y.npy", rng.integers(0, WIDTHS[-1], examples))
    header = {
        "format": 1, "name": "mapped", "loss": "cross_entropy", "input_shape": [WIDTHS[0]],
        "nodes": [{"name": "fc1", "op": "dense"}, {"name": "act", "op": "relu"}, {"name": "fc2", "op": "dense"}],
        "data": {"x_train": "x.npy", "y_train": "y.npy"},
    }  # fmt: skip
    arrays = {}
    for name, wide, out in (("fc1", *WIDTHS[:2]), ("fc2", *WIDTHS[1:])):
        arrays[f"{name}.weight"] = (rng.standard_normal((out, wide)) / np.sqrt(wide)).astype("f4")
        arrays[f"{name}.bias"] = np.zeros(out, "f4")
    np.savez(folder / "model.npz", landscape=json.dumps(header), **arrays)
    return folder / "model.npz"


def anonymous(pid: int) -> int:
    """Read a process's anonymous resident memory, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")), 0)


def peak_of(command: list[str], folder: Path) -> tuple[int, float]:
    """Run a command and watch its anonymous memory, a hundred times a second."""
    start, peak = time.perf_counter(), 0
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def watch() -> None:
        nonlocal peak
        while process.poll() is None:
            try:
                peak = max(peak, anonymous(process.pid))
            except OSError:
                return
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    status = process.wait()
    watcher.join()
    assert status == 0, f"the scan ended with status {status}"
    return peak, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gigabytes", type=float, default=4.0)
    options = parser.parse_args()
    peaks = []
    for share in (0.1, 1.0):
        examples = int(options.gigabytes * share * 1e9 / WIDTHS[0])
        folder = options.folder / f"share-{share}"
        model = write(folder, examples)
        command = [sys.executable, "-c", "from landscape.commands import main; main()", "scan", str(model)]
        peak, took = peak_of([*command, "--points", "5", "--no-figure", "--fresh"], folder)
        peaks.append(peak)
        size = (folder / "x.npy").stat().st_size
        print(
            f"data {size / 1e9:5.2f} GB: peak anonymous memory {peak / 1e6:6.0f} MB, {took:.0f} s", flush=True
        )
    print(f"ratio of the peaks: {peaks[1] / peaks[0]:.2f}")


if __name__ == "__main__":
    main()
