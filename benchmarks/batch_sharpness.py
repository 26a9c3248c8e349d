"""Where the sharpness of batches settles under SGD: `python benchmarks/batch_sharpness.py [--examples 3e6]`.

Two networks, batches of 8 to 256: η times batch sharpness over 2, and η λ_max over 2, over the last third of the looks, with the range. Andreyev and
Beneventano (arXiv 2412.20553) say 1 for the first once it has stopped rising, and less for the second the smaller the batch.

A network settles below where it has nothing left to learn before it has become that sharp: digits with their own labels are learned in a few
thousand updates, and batches of 32 then stay at half of 2/η at a rate of 0.5. So the labels here are shuffled, which takes long to learn by heart,
starts are smaller than usual, and smaller batches take more updates, at the largest rates that do not diverge.
"""

from __future__ import annotations

import argparse

import numpy as np

from landscape import study_stability
from landscape.faults.networks import dense, started
from landscape.machine import cpu_kind
from landscape.model import Model, bundled_path, load_model

# The activation, the hidden width, the part of a usual start, and a rate for each batch size.
NETWORKS = {
    "relu": ((64, 64, 64, 10), 0.5, {8: 0.5, 16: 0.7, 32: 0.7, 64: 0.7, 128: 1.0, 256: 1.0}),
    "gelu": ((64, 96, 96, 10), 0.7, {8: 0.5, 16: 0.6, 32: 0.8, 64: 0.9, 128: 1.0, 256: 1.0}),
}
EXAMPLES = 1000
# Fewer updates leave large batches, more are a waste on small ones.
FEWEST, MOST = 30_000, 200_000


def network(activation: str, sizes: tuple[int, ...], part: float) -> Model:
    digits = load_model(bundled_path("digits")).data
    labels = np.random.default_rng(0).permutation(digits["y_train"][:EXAMPLES])
    data = {"x_train": digits["x_train"][:EXAMPLES], "y_train": np.eye(10)[labels]}
    model = started(dense(data, sizes, activation, "mse"), "he", 0)
    return model.with_theta(part * model.theta)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--examples", type=float, default=3e6, help="examples that a run sees")
    parser.add_argument("--looks", type=int, default=30)
    parser.add_argument("--sizes", type=int, nargs="*", default=[8, 16, 32, 64, 128, 256])
    parser.add_argument("--only", default="", help="activations that contain this")
    options = parser.parse_args()
    print(f"{cpu_kind()}; {EXAMPLES} digits with shuffled labels, {options.looks} looks")
    for name, (sizes, part, rates) in NETWORKS.items():
        model = network(name, sizes, part)
        for size in (size for size in options.sizes if options.only in name):
            steps = int(np.clip(options.examples / size, FEWEST, MOST))
            found = study_stability(
                model, rates=[rates[size]], steps=steps, looks=options.looks, batch_size=size, dtype="float32", threads=1
            )  # fmt: skip
            print(line(name, size, rates[size], steps, found.series, options.looks), flush=True)


def line(name: str, size: int, rate: float, steps: int, series: dict, looks: int) -> str:
    """Write the value at which a run's batch sharpness settled."""
    start = f"{name} η {rate:g} batch {size:3}, {steps:,} updates"
    if not np.isfinite(series["loss"][0][-1]):
        return f"{start}: diverged"
    late = slice(-max(2, looks // 3), None)
    batches, largest = (0.5 * rate * series[key][0][late] for key in ("batch_sharpness", "sharpness"))
    first, last = np.median(batches[: len(batches) // 2]), np.median(batches[len(batches) // 2 :])
    return (
        f"{start}: batch sharpness {np.nanmedian(batches):.2f} of 2/η ({np.nanmin(batches):.2f} to {np.nanmax(batches):.2f}), "
        f"{'rising' if last > 1.1 * first else 'settled'}; λ_max {np.nanmedian(largest):.2f}; loss {series['loss'][0][-1]:.3g}"
    )


if __name__ == "__main__":
    main()
