"""The loss around the bundled digits network, on a plane of random directions: README's figure.

Run it as `python figures/digits_landscape.py [--quick] [--output FILE.png]`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from matplotlib.figure import Figure

import landscape
from landscape.plots import style

DEFAULT = Path(__file__).with_suffix(".png")


def draw(record: landscape.Scan) -> Figure:
    """Draw one scan twice: as a surface, and as the map that says its heights."""
    with style():
        figure = Figure(figsize=(6.6, 3.0))
        surface = figure.add_axes((0.03, 0.1, 0.48, 0.87), projection="3d", computed_zorder=False)
        contours = figure.add_axes((0.59, 0.21, 0.32, 0.66))
        landscape.plot_scan(record, kind="surface", ax=surface)
        landscape.plot_contours(record, ax=contours, legend=False)
        # The map beside it has the colours of both.
        surface.set(title="", xlabel="α", ylabel="β")
        along = [
            f"{name} along random direction {number}\n(filter-normalized)"
            for number, name in enumerate("αβ", 1)
        ]
        contours.set(title="digits: training loss", xlabel=along[0], ylabel=along[1])
        figure.legend(*contours.get_legend_handles_labels(), loc="lower left")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few points, for a test of the script")
    parser.add_argument("--output", type=Path, default=DEFAULT)
    options = parser.parse_args()
    model = landscape.load_model(landscape.bundled_path("digits"))
    record = landscape.scan(model, points=11 if options.quick else 51, split="train")
    with style():
        draw(record).savefig(options.output, dpi=200, metadata={"Software": None})
    print(options.output)


if __name__ == "__main__":
    main()
