"""The overhead of workers, and how many of them pay off: `python benchmarks/executors.py` (Dask's overhead too, if it is installed).

1. A scan of about a minute by threads, and by 1, 2 and 4 worker processes of this machine: seconds from the first result on, the start apart, CPU seconds
   of all processes, and whether all bytes agree. Ratios are of one run after the other; on a machine that does other work, compare CPU seconds.
2. What one part costs beside its work: seconds, and CPU seconds of the driver with Dask's scheduler, for each of a thousand empty parts, by a process
   pool and by Dask, and the bytes of one.
3. Simulated clusters up to 1,000 workers: the program's own cutting of the grid, with the cost and the CPU seconds of a point by the cores
   of this machine that were measured, one driver that gives out and takes in one part after the other, and the model sent to each machine.
   Every machine has one worker and gets one small part at first; it loads kernels that are on its disk already. Said is what part of the time
   of N workers is work.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import multiprocessing
import pickle
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from machine import describe

from landscape import bundled, load_model, scan
from landscape.model import Model, build_model
from landscape.objective.session import available_cores
from landscape.scanning.portions import Cutter, Portion
from landscape.workers import Workers

WIDTHS, EXAMPLES = (64, 256, 256, 10), 4000
# Of a cluster: bytes a second that the driver's machine sends, and seconds until a new worker has imported and loaded its kernels.
RATE, START = 1e9, 5.0
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)


def network() -> Model:
    rng = np.random.default_rng(0)
    layers = [
        ((rng.standard_normal((o, i)) / np.sqrt(i)).astype("f4"), np.zeros(o, "f4"))
        for i, o in itertools.pairwise(WIDTHS)
    ]
    x = rng.standard_normal((EXAMPLES, WIDTHS[0])).astype("f4")
    return build_model(layers=layers, loss="cross_entropy", x_train=x, y_train=rng.integers(0, 10, EXAMPLES))


def cpu_seconds() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(use.ru_utime + use.ru_stime for use in map(resource.getrusage, kinds))


def timed(model: Model, points: str, executor: Any = None) -> tuple[Any, float, float]:
    """Scan; the record, seconds in all, and seconds until a first point was there."""
    begun, first = time.perf_counter(), []

    def told(share: float, words: str) -> None:
        if share > 0 and not first:
            first.append(time.perf_counter() - begun)

    record = scan(model, points=points, split="train", executor=executor, progress=told)
    return record, time.perf_counter() - begun, first[0]


def local(seconds: float) -> None:
    model = network()
    side = 15
    _, spent, _ = timed(model, f"{side}x{side}")
    side = max(5, int(side * (seconds / spent) ** 0.5))
    points = f"{side}x{side}"
    print(f"\n{'-'.join(map(str, WIDTHS))}, {EXAMPLES:,} examples, {points} points, float32")
    print(f"{'by':<12}{'seconds':>9}{'start':>8}{'without':>9}{'ratio':>7}{'CPU s':>8}  bytes")
    before = cpu_seconds()
    plain, whole, _ = timed(model, points)
    print(f"{'threads':<12}{whole:9.2f}{0.0:8.2f}{whole:9.2f}{1.0:7.3f}{cpu_seconds() - before:8.2f}")
    for count in (1, 2, 4):
        before = cpu_seconds()
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(count, mp_context=context) as pool:
            record, spent, start = timed(model, points, pool)
        equal = all(a.tobytes() == record.arrays()[name].tobytes() for name, a in plain.arrays().items())
        rest = spent - start
        print(
            f"{f'{count} workers':<12}{spent:9.2f}{start:8.2f}{rest:9.2f}{rest / whole:7.3f}{cpu_seconds() - before:8.2f}  "
            f"{'equal' if equal else 'DIFFER'}"
        )


@dataclass
class Nothing:
    """Work that takes no time and returns as many numbers as a run of points."""

    points: int = 20

    def do(self, piece: Any) -> tuple[np.ndarray, float]:
        return np.zeros((self.points, 6)), 0.0


def cost(executor: Any, parts: int = 1000) -> tuple[float, float]:
    """Seconds on the clock and of this process's CPU, where the driver and Dask's scheduler run, for a part that is no work."""
    pieces = [Portion("train", k, k + 20, 0, None) for k in range(parts)]
    results = Workers(executor).results(Nothing(), pieces)
    next(results)
    begun, before = time.perf_counter(), time.process_time()
    for _ in results:
        pass
    return (time.perf_counter() - begun) / (parts - 1), (time.process_time() - before) / (parts - 1)


def costs() -> float:
    """Measure what a part costs by each executor; the larger CPU time."""
    print(f"\na part's place in the grid: {len(pickle.dumps(Portion('train', 0, 20, 0, None)))} bytes")
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = {"a process pool": cost(pool)}
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        pass
    else:
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            found["Dask"] = cost(client.get_executor())
    for name, (clock, cpu) in found.items():
        print(
            f"a part that is no work, by {name}: {1e3 * clock:.2f} ms, of which the driver computes {1e3 * cpu:.2f} ms"
        )
    return max(cpu for _, cpu in found.values())


def simulated(points: int, line: int, seconds: float, workers: int, each: float, megabytes: float) -> float:
    """Seconds of a cluster for a scan whose points take so many seconds; `each` is the driver's for a part."""
    sent = megabytes * 1e6 / RATE
    cutter = Cutter(np.ones(points, bool), 1, line, workers)
    # A worker is ready when it has started and got the model, which goes to one machine after the other.
    ready = [START + sent * (number + 1) for number in range(workers)]
    events: list[tuple[float, int, int]] = []
    clock = 0.0

    def give(worker: int) -> None:
        nonlocal clock
        run = cutter.next()
        if run is None:
            return
        clock += each
        ready[worker] = max(ready[worker], clock) + seconds * (run[1] - run[0])
        heapq.heappush(events, (ready[worker], worker, run[1] - run[0]))

    for worker in range(workers):
        give(worker)
    first = True
    while events:
        when, worker, size = heapq.heappop(events)
        clock = max(clock, when) + each
        cutter.took(size, seconds * size)
        # Those whose first part is not back wait for it: the second ones are cut by what the first to come back took.
        for other in range(workers) if first else ():
            give(other)
        first = False
        give(worker)
    return clock


@dataclass
class Work:
    """A scan on a cluster: seconds that a point takes on this machine, and megabytes that go to each machine."""

    name: str
    points: int
    seconds: float
    megabytes: float


def measured(model: Model, name: str, examples: int, sides: tuple[int, ...]) -> list[Work]:
    """Time a point of a scan on this machine, and scale it to so many examples."""
    scan(model, points="3x1", split="train")
    begun, side = time.process_time(), 5
    scan(model, points=f"{side}x{side}", split="train")
    there = len(model.data["x_train"])
    seconds = (time.process_time() - begun) / available_cores() / side**2 * examples / there
    megabytes = (8 * model.size + examples / there * sum(a.nbytes for a in model.data.values())) / 1e6
    return [Work(f"{name}, {examples:,} examples", n * n, seconds, megabytes) for n in sides]


def works() -> list[Work]:
    """What the simulated clusters do; a ResNet-20 of 32 × 32 images where PyTorch is installed, which builds it."""
    found = measured(network(), "-".join(map(str, WIDTHS)), EXAMPLES, (51,))
    found += measured(load_model(bundled()["lenet"]), "LeNet", 60_000, (51,))
    try:
        from networks import problems
    except ImportError:
        return found
    resnet = problems(["resnet20"])[0].model
    return (
        found + measured(resnet, "ResNet-20", 1000, (51,)) + measured(resnet, "ResNet-20", 50_000, (21, 101))
    )


def clusters(each: float) -> None:
    print(
        f"\nsimulated, {1e3 * each:.2f} ms a part, {RATE / 1e9:g} GB/s from the driver, {START:g} s to start"
    )
    print(
        "part of N workers' time that is work, and the time in all; the seconds of a point are this machine's"
    )
    for work in works():
        print(f"{work.name}: {work.points:,} points of {work.seconds:.3g} s, {work.megabytes:.3g} MB")
        useful = 1
        cells = []
        for workers in SIZES:
            line = round(work.points**0.5)
            spent = simulated(work.points, line, work.seconds, workers, each, work.megabytes)
            part = work.points * work.seconds / (spent * workers)
            useful = workers if part >= 0.5 else useful
            cells.append(f"{workers}: {part:.0%} ({spent:,.0f} s)")
        print("  " + ", ".join(cells))
        print(f"  half of the time is work up to about {useful} workers")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60.0, help="of the scan by threads")
    parser.add_argument("--only", choices=("local", "costs", "clusters"))
    asked = parser.parse_args()
    if asked.only in (None, "local"):
        local(asked.seconds)
    if asked.only != "local":
        clusters(costs() if asked.only != "clusters" else 1e-3)
    print(describe())


if __name__ == "__main__":
    main()
