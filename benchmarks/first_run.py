"""How long a first run compiles: CPU seconds, seconds on the clock and compiled functions with an empty cache, beside a second run.

    python benchmarks/first_run.py [--tree CHECKOUT ...] [--work scan --work hessian ...]

Each kind of work runs in a process of its own with a cache of its own, twice; what compiling costs is the difference. Every checkout takes its turn
at each kind of work, so that a drift of the machine's speed touches all alike.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
from machine import cpu_name

WORK = {
    "scan": "landscape.scan(model('digits'), points=11)",
    "hessian": "landscape.analyze_hessian(model('digits'), top=3, bottom=2)",
    "training": "landscape.train_many(model('digits'), steps=20, batch_size=32)",
    "lenet": "landscape.scan(model('lenet'), points=3)",
    "transformer": "landscape.scan(model('transformer'), points=3)",
}
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import landscape
assert landscape.__file__.startswith(sys.argv[1]), landscape.__file__
model = lambda name: landscape.load_model(landscape.bundled_path(name))
{work}
"""


def run(tree: Path, work: str, cache: str) -> tuple[float, float]:
    """Run a kind of work in a fresh process; return its CPU seconds and those on the clock."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", PROGRAM.format(work=WORK[work]), str(tree)],
        env=os.environ | {"NUMBA_CACHE_DIR": cache},
        cwd=cache,
        check=True,
        stderr=subprocess.DEVNULL,
    )
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


@click.command()
@click.option("--tree", "trees", multiple=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--work", "kinds", multiple=True, type=click.Choice(list(WORK)))
def main(trees: tuple[Path, ...], kinds: tuple[str, ...]) -> None:
    """Measure each kind of work in each checkout (this one by default)."""
    from landscape.machine import cpu_kind

    print(f"{cpu_name()}, {os.cpu_count()} cores; to the compiler {cpu_kind()}")
    print(f"{'work':12} {'checkout':24} {'CPU s':>7} {'clock s':>8} {'warm CPU s':>11} {'compiling CPU s':>16} {'functions':>10}")  # fmt: skip
    for work in kinds or WORK:
        for tree in trees or (Path(__file__).parents[1],):
            with tempfile.TemporaryDirectory() as cache:
                cold, wall = run(tree.resolve(), work, cache)
                functions = len(list(Path(cache).rglob("*.nbi")))
                warm, _ = run(tree.resolve(), work, cache)
            print(f"{work:12} {tree.resolve().name:24} {cold:7.1f} {wall:8.1f} {warm:11.1f} {cold - warm:16.1f} {functions:10}")  # fmt: skip


if __name__ == "__main__":
    main()
