"""Where the sharpness of batches settles under SGD: `python benchmarks/batch_sharpness.py [--steps 6000]`.

Two networks, batches of 8 to 256, and all examples: η times batch sharpness over 2, and η λ_max over 2, over the last third of the looks, with the
range. Andreyev and Beneventano (arXiv 2412.20553) say 1 for the first once it has stopped rising, and less for the second the smaller the batch.
"""

from __future__ import annotations

import argparse

import numpy as np

from landscape import study_stability
from landscape.faults.data import drawn, waves
from landscape.faults.networks import dense, started
from landscape.machine import cpu_kind
from landscape.model import bundled_path, load_model

# A rate for each, at which full-batch descent reaches its edge within the run.
RATES = {"digits": 0.5, "waves": 0.1}


def networks() -> dict:
    digits = load_model(bundled_path("digits")).data
    x, y = digits["x_train"][:512], digits["y_train"][:512]
    hot = np.eye(10)[y]
    return {
        "digits": started(
            dense({"x_train": x, "y_train": hot}, (64, 32, 32, 10), "tanh", "mse"), "xavier", 0
        ),
        "waves": started(
            dense(
                {k: v for k, v in drawn(waves, 0, train=512).items() if "train" in k},
                (2, 32, 32, 1),
                "tanh",
                "mse",
            ),
            "xavier",
            0,
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--looks", type=int, default=30)
    parser.add_argument("--factor", type=float, default=1.0, help="of the rates")
    parser.add_argument("--sizes", type=int, nargs="*", default=[8, 16, 32, 64, 128, 256, 512])
    options = parser.parse_args()
    print(f"{cpu_kind()}; {options.steps} steps, {options.looks} looks")
    for name, model in networks().items():
        rate = options.factor * RATES[name]
        for size in options.sizes:
            found = study_stability(
                model, rates=[rate], steps=options.steps, looks=options.looks, batch_size=size, threads=1
            )
            if not np.isfinite(found.series["loss"][0][-1]):
                print(f"{name:8} η {rate:g} batch {size:4}: diverged", flush=True)
                continue
            late = slice(-max(2, options.looks // 3), None)
            batches, largest = (
                0.5 * rate * found.series[key][0][late] for key in ("batch_sharpness", "sharpness")
            )
            first, last = np.median(batches[: len(batches) // 2]), np.median(batches[len(batches) // 2 :])
            print(
                f"{name:8} η {rate:g} batch {size:4}: batch sharpness {np.nanmedian(batches):.2f} of 2/η ({np.nanmin(batches):.2f} to "
                f"{np.nanmax(batches):.2f}), {'rising' if last > 1.1 * first else 'settled'}; λ_max {np.nanmedian(largest):.2f}; "
                f"loss {found.series['loss'][0][-1]:.3g}",
                flush=True,
            )


if __name__ == "__main__":
    main()
