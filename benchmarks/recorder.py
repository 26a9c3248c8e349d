"""What `landscape.Recorder` adds to a step of training, beside the step itself: at most 1 % of it or 3 µs, whichever is larger.

The same loop of 10,000 steps runs with a stub and with the recorder, in turns; the calls are timed alone within it. Times are those of the processor, of
the median of three rounds, so that what else the machine does is not counted; the stub's calls show what the clock takes, and are subtracted.

    python benchmarks/recorder.py [--steps 10000]
"""

from __future__ import annotations

import argparse
import gc
import itertools
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

import landscape

NETWORKS = {
    "64-32-10, batch 32": ((64, 32, 10), 32),
    "64-256-256-10, batch 64": ((64, 256, 256, 10), 64),
    "784-512-10, batch 64": ((784, 512, 10), 64),
}
ROUNDS = 3
MOST_PART, MOST_SECONDS = 0.01, 3e-6


def network(sizes: tuple[int, ...]) -> nn.Module:
    layers: list[nn.Module] = []
    for one, other in itertools.pairwise(sizes):
        layers += [nn.Linear(one, other), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Stub:
    """Counts what a loop would record."""

    def __init__(self) -> None:
        self.count = 0

    def step(self, loss: Any) -> None:
        self.count += 1


def loop(
    module: nn.Module, x: Any, y: Any, batch: int, steps: int, recorder: Any, optimizer: Any
) -> tuple[float, float]:
    """Seconds of a whole step, and of the recorder's call in it."""
    # What the import of the network left would be collected once within the loop, in a fifth of a second.
    gc.collect()
    inside, began = 0.0, time.process_time()
    for step in range(steps):
        start = step * batch % (len(x) - batch)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(module(x[start : start + batch]), y[start : start + batch])
        loss.backward()
        optimizer.step()
        before = time.process_time()
        recorder.step(loss=loss)
        inside += time.process_time() - before
    return (time.process_time() - began) / steps, inside / steps


def measured(sizes: tuple[int, ...], batch: int, steps: int, folder: Path) -> tuple[float, float, float]:
    """Median seconds over rounds: a step without the recorder, its call, and what closing takes."""
    bare, calls, closings = [], [], []
    for turn in range(ROUNDS):
        torch.manual_seed(turn)
        x, y = torch.randn(2048, sizes[0]), torch.randint(0, sizes[-1], (2048,))
        module = network(sizes)
        optimizer = torch.optim.Adam(module.parameters(), lr=1e-4)
        stub = Stub()
        plain, empty = loop(module, x, y, batch, steps, stub, optimizer)
        assert stub.count == steps
        recorder = landscape.Recorder(
            folder / f"{turn}-{len(sizes)}-{sizes[0]}.npz",
            module,
            "cross_entropy",
            (x, y),
            optimizer,
            announce=lambda _: None,
        )
        _, call = loop(module, x, y, batch, steps, recorder, optimizer)
        began = time.perf_counter()
        recorder.close()
        closings.append(time.perf_counter() - began)
        # A clock takes time too, as the stub shows.
        bare.append(plain)
        calls.append(call - empty)
    return statistics.median(bare), statistics.median(calls), statistics.median(closings)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000)
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    print(
        f"{'network':28}{'step, µs':>10}{'recorder, µs':>14}{'share':>8}{'close, s':>10}  within 1 % or 3 µs"
    )
    for name, (sizes, batch) in NETWORKS.items():
        with tempfile.TemporaryDirectory() as folder:
            step, call, closing = measured(sizes, batch, steps, Path(folder))
        good = call <= max(MOST_PART * step, MOST_SECONDS)
        print(
            f"{name:28}{1e6 * step:10.1f}{1e6 * call:14.2f}{call / step:8.2%}{closing:10.2f}  {'yes' if good else 'no'}"
        )


if __name__ == "__main__":
    main()
